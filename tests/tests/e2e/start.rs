//! How a gateway starts: with how many workers, and what comes before what.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use gateway_tests::{
    Caller, Format, Gateway, Origin, Ran, RawOrigin, Received, Script, Step, command, empty, full, run, table,
};
use http::Response;
use serde_json::json;
use tokio::process::Command;

const FREE: &str = "127.0.0.1:0";

/// The threads of a gateway that serve requests: the admin port has one of that name, too.
#[cfg(target_os = "linux")]
async fn workers(change: impl FnOnce(&mut Command)) -> usize {
    let config = table("/", "", &[([127, 0, 0, 1], 1).into()]);
    let threads = Gateway::start_with(&config, Format::Toml, change).await.threads().await;
    threads.iter().filter(|name| name.starts_with("gw-worker-")).count() - 1
}

/// The same command, which may run on the first of our cores alone.
#[cfg(target_os = "linux")]
fn on_one_core(command: &Command) -> Command {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let cores = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
    let first = cores.trim().split(['-', ',']).next().unwrap();
    let mut limited = Command::new("taskset");
    limited.args(["-c", first]).arg(command.as_std().get_program()).args(command.as_std().get_args());
    limited.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    limited
}

/// With nothing else asked for, the cores that the process was granted are counted, and the count is used.
#[tokio::test]
#[cfg(target_os = "linux")]
async fn as_many_workers_serve_as_cores_are_granted() {
    assert_eq!(workers(|_| ()).await, gw_server::worker_count(None));
    assert_eq!(workers(|command| *command = on_one_core(command)).await, 1);
    let three = |command: &mut Command| {
        command.args(["-workers", "3"]);
    };
    assert_eq!(workers(three).await, 3);
}

/// A control service that always sends this configuration.
async fn service(config: &str) -> Origin {
    let release = json!({ "config": config, "version": "1", "priorityConfigs": [] }).to_string();
    let respond = move |asked: &Received| match asked.target.contains("/release?") {
        true => Response::new(full(release.clone())),
        false => Response::builder().status(404).body(empty()).unwrap(),
    };
    Origin::start("control", Script::Respond(Arc::new(respond))).await
}

/// A start on an address that is taken, which ends by itself, with what it said.
async fn start(config: &str, taken: &str, more: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.yaml"), config).unwrap();
    let mut command = command(&[&["-addr", taken, "-admin", FREE], more].concat());
    command.current_dir(folder.path());
    run(command).await
}

/// The control service, the file, its discovery and clients, the listeners: what is wrong ends the start before the next
/// is touched.
#[tokio::test]
async fn what_comes_before_ends_the_start_before_what_comes_after() {
    let origin = Origin::start("taken", Script::Echo).await;
    let taken = origin.address().to_string();
    let with = |dsn: &str, target: &str| {
        let endpoint = json!({ "path": "/", "backends": [{ "target": target }] });
        json!({ "discovery": { "dsn": dsn }, "endpoints": [endpoint] }).to_string()
    };
    let right = with("", "127.0.0.1:1");
    for (wrong, code) in [
        ("endpoints: [".to_owned(), "GW0203"),
        (with("consol://127.0.0.1", "discovery:///users"), "GW0311"),
        (with("", "ftp:///x"), "GW0306"),
    ] {
        let ran = start(&wrong, &taken, &[]).await;
        assert_eq!(ran.code, Some(78), "{ran:?}");
        assert!(ran.stderr.contains(code) && !ran.stderr.contains(&taken), "{code} {ran:?}");

        let control = service(&right).await;
        let ran = start(&wrong, &taken, &["-ctrl.service", &format!("http://{}", control.address())]).await;
        assert_eq!(ran.code, Some(1), "the service's file is read in place of the wrong one: {ran:?}");
        assert!(ran.stderr.contains(&taken), "{ran:?}");
    }
}

/// A Consul that tells of `origin` once it may, and a gateway that is to wait for that before it starts.
async fn waiting_for_consul(folder: &Path, origin: &Origin, limit: &str) -> (RawOrigin, Gateway) {
    let (host, port) = (origin.address().ip(), origin.address().port());
    let service = json!({ "ID": "1", "Service": "orders", "Address": host, "Port": port });
    let found = json!([{ "Node": { "Node": "n", "Address": host }, "Service": service }]).to_string();
    let head = format!("HTTP/1.1 200 OK\r\nx-consul-index: 1\r\ncontent-length: {}\r\n\r\n", found.len());
    let consul = RawOrigin::start(&[Step::Head, Step::Wait, Step::Write((head + &found).into())]).await;
    let text = "[[endpoints]]\npath = \"/\"\nbackends = [{ target = \"discovery:///orders\" }]\n";
    std::fs::write(folder.join("config.toml"), text).unwrap();
    let dsn = format!("consul://{}", consul.address());
    let mut command = command(&["-addr", FREE, "-admin", FREE, "-discovery.dsn", &dsn]);
    command.current_dir(folder).env("INITIAL_RESOLVE_TIMEOUT", limit);
    let gateway = Gateway::spawn(command);
    gateway.logged("it waits", |line| line.contains("waiting for the discovery")).await;
    (consul, gateway)
}

#[tokio::test]
async fn the_start_waits_for_the_first_answers_as_long_as_it_is_told_to() {
    let origin = Origin::start("one", Script::Echo).await;
    let folder = tempfile::tempdir().unwrap();
    let (consul, mut gateway) = waiting_for_consul(folder.path(), &origin, "1h").await;
    consul.go();
    gateway.serving().await;
    assert_eq!(Caller::http1(gateway.address()).await.get("/").await.json()["origin"], "one");
    let log = gateway.log();
    let line = |part: &str| log.lines().position(|line| line.contains(part)).expect(part);
    assert!(line("\"resolved\"") < line("\"listening\""), "{log}");

    let (_consul, mut gateway) = waiting_for_consul(folder.path(), &origin, "1ms").await;
    gateway.serving().await;
    gateway.logged("it gave up", |line| line.contains("has not answered")).await;

    let (_consul, mut gateway) = waiting_for_consul(folder.path(), &origin, "1h").await;
    gateway.signal("TERM");
    let (status, log) = gateway.last_words().await;
    assert!(status.code() == Some(1) && !log.contains("listening"), "{status} {log}");
}
