//! The `gateway` command as a library, so that a binary of your own adds middlewares in one line:
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     gateway::main(gateway::registry()) // .with(my::Factory)
//! }
//! ```
//!
//! Here are arguments, environment, wiring, signals and exit codes; the logic of each command is in the crate that owns it.

mod app;
mod args;
mod demo;
mod dev;
mod diagnostics;
mod discovery;
mod exit;
mod handover;
mod life;
mod listeners;
mod pages;
mod reload;
mod stop;
mod validate;

use std::process::ExitCode;

use gw_middleware::Registry;

use crate::args::Command;
use crate::exit::{Exit, Failure};
use gw_config::Environment;

/// Every middleware of this project.
pub fn registry() -> Registry {
    Registry::built_in()
        .with(gw_middleware_tracing::Factory::default())
        .with(gw_middleware_transcode::Factory)
}

/// Runs the command line of this process with the middlewares of `registry`.
///
/// Exit codes: 0 ok, 1 failure, 2 usage, 78 invalid configuration.
pub fn main(registry: Registry) -> ExitCode {
    let cli = match args::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not errors, and go to standard output. Nobody can be told if this fails.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { Exit::Usage.code() } else { 0 });
        }
    };
    let result = match cli.command {
        None => run(&cli.run, registry),
        Some(Command::Run(args)) => run(&args, registry),
        Some(Command::Dev(args)) => {
            environment().and_then(|environment| dev::run(&args, environment, registry))
        }
        Some(Command::Validate(args)) => {
            environment().and_then(|environment| validate::run(&args, environment, registry))
        }
        Some(Command::Version) => exit::say(&format!("gateway {}", env!("CARGO_PKG_VERSION"))),
    };
    exit::report(result)
}

fn run(args: &args::RunArgs, registry: Registry) -> Result<Exit, Failure> {
    let mut environment = environment()?;
    discovery::replace(&args.discovery, &mut environment)?;
    diagnostics::start(args.debug)?;
    life::run(args, environment, registry)
}

fn environment() -> Result<Environment, Failure> {
    Environment::parse(std::env::vars_os()).map_err(Failure::usage)
}
