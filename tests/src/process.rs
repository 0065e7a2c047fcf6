//! What the system says about a process, and the signals sent to one.

use std::process::Command;

/// What a process uses.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Resident memory in bytes.
    pub resident: u64,
    /// Threads.
    pub threads: u64,
}

impl Usage {
    /// Of the process `id`, from Linux's `/proc`.
    ///
    /// # Panics
    /// When there is no such process, or no `/proc`.
    pub fn of(id: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("the process lives");
        let number = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
            line.split_whitespace().next().and_then(|number| number.parse().ok()).expect(name)
        };
        Self { resident: number("VmRSS:") * 1024, threads: number("Threads:") }
    }

    /// How much more memory `later` uses, in MiB.
    pub fn growth(self, later: Self) -> u64 {
        later.resident.saturating_sub(self.resident) >> 20
    }
}

/// The names of the threads of the process `id`, the main one's not among them, from Linux's `/proc`.
pub(crate) fn threads(id: u32) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{id}/task")).expect("the process lives");
    let others = tasks.map(|task| task.unwrap().path()).filter(|task| !task.ends_with(id.to_string()));
    // One that has just ended has no name.
    let names = others.filter_map(|task| std::fs::read_to_string(task.join("comm")).ok());
    names.map(|name| name.trim_end().to_owned()).collect()
}

/// Sends `signal` (`TERM`, `HUP`, `INT`, `KILL`) to the process `id`.
pub(crate) fn signal(id: u32, signal: &str) {
    let sent = Command::new("kill").arg(format!("-{signal}")).arg(id.to_string()).status();
    assert!(sent.is_ok_and(|status| status.success()), "cannot send {signal} to {id}");
}
