//! Programs under test: pinned, in a session of their own, their CPU time read from `/proc`, ended by pid.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;

/// The core of the proxy.
pub(crate) const PROXY: &str = "0";
/// The cores of a proxy that may have more.
pub(crate) const SPREAD: &str = "0,1";
/// The core of load and origin.
pub(crate) const LOAD: &str = "1";

/// A running program and its children, all in one session.
pub(crate) struct Running {
    child: Child,
}

impl Running {
    /// Starts `command`, a program and its arguments, on `core`; its output goes to `log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(command: &[String], core: &str, log: &Path) -> anyhow::Result<Self> {
        let output = std::fs::File::create(log)?;
        let child = pinned(core)
            .args(command)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {}", command.join(" ")))?;
        Ok(Self { child })
    }

    /// CPU time of all its processes since their start, in seconds.
    pub(crate) fn cpu(&self) -> f64 {
        self.processes().iter().map(Process::seconds).sum()
    }

    /// Proportional memory of all its processes, in KiB.
    pub(crate) fn memory(&self) -> u64 {
        let rollup = |process: &Process| {
            let text = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", process.pid)).ok()?;
            let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
            line.trim().trim_end_matches(" kB").parse::<u64>().ok()
        };
        self.processes().iter().filter_map(rollup).sum()
    }

    /// The ids of its processes.
    pub(crate) fn pids(&self) -> Vec<String> {
        self.processes().iter().map(|process| process.pid.to_string()).collect()
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    fn processes(&self) -> Vec<Process> {
        let session = u64::from(self.child.id());
        processes().into_iter().filter(|process| process.session == session).collect()
    }

    fn signal(&self, name: &str) -> bool {
        let pids = self.pids();
        if !pids.is_empty() {
            let mut kill = Command::new("kill");
            let _ = kill.arg(name).args(&pids).stderr(Stdio::null()).status();
        }
        pids.is_empty()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // At once: a drain would be waited for before every measurement.
        self.signal("-KILL");
        let _ = self.child.wait();
        while !self.signal("-KILL") {
            pause(Duration::from_millis(5));
        }
    }
}

/// A command that runs on `core` before others, in a session of its own.
pub(crate) fn pinned(core: &str) -> Command {
    let mut command = Command::new("setsid");
    command.args(["nice", "-n", "-10", "taskset", "--cpu-list", core]);
    command
}

/// Waits where nothing tells when to go on.
#[expect(clippy::disallowed_methods, reason = "a tool has no worker to block")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// CPU time that all processes but idling took, in seconds since the machine's start.
pub(crate) fn busy() -> f64 {
    let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = line.split_whitespace().skip(1).filter_map(|tick| tick.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal
    ticks
        .iter()
        .take(8)
        .enumerate()
        .filter(|(field, _)| !matches!(field, 3 | 4))
        .map(|(_, tick)| tick)
        .sum::<f64>()
        / TICKS
}

/// CPU time of this program, and of those that it started, waited for, and that have ended, in seconds.
pub(crate) fn own() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit_once(") ").map_or("", |(_, fields)| fields).split_whitespace();
    // utime stime cutime cstime
    fields.skip(11).take(4).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / TICKS
}

/// `USER_HZ`, which Linux shows to programs as 100 whatever the kernel's own rate is.
const TICKS: f64 = 100.0;

struct Process {
    pid: u64,
    session: u64,
    ticks: f64,
}

impl Process {
    fn seconds(&self) -> f64 {
        self.ticks / TICKS
    }

    /// A line of `/proc/PID/stat`.
    fn parse(line: &str) -> Option<Self> {
        let pid = line.split_whitespace().next()?.parse().ok()?;
        // The name stands in brackets and may hold anything.
        let fields: Vec<&str> = line.rsplit_once(") ")?.1.split_whitespace().collect();
        if fields.first() == Some(&"Z") {
            return None;
        }
        let ticks = fields.get(11..15)?.iter().filter_map(|field| field.parse::<f64>().ok()).sum();
        Some(Self { pid, session: fields.get(3)?.parse().ok()?, ticks })
    }
}

fn processes() -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()))
        .filter_map(|entry| Process::parse(&std::fs::read_to_string(entry.path().join("stat")).ok()?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::Process;

    #[test]
    fn a_name_may_hold_brackets() {
        let line = "7 (a) b) S 1 7 5 0 -1 0 0 0 0 0 30 40 1 2 20 0 1";
        let process = Process::parse(line).unwrap();
        assert_eq!((process.pid, process.session), (7, 5));
        assert!((process.seconds() - 0.73).abs() < 1e-9);
    }
}
