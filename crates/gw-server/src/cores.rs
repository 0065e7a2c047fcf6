//! How many workers the machine is worth: cores this process may run on, within its cgroup's CPU quota.
//!
//! A quota of 1.5 cores means two workers: rounded up, so that what was granted can be used.

use std::path::{Path, PathBuf};

/// The number of workers: `requested` (at least 1), else the cores within the quota.
pub fn worker_count(requested: Option<usize>) -> usize {
    requested.unwrap_or_else(|| granted(Path::new("/"))).max(1)
}

/// The cores that a machine grants this process; its files are below `root`.
fn granted(root: &Path) -> usize {
    let cores = allowed_cores(root)
        .or_else(|| std::thread::available_parallelism().ok().map(usize::from))
        .unwrap_or(1);
    quota(root).map_or(cores, |quota| quota.min(cores))
}

/// How many files the process may have open, where the system tells (Linux): connections up and down share it.
pub fn open_files_limit() -> Option<usize> {
    let limits = read(Path::new("/proc/self/limits"))?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// The cores in the affinity mask. The standard library's count is not used where this is known, since it
/// rounds the quota down.
fn allowed_cores(root: &Path) -> Option<usize> {
    let status = read(&root.join("proc/self/status"))?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    let mut cores = 0;
    for range in list.trim().split(',') {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        let (from, to): (usize, usize) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
        cores += (to + 1).checked_sub(from)?;
    }
    Some(cores)
}

/// The tightest quota of our cgroup and those around it, in cores.
fn quota(root: &Path) -> Option<usize> {
    let groups = read(&root.join("proc/self/cgroup"))?;
    let mut tightest: Option<usize> = None;
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let quota = if controllers.is_empty() {
            walk(&root.join("sys/fs/cgroup"), path, v2_quota)
        } else if controllers.split(',').any(|name| name == "cpu") {
            walk(&root.join("sys/fs/cgroup/cpu"), path, v1_quota)
        } else {
            None
        };
        tightest = tightest.into_iter().chain(quota).min();
    }
    tightest
}

/// Applies `read` to `mount/path` and to every folder above it, down to `mount` itself.
fn walk(mount: &Path, path: &str, read: fn(&Path) -> Option<usize>) -> Option<usize> {
    let mut folder: PathBuf = mount.join(path.trim_start_matches('/'));
    let mut tightest: Option<usize> = None;
    loop {
        tightest = tightest.into_iter().chain(read(&folder)).min();
        if folder == mount || !folder.pop() || !folder.starts_with(mount) {
            return tightest;
        }
    }
}

fn v2_quota(folder: &Path) -> Option<usize> {
    let text = read(&folder.join("cpu.max"))?;
    let (quota, period) = text.trim().split_once(' ')?;
    cores(quota, period)
}

fn v1_quota(folder: &Path) -> Option<usize> {
    let quota = read(&folder.join("cpu.cfs_quota_us"))?;
    let period = read(&folder.join("cpu.cfs_period_us"))?;
    cores(quota.trim(), period.trim())
}

/// `max` and `-1` are no quota, and do not parse.
fn cores(quota: &str, period: &str) -> Option<usize> {
    let (quota, period): (usize, usize) = (quota.parse().ok()?, period.parse().ok()?);
    (period > 0).then(|| quota.div_ceil(period).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine made of files.
    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        root
    }

    #[track_caller]
    fn check_quota(files: &[(&str, &str)], expect: Option<usize>) {
        assert_eq!(quota(machine(files).path()), expect, "{files:?}");
    }

    #[test]
    fn quotas() {
        let v2 = ("proc/self/cgroup", "0::/a/b\n");
        check_quota(&[v2], None);
        check_quota(&[v2, ("sys/fs/cgroup/a/b/cpu.max", "max 100000\n")], None);
        check_quota(&[v2, ("sys/fs/cgroup/a/b/cpu.max", "150000 100000\n")], Some(2));
        check_quota(&[v2, ("sys/fs/cgroup/a/b/cpu.max", "1000 100000\n")], Some(1));
        check_quota(
            &[
                v2,
                ("sys/fs/cgroup/a/b/cpu.max", "800000 100000\n"),
                ("sys/fs/cgroup/a/cpu.max", "300000 100000\n"),
            ],
            Some(3),
        );
        let v1 = ("proc/self/cgroup", "5:memory:/x\n4:cpu,cpuacct:/x\n");
        let period = ("sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n");
        check_quota(&[v1, period, ("sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "-1\n")], None);
        check_quota(&[v1, period, ("sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "250000\n")], Some(3));
        // In a container the path is the host's, and the group is mounted at the root.
        check_quota(&[("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/cpu.max", "400000 100000\n")], Some(4));
    }

    #[test]
    fn the_count_is_the_least_of_cores_and_quota() {
        let status = ("proc/self/status", "Cpus_allowed_list:\t0-7\n");
        let group = ("proc/self/cgroup", "0::/a\n");
        for (quota, expect) in [("250000", 3), ("1600000", 8), ("max", 8)] {
            let limit = format!("{quota} 100000\n");
            let root = machine(&[status, group, ("sys/fs/cgroup/a/cpu.max", &limit)]);
            assert_eq!(granted(root.path()), expect, "{quota}");
        }
    }

    #[track_caller]
    fn check_cores(list: &str, expect: Option<usize>) {
        let status = format!("Name:\tx\nCpus_allowed_list:\t{list}\n");
        assert_eq!(allowed_cores(machine(&[("proc/self/status", &status)]).path()), expect, "{list}");
    }

    #[test]
    fn affinity() {
        check_cores("0", Some(1));
        check_cores("0-3", Some(4));
        check_cores("0-1,4,6-7", Some(5));
        check_cores("x", None);
        check_cores("3-0", None);
    }

    #[test]
    fn what_is_asked_for_is_taken() {
        assert_eq!(worker_count(Some(3)), 3);
        assert_eq!(worker_count(Some(0)), 1);
        assert!(worker_count(None) >= 1);
    }
}
