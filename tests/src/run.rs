//! Commands that end by themselves, and what they said.

use tokio::process::Command;

use crate::within;

/// What is left of a command.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Its exit code; none if a signal killed it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

/// Runs `command` to its end.
///
/// # Panics
/// When it does not start, or never ends.
pub async fn run(mut command: Command) -> Ran {
    let what = format!("{command:?} ends");
    let output = within(&what, command.output()).await.expect(&what);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}
