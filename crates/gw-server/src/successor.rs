//! A successor's process: started with the other end of a stream as its standard input, and killed unless it serves.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::{Passed, pass_on};

/// Why no successor serves. None runs then.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// Its program cannot be started.
    #[error("its program cannot be started")]
    Start(#[source] io::Error),
    /// It ended, or said something else than that it serves.
    #[error("process {pid} did not come to serve ({status})")]
    Failed {
        /// Its process id.
        pid: u32,
        /// How it ended.
        status: ExitStatus,
        /// What its predecessor saw of that.
        source: io::Error,
    },
    /// It took too long.
    #[error("process {pid} did not serve within {patience:?}")]
    Late {
        /// Its process id.
        pid: u32,
        /// How long it was given.
        patience: Duration,
    },
}

/// Starts `command`, passes it these listeners by its standard input, where it finds them with
/// [`take_over`](crate::take_over), and returns once it serves.
///
/// # Errors
/// Why it does not within `patience`.
///
/// # Cancel safety
/// Dropping the future kills a successor that does not serve yet.
pub async fn hand_over(
    mut command: Command,
    listeners: &[Passed],
    patience: Duration,
) -> Result<(), HandoverError> {
    let (ours, theirs) = UnixStream::pair().map_err(HandoverError::Start)?;
    command.stdin(Stdio::from(OwnedFd::from(theirs)));
    let child = command.spawn().map_err(HandoverError::Start)?;
    // With it goes our copy of its end: its death is seen as the stream's end.
    drop(command);
    let mut successor = Successor { child, serves: false };
    let pid = successor.child.id();
    tracing::info!(pid, "handing over");
    match tokio::time::timeout(patience, pass_on(ours, listeners)).await {
        Ok(Ok(())) => successor.serves = true,
        Ok(Err(source)) => {
            let status = successor.end().map_err(HandoverError::Start)?;
            return Err(HandoverError::Failed { pid, status, source });
        }
        Err(_) => return Err(HandoverError::Late { pid, patience }),
    }
    tracing::info!(pid, "handed over");
    Ok(())
}

/// A child that its drop kills unless it serves.
struct Successor {
    child: Child,
    serves: bool,
}

impl Successor {
    /// Kills it unless it has ended, and says how it did.
    fn end(&mut self) -> io::Result<ExitStatus> {
        self.child.kill()?;
        self.child.wait()
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        if !self.serves {
            // It may have ended; and who would be told?
            let _ = self.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn why_no_successor_serves_is_told() {
        let missing = Command::new("/no/such/program");
        let refused = hand_over(missing, &[], Duration::MAX).await;
        assert!(matches!(refused, Err(HandoverError::Start(_))), "{refused:?}");
        let failed = hand_over(shell("exit 78"), &[], Duration::MAX).await;
        assert!(
            matches!(&failed, Err(HandoverError::Failed { status, .. }) if status.code() == Some(78)),
            "{failed:?}"
        );
        let late = hand_over(shell("exec sleep 600"), &[], Duration::ZERO).await;
        let Err(HandoverError::Late { pid, .. }) = late else { panic!("{late:?}") };
        let found = Command::new("kill").args(["-0", &pid.to_string()]).stderr(Stdio::null()).status();
        assert!(!found.unwrap().success(), "it still runs");
    }

    #[tokio::test]
    async fn a_successor_that_serves_lives_on() {
        let file = tempfile::NamedTempFile::new().unwrap();
        // It answers without reading: what it would read is of no interest here.
        let script = format!("echo $$ > {}; echo ready >&0; exec sleep 600", file.path().display());
        hand_over(shell(&script), &[], Duration::MAX).await.unwrap();
        let pid = std::fs::read_to_string(file.path()).unwrap();
        assert!(Command::new("kill").args(["-KILL", pid.trim()]).status().unwrap().success());
    }
}
