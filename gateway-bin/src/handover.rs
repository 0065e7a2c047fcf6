//! Binary upgrade: the listening sockets go to a newly started gateway; once it serves, this one drains.

use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use gw_config::HANDOVER;
use gw_server::{Inherited, Passed, Predecessor};

/// How long a successor may take until it serves.
const PATIENCE: Duration = Duration::from_secs(30);

/// Starts `program` with this process's arguments, gives it the sockets, and returns once it serves.
pub(crate) async fn hand_over(program: &Path, listeners: &[Passed]) -> anyhow::Result<()> {
    let mut command = Command::new(program);
    command.args(std::env::args_os().skip(1)).env(HANDOVER, "1");
    let handed_over = gw_server::hand_over(command, listeners, PATIENCE).await;
    handed_over.with_context(|| program.display().to_string())
}

/// Receives the sockets of the process that started this one. Blocks: nothing is served yet.
pub(crate) fn take_over() -> anyhow::Result<(Predecessor, Inherited)> {
    let stream = std::io::stdin().as_fd().try_clone_to_owned()?;
    gw_server::take_over(stream.into()).with_context(|| format!("{HANDOVER} is set"))
}
