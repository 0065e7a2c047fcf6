//! How the process ends, and what it says then.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use gw_config::{Diagnostics, Style};

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All went well.
    Ok,
    /// Something failed, or requests had to be cut.
    Failure,
    /// The command line or the environment is wrong.
    Usage,
    /// The configuration is wrong (`EX_CONFIG`), for a service manager not to restart in vain.
    Config,
}

impl Exit {
    /// Its number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Config => 78,
        }
    }
}

/// Why a command gave up.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A sentence for the user.
    Usage(String),
    /// Everything that is wrong with a configuration.
    Config(Diagnostics),
    /// A step that failed, and why.
    Step(anyhow::Error),
}

impl Failure {
    /// A mistake in the command line or the environment.
    pub(crate) fn usage(sentence: impl Into<String>) -> Self {
        Self::Usage(sentence.into())
    }
}

impl From<Diagnostics> for Failure {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::Config(diagnostics)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Step(error)
    }
}

/// Says what there is to say and gives the exit code.
pub(crate) fn report(result: Result<Exit, Failure>) -> ExitCode {
    let exit = match result {
        Ok(exit) => exit,
        Err(Failure::Usage(sentence)) => {
            complain(&format!("gateway: {sentence}\nTry 'gateway --help'."));
            Exit::Usage
        }
        Err(Failure::Config(diagnostics)) => {
            complain(&render(&diagnostics));
            Exit::Config
        }
        Err(Failure::Step(error)) => {
            complain(&format!("gateway: {error:#}"));
            Exit::Failure
        }
    };
    ExitCode::from(exit.code())
}

/// A configuration's errors, in colour on a terminal.
pub(crate) fn render(diagnostics: &Diagnostics) -> String {
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    diagnostics.render(if colours { Style::Coloured } else { Style::Plain })
}

/// Writes a line to standard output.
pub(crate) fn say(text: &str) -> Result<Exit, Failure> {
    match writeln!(std::io::stdout(), "{text}") {
        Ok(()) => Ok(Exit::Ok),
        // The reader has had enough: `gateway dev | head`.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Exit::Ok),
        Err(error) => Err(anyhow::Error::from(error).context("standard output").into()),
    }
}

/// Writes a line to standard error; there is nobody to tell if that fails.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
