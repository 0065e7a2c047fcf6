//! How often threads have to wake each other.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;

use super::load::Counted;
use super::process::{Running, pause};

/// Calls of `futex` for each request of `load`, by all threads of the proxy, as strace counts them.
///
/// # Errors
/// When strace may not attach itself, or the load fails.
pub(crate) fn per_request(
    running: &Running,
    folder: &Path,
    load: impl FnOnce() -> anyhow::Result<Counted>,
) -> anyhow::Result<f64> {
    let file = folder.join("futex");
    let mut command = Command::new("strace");
    command.args(["-f", "-q", "-c", "-e", "trace=futex", "-o"]).arg(&file);
    for pid in running.pids() {
        command.args(["-p", &pid]);
    }
    let mut strace = command.stdin(Stdio::null()).spawn().context("cannot start strace")?;
    // It says nothing when it has attached itself.
    pause(Duration::from_millis(500));
    let counted = load();
    let pid = strace.id().to_string();
    Command::new("kill").args(["-INT", &pid]).status()?;
    strace.wait()?;
    Ok(calls(&std::fs::read_to_string(file)?) / counted?.answers)
}

/// The calls in a summary of strace; without any there is no line for them.
fn calls(text: &str) -> f64 {
    let line = text.lines().find(|line| line.trim_end().ends_with(" futex")).unwrap_or_default();
    line.split_whitespace().nth(3).and_then(|calls| calls.parse().ok()).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::calls;

    #[test]
    fn the_summary_of_strace() {
        let head =
            "% time     seconds  usecs/call     calls    errors syscall\n------ ----------- -----------\n";
        assert!(
            (calls(&format!("{head}100.00    0.000016           2         7         1 futex\n")) - 7.0).abs()
                < 1e-9
        );
        assert!(
            (calls(&format!("{head}100.00    0.000016           2         8           futex\n")) - 8.0).abs()
                < 1e-9
        );
        assert!(calls(head).abs() < 1e-9);
    }
}
