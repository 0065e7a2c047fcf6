//! Reads what the kernel says of the CPU: a control group of version 2 or 1, else the whole machine.
//!
//! Invariant: where it looks is settled once, by what is there; the group's limits are read anew each time.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Measures the share of the CPU that was used since it was last asked.
#[derive(Debug)]
pub(super) struct Meter {
    source: Source,
    last: Option<(Reading, Instant)>,
}

#[derive(Debug)]
enum Source {
    /// The group's folder, and the machine's `/proc/stat`.
    V2 { group: PathBuf, stat: PathBuf },
    /// The group's folders by controller, and the machine's `/proc/stat`.
    V1 { cpuacct: PathBuf, cpu: PathBuf, cpuset: PathBuf, stat: PathBuf },
    /// The machine's `/proc/stat`.
    Machine { stat: PathBuf },
}

/// What has been used since some beginning, and of what.
#[derive(Clone, Copy, Debug)]
enum Reading {
    /// CPU seconds, of so many CPUs.
    Group { used: f64, cpus: f64 },
    /// Ticks, of all there were.
    Machine { used: f64, all: f64 },
}

impl Meter {
    /// Looks below `root` (`/`, but for tests) for something to read.
    pub(super) fn find(root: &Path) -> Option<Self> {
        let sources = [Source::v2(root), Source::v1(root), Source::Machine { stat: root.join("proc/stat") }];
        let source = sources.into_iter().find(|source| source.read().is_some())?;
        Some(Self { source, last: None })
    }

    /// The share since the last time, 0 to 1; nothing the first time, and if nothing can be read.
    pub(super) fn share(&mut self, now: Instant) -> Option<f64> {
        let reading = self.source.read()?;
        let (before, then) = self.last.replace((reading, now))?;
        let (used, all) = match (before, reading) {
            (Reading::Group { used: before, .. }, Reading::Group { used, cpus }) => {
                (used - before, now.saturating_duration_since(then).as_secs_f64() * cpus)
            }
            (Reading::Machine { used: before, all: all_before }, Reading::Machine { used, all }) => {
                (used - before, all - all_before)
            }
            _ => return None,
        };
        (all > 0.0).then(|| (used / all).clamp(0.0, 1.0))
    }
}

impl Source {
    fn v2(root: &Path) -> Self {
        let mount = root.join("sys/fs/cgroup");
        Self::V2 { group: folder(&mount, &group_path(root, None)), stat: root.join("proc/stat") }
    }

    fn v1(root: &Path) -> Self {
        let folder = |controller: &str| {
            folder(&root.join("sys/fs/cgroup").join(controller), &group_path(root, Some(controller)))
        };
        let (cpuacct, cpu, cpuset) = (folder("cpuacct"), folder("cpu"), folder("cpuset"));
        Self::V1 { cpuacct, cpu, cpuset, stat: root.join("proc/stat") }
    }

    fn read(&self) -> Option<Reading> {
        match self {
            Self::V2 { group, stat } => {
                let used = field(&read_to_string(group.join("cpu.stat")).ok()?, "usage_usec")? / 1e6;
                let quota = read_to_string(group.join("cpu.max")).ok().and_then(|max| {
                    let (quota, period) = max.trim().split_once(' ')?;
                    Some(quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?)
                });
                Some(Reading::Group { used, cpus: cpus(&group.join("cpuset.cpus.effective"), stat, quota)? })
            }
            Self::V1 { cpuacct, cpu, cpuset, stat } => {
                let used = number(&cpuacct.join("cpuacct.usage"))? / 1e9;
                let quota = number(&cpu.join("cpu.cfs_quota_us")).filter(|quota| *quota > 0.0);
                let period = number(&cpu.join("cpu.cfs_period_us"));
                let quota = quota.zip(period).map(|(quota, period)| quota / period);
                Some(Reading::Group { used, cpus: cpus(&cpuset.join("cpuset.cpus"), stat, quota)? })
            }
            Self::Machine { stat } => {
                let text = read_to_string(stat).ok()?;
                let ticks = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
                let ticks = ticks.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>().ok()?;
                // user, nice, system, idle, iowait, irq, softirq, steal; what guests use is within user and nice.
                let all: f64 = ticks.iter().take(8).sum();
                let idle: f64 = ticks.iter().skip(3).take(2).sum();
                Some(Reading::Machine { used: all - idle, all })
            }
        }
    }
}

/// A group's folder; in a container, which may see only its own group, the folder of the mount.
fn folder(mount: &Path, path: &str) -> PathBuf {
    let own = mount.join(path.trim_start_matches('/'));
    if own.is_dir() { own } else { mount.to_owned() }
}

/// The path of this process's group: of version 2, or of a controller of version 1 (cgroups(7), "/proc files").
fn group_path(root: &Path, controller: Option<&str>) -> String {
    let text = read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let path = text.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let found = match controller {
            None => controllers.is_empty(),
            Some(name) => controllers.split(',').any(|other| other == name),
        };
        found.then(|| path.to_owned())
    });
    path.unwrap_or_default()
}

/// How many CPUs the group may use: those of its set, else the machine's; no more than its quota.
fn cpus(set: &Path, stat: &Path, quota: Option<f64>) -> Option<f64> {
    let set = read_to_string(set).ok().and_then(|set| count(set.trim()));
    let machine = || {
        let text = read_to_string(stat).ok()?;
        let of_one = |line: &&str| line.starts_with("cpu") && !line.starts_with("cpu ");
        Some(text.lines().filter(of_one).count()).filter(|cpus| *cpus > 0)
    };
    let all = set.or_else(machine).map(|cpus| cpus as f64);
    match (all, quota) {
        (Some(all), Some(quota)) => Some(all.min(quota)),
        (all, quota) => all.or(quota),
    }
}

/// How many there are in a list such as `0-3,8`.
fn count(list: &str) -> Option<usize> {
    let mut cpus = 0;
    for range in list.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().ok()?);
        cpus += last.checked_sub(first)? + 1;
    }
    Some(cpus)
}

fn number(path: &Path) -> Option<f64> {
    read_to_string(path).ok()?.trim().parse().ok()
}

/// The value of a line `name value`.
fn field(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}
