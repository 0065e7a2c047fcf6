//! The `gateway` command as the tests run it: a binary of this package is built whenever its tests are, so that it is
//! never older than them. It also shows that a command of one's own takes one line.

use std::process::ExitCode;

fn main() -> ExitCode {
    gateway::main(gateway::registry())
}
