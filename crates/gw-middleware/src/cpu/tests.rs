//! The meter on folders that look like a kernel's.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use gw_core::EndpointInfo;
use tempfile::TempDir;

use super::*;

/// A root folder with these files.
struct Root(TempDir);

impl Root {
    fn new(files: &[(&str, &str)]) -> Self {
        let root = Self(tempfile::tempdir().unwrap());
        for (path, text) in files {
            root.write(path, text);
        }
        root
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// The machine: four CPUs.
const STAT: (&str, &str) = (
    "proc/stat",
    "cpu  100 0 100 700 100 0 0 0 50 0\ncpu0 1 1 1 1\ncpu1 1 1 1 1\ncpu2 1 1 1 1\ncpu3 1 1 1 1\nintr 1\n",
);

/// The share of a second in which `path` came to say `after`.
fn share(root: &Root, path: &str, after: &str) -> Option<f64> {
    let mut meter = Meter::find(root.0.path())?;
    let now = Instant::now();
    assert_eq!(meter.share(now), None, "one reading is no share");
    root.write(path, after);
    meter.share(now + Duration::from_secs(1)).map(|share| (share * 1000.0).round() / 1000.0)
}

#[test]
fn a_group_of_version_2() {
    let usage = "sys/fs/cgroup/cpu.stat";
    let one_second = "usage_usec 2000000\nuser_usec 7\n";
    let start = (usage, "usage_usec 1000000\nuser_usec 7\n");
    let check = |files: &[(&str, &str)], expected: f64| {
        let root = Root::new(&[&[start, STAT], files].concat());
        assert_eq!(share(&root, usage, one_second), Some(expected), "{files:?}");
    };
    check(&[], 0.25);
    check(&[("sys/fs/cgroup/cpu.max", "max 100000\n")], 0.25);
    check(&[("sys/fs/cgroup/cpu.max", "200000 100000\n")], 0.5);
    check(&[("sys/fs/cgroup/cpu.max", "50000 100000\n")], 1.0);
    check(&[("sys/fs/cgroup/cpuset.cpus.effective", "0-1\n")], 0.5);
    let more =
        [("sys/fs/cgroup/cpuset.cpus.effective", "0,2-4\n"), ("sys/fs/cgroup/cpu.max", "900000 100000\n")];
    check(&more, 0.25);
    // A path that is not to be seen, as in a container.
    check(&[("proc/self/cgroup", "0::/docker/0af\n")], 0.25);
}

#[test]
fn a_group_below_the_mount() {
    let root = Root::new(&[
        STAT,
        ("proc/self/cgroup", "0::/system.slice/gateway.service\n"),
        ("sys/fs/cgroup/cpu.stat", "usage_usec 0\n"),
        ("sys/fs/cgroup/system.slice/gateway.service/cpu.stat", "usage_usec 0\n"),
        ("sys/fs/cgroup/system.slice/gateway.service/cpu.max", "100000 100000\n"),
    ]);
    let usage = "sys/fs/cgroup/system.slice/gateway.service/cpu.stat";
    assert_eq!(share(&root, usage, "usage_usec 500000\n"), Some(0.5));
}

#[test]
fn a_group_of_version_1() {
    let group = "4:cpu,cpuacct:/docker/0af\n3:cpuset:/docker/0af\n1:name=systemd:/docker/0af\n";
    let usage = "sys/fs/cgroup/cpuacct/docker/0af/cpuacct.usage";
    let quota = |quota| {
        Root::new(&[
            STAT,
            ("proc/self/cgroup", group),
            (usage, "1000000000\n"),
            ("sys/fs/cgroup/cpu/docker/0af/cpu.cfs_quota_us", quota),
            ("sys/fs/cgroup/cpu/docker/0af/cpu.cfs_period_us", "100000\n"),
            ("sys/fs/cgroup/cpuset/docker/0af/cpuset.cpus", "0-1\n"),
        ])
    };
    assert_eq!(share(&quota("-1\n"), usage, "2000000000\n"), Some(0.5));
    assert_eq!(share(&quota("100000\n"), usage, "1900000000\n"), Some(0.9));
}

#[test]
fn the_whole_machine_where_there_are_no_groups() {
    let root = Root::new(&[STAT]);
    // 100 ticks more, of which 30 were idle or waiting.
    assert_eq!(share(&root, "proc/stat", "cpu  150 0 120 720 110 0 0 0 99 0\n"), Some(0.7));
}

#[test]
fn nothing_where_there_is_nothing_to_read() {
    let root = Root::new(&[("proc/stat", "nonsense\n")]);
    assert!(Meter::find(root.0.path()).is_none());
    root.write("sys/fs/cgroup/cpu.stat", "usage_usec 1\n");
    assert!(Meter::find(root.0.path()).is_none(), "how many CPUs there are is not known");
}

#[test]
fn what_cannot_be_read_any_more_is_no_share() {
    let root = Root::new(&[STAT, ("sys/fs/cgroup/cpu.stat", "usage_usec 1000000\n")]);
    assert_eq!(share(&root, "sys/fs/cgroup/cpu.stat", ""), None);
}

/// A full second is no overload yet; ten are.
#[tokio::test(start_paused = true)]
async fn the_load_is_smoothed() {
    let root = Root::new(&[STAT]);
    let mut surroundings = crate::Surroundings::alone(Clock::system());
    surroundings.tasks = crate::Tasks::on(tokio::runtime::Handle::current());
    let none: crate::Clients = Arc::new(|_| Err(crate::BuildError::Failed("none".into())));
    let cx = BuildContext::new(Arc::new(EndpointInfo::default()), surroundings.clone(), none, "");
    let load = Load::default();
    let guard = load.sample(&cx, root.0.path());
    let mut seen = Vec::new();
    for tick in 0..60_u32 {
        root.write("proc/stat", &format!("cpu  {} 0 0 700 0 0 0 0\n", tick * 50));
        // The sampler's tick comes in the middle of ours.
        tokio::time::sleep(if tick == 0 { PERIOD / 2 } else { PERIOD }).await;
        seen.push(load.permille());
    }
    assert_eq!(seen[..4], [0, 50, 97, 142], "each sample is worth a twentieth");
    assert!(seen[40] > 800 && seen[59] > 940, "{seen:?}");
    assert!(surroundings.metrics.encode().contains("gateway_cpu_load_ratio 0.9"));
    assert_eq!(surroundings.tasks.running().into_iter().collect::<Vec<_>>(), [("cpu load", 1)]);
    drop(guard);
}

#[tokio::test]
async fn one_task_samples_for_all() {
    let mut surroundings = crate::Surroundings::alone(Clock::system());
    surroundings.tasks = crate::Tasks::on(tokio::runtime::Handle::current());
    let none: crate::Clients = Arc::new(|_| Err(crate::BuildError::Failed("none".into())));
    let cx = |name: &str| {
        let endpoint = EndpointInfo { name: name.into(), ..EndpointInfo::default() };
        BuildContext::new(Arc::new(endpoint), surroundings.clone(), Arc::clone(&none), name)
    };
    let loads = [Load::shared(&cx("a")), Load::shared(&cx("b"))];
    assert!(Arc::ptr_eq(&loads[0], &loads[1]));
    assert!(surroundings.tasks.running().values().all(|count| *count == 1));
}
