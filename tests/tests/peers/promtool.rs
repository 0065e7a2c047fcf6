//! The metrics before Prometheus' own judge.

use std::process::Stdio;

use gateway_tests::{Authority, Caller, Format, Gateway, Origin, Script, table, within};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// A scrape of a gateway that has answered, refused, denied and not found, with what only some configurations show.
async fn scrape() -> String {
    let origin = Origin::start("one", Script::Echo).await;
    let identity = Authority::default().identity(&["one.test"]);
    let breaker = "id = \"shop\"\nmiddlewares = [{ name = \"circuitbreaker\", options = { ratio = 0 } }, { name = \"bbr\" }]";
    let config = format!(
        "listeners = [{{ address = \"127.0.0.1:0\" }}, {{ name = \"tls\", address = \"127.0.0.1:0\", certificates = \
         [{{ cert = '''\n{}''', key = '''\n{}''' }}] }}]\n{}{}\
         [[endpoints]]\npath = \"/named\"\nbackends = [{{ target = \"localhost:{}\" }}]\n",
        identity.cert,
        identity.key,
        table("/shop", breaker, &[origin.address()]),
        table("/users/{id}", "", &[origin.address()]),
        origin.address().port(),
    );
    let gateway = Gateway::start(&config, Format::Toml).await;
    let mut caller = Caller::http1(gateway.address()).await;
    for (path, status) in [("/users/ann", 200), ("/named", 200), ("/shop", 503), ("/nowhere", 404)] {
        assert_eq!(caller.get(path).await.status, status, "{path}");
    }
    Caller::http1(gateway.admin()).await.get("/metrics").await.text()
}

/// Names, types, units and help texts are as Prometheus wants them: `promtool check metrics` says nothing.
#[tokio::test]
async fn promtool_finds_nothing_wrong_with_the_metrics() {
    let text = scrape().await;
    for family in [
        "gateway_circuit_breaker_denied_total{endpoint=\"shop\"} 1",
        "gateway_cpu_load_ratio",
        "gateway_discovery_failing",
        "gateway_tls_certificate_not_after_timestamp_seconds",
        "http_response_status_code=\"404\"",
    ] {
        assert!(text.contains(family), "{family} in\n{text}");
    }
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut promtool = command
        .kill_on_drop(true)
        .spawn()
        .expect("promtool is there: `cargo xtask it` installs it with Debian's package prometheus");
    let mut input = promtool.stdin.take().expect("piped");
    input.write_all(text.as_bytes()).await.expect("promtool reads");
    drop(input);
    let output = within("promtool ends", promtool.wait_with_output()).await.expect("promtool ends");
    let said =
        [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    assert!(output.status.success() && said.is_empty(), "{said}\n{text}");
}
