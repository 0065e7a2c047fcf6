//! The `gateway` command with the built-in middlewares.

use std::process::ExitCode;

fn main() -> ExitCode {
    gateway::main(gw_middleware::Registry::built_in())
}
