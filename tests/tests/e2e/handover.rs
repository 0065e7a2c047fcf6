//! Binary upgrade: a new process takes the listening sockets, and nobody notices.
#![cfg(target_os = "linux")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use gateway_tests::{Caller, Format, Gateway, Load, Origin, Script, table, within};

/// A gateway and its successors, which are not children of the test: its drop ends them by their ids.
struct Line(Gateway);

impl Line {
    /// The process that each handover so far has started.
    fn successors(&self) -> Vec<u32> {
        self.said("handing over").iter().filter_map(|line| line["pid"].as_u64()?.try_into().ok()).collect()
    }

    /// The lines of the log with this message, of whatever process: their fields.
    fn said(&self, message: &str) -> Vec<serde_json::Value> {
        let fields = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            Some(line.get("fields").unwrap_or(&line).clone())
        };
        let said = |fields: &serde_json::Value| {
            fields["message"].as_str().is_some_and(|said| said.starts_with(message))
        };
        self.0.log().lines().filter_map(fields).filter(said).collect()
    }

    /// Waits until `count` lines have this message.
    async fn until_said(&self, message: &str, count: usize) {
        self.until(message, || self.said(message).len() >= count).await;
    }

    async fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let mut ticks = tokio::time::interval(Duration::from_millis(2));
        within(what, async {
            while !is_so() {
                ticks.tick().await;
            }
        })
        .await;
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        for pid in self.successors().into_iter().filter(|pid| lives(*pid)) {
            signal(pid, "KILL");
        }
    }
}

/// Whether the process runs a gateway: not if it has ended, waited for or not.
fn lives(pid: u32) -> bool {
    std::fs::read_link(Path::new("/proc").join(pid.to_string()).join("exe"))
        .is_ok_and(|program| program.ends_with("gateway-under-test"))
}

fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status();
    assert!(sent.is_ok_and(|status| status.success()), "cannot send {name} to {pid}");
}

async fn generation(line: &Line) -> u64 {
    let mut admin = Caller::http1(line.0.admin()).await;
    assert_eq!(admin.get("/readyz").await.status, 200);
    admin.get("/debug/config/version").await.json()["version"].as_str().unwrap().parse().unwrap()
}

fn versioned(version: usize, origin: &Origin) -> String {
    format!("version = \"{version}\"\n{}", table("/*", "", &[origin.address()]))
}

/// Twice, the second time from the successor to its own.
#[tokio::test]
async fn an_upgrade_under_load_fails_no_request() {
    let origin = Origin::start("one", Script::Echo).await;
    let mut line = Line(Gateway::start(&versioned(1, &origin), Format::Toml).await);
    let load = Load::start(line.0.address(), 8, "/load");
    load.more(200).await;

    line.0.rewrite(&versioned(2, &origin));
    line.0.signal("USR2");
    line.until_said("handed over", 1).await;
    let status = line.0.ended().await;
    assert_eq!(status.code(), Some(0), "{}", line.0.log());
    assert_eq!(generation(&line).await, 2);
    load.more(200).await;

    let second = line.successors()[0];
    line.0.rewrite(&versioned(3, &origin));
    signal(second, "USR2");
    line.until_said("handed over", 2).await;
    line.until("the second ends", || !lives(second)).await;
    assert_eq!(generation(&line).await, 3);
    load.more(200).await;

    let tally = load.stop().await;
    assert!(tally.failures.is_empty(), "{:?} beside {} answers\n{}", tally.failures, tally.ok, line.0.log());
    assert_eq!(origin.counts().requests, tally.ok);
    let stopped = line.said("stopped");
    assert_eq!(stopped.len(), 2);
    assert!(stopped.iter().all(|fields| fields["complete"] == true), "{stopped:?}");
    let third = line.successors()[1];
    assert!(lives(third));
    signal(third, "INT");
    line.until("the third ends", || !lives(third)).await;
    assert!(Caller::try_http1(line.0.address()).await.is_err(), "a descriptor is left");
}

#[tokio::test]
async fn a_request_in_flight_ends_in_the_process_that_took_it() {
    let origin = Origin::start("one", Script::Held).await;
    let mut line = Line(Gateway::start(&versioned(1, &origin), Format::Toml).await);
    let address = line.0.address();
    let asked = tokio::spawn(async move { Caller::http1(address).await.get("/held").await });
    origin.record().wait("the request is in flight", |counts| counts.requests == 1).await;
    line.0.signal("USR2");
    line.until_said("handed over", 1).await;
    origin.record().release();
    assert_eq!(within("the answer", asked).await.unwrap().status, 200);
    assert_eq!(line.0.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_successor_that_cannot_start_changes_nothing() {
    let origin = Origin::start("one", Script::Echo).await;
    let line = Line(Gateway::start(&versioned(1, &origin), Format::Toml).await);
    let mut before = Caller::http1(line.0.address()).await;
    assert_eq!(before.get("/").await.status, 200);
    line.0.rewrite("endpoints = 1\n");
    line.0.signal("USR2");
    line.until_said("not handed over", 1).await;
    let why = line.said("not handed over")[0]["message"].to_string();
    assert!(why.contains("exit status: 78"), "{why}");
    assert!(!lives(line.successors()[0]));
    assert_eq!(before.get("/").await.status, 200);
    assert_eq!(generation(&line).await, 1);
    // Nor does it hinder the next one.
    line.0.rewrite(&versioned(2, &origin));
    line.0.signal("USR2");
    line.until_said("handed over", 1).await;
    assert_eq!(Caller::http1(line.0.address()).await.get("/").await.status, 200);
}

#[tokio::test]
async fn a_demo_is_not_handed_over() {
    let mut demo = Gateway::spawn_binary(&["dev", "--addr", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    demo.serving().await;
    let demo = Line(demo);
    demo.0.signal("USR2");
    demo.until_said("SIGUSR2 is ignored", 1).await;
    assert_eq!(Caller::http1(demo.0.admin()).await.get("/readyz").await.status, 200);
}

/// The program that replaces the gateway's never serves: another signal finds the upgrade under way.
#[tokio::test]
async fn an_upgrade_under_way_is_not_begun_again_and_ends_with_a_stop() {
    let built = gateway_tests::command(&[]).as_std().get_program().to_owned();
    let folder = tempfile::tempdir_in(Path::new(&built).parent().unwrap()).unwrap();
    let [program, next, config] = ["gateway", "next", "gateway.toml"].map(|name| folder.path().join(name));
    std::fs::hard_link(&built, &program).unwrap();
    std::fs::write(&config, table("/*", "", &["127.0.0.1:1".parse().unwrap()])).unwrap();
    std::fs::write(&next, "#!/bin/sh\nexec sleep 600\n").unwrap();
    std::fs::set_permissions(&next, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut command = tokio::process::Command::new(&program);
    command.args(["-addr", "127.0.0.1:0", "-admin", "127.0.0.1:0", "-conf"]).arg(&config);
    command
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut line = Line(Gateway::spawn(command));
    line.0.serving().await;
    std::fs::rename(&next, &program).unwrap();
    line.0.signal("USR2");
    line.until_said("handing over", 1).await;
    line.0.signal("USR2");
    line.until_said("SIGUSR2 is ignored", 1).await;
    assert_eq!(line.successors().len(), 1);
    let process = Path::new("/proc").join(line.successors()[0].to_string());
    assert!(process.exists());
    line.0.signal("INT");
    assert_eq!(line.0.ended().await.code(), Some(0));
    assert!(!process.exists(), "the successor is left alone");
}
