//! The `gateway` command with the built-in middlewares.

use std::process::ExitCode;

fn main() -> ExitCode {
    gateway::main(gateway::registry())
}
