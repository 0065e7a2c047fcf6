//! The demo's upstreams and curl lines, without a gateway in between.

use std::process::Command;

use super::{DemoUpstreams, config, examples, start};

/// The line for `path`, asked of an upstream itself; its output.
async fn ask(upstream: std::net::SocketAddr, path: &str) -> String {
    let line = examples(upstream).into_iter().find(|example| example.line.contains(path)).unwrap().line;
    let run = move || Command::new("sh").arg("-c").arg(&line).output().unwrap();
    let (done, output) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || done.send(run()));
    let output = output.await.unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn upstreams() -> DemoUpstreams {
    start().await.unwrap()
}

#[tokio::test]
async fn http_tells_what_it_received() {
    let upstreams = upstreams().await;
    let echo: serde_json::Value = serde_json::from_str(&ask(upstreams.http[1], "/hello").await).unwrap();
    assert_eq!(echo["upstream"], "beta");
    assert_eq!(echo["target"], "/hello");
    let text = ask(upstreams.http[0], "/api/").await;
    assert!(text.contains("\"body\": \"a body\""), "{text}");
}

#[tokio::test]
async fn grpc_greets_once_and_three_times() {
    let upstreams = upstreams().await;
    let once = ask(upstreams.grpc, "SayHello").await;
    assert!(once.contains("Hello, world!") && once.contains("grpc-status: 0"), "{once}");
    let thrice = ask(upstreams.grpc, "SayHellos").await;
    assert!(thrice.contains("Hello for the 3. time, world!"), "{thrice}");
}

#[tokio::test]
async fn a_websocket_says_what_it_is_told_and_closes() {
    let upstreams = upstreams().await;
    let text = ask(upstreams.websocket, "/ws").await;
    assert!(text.starts_with("HTTP/1.1 101") && text.contains("hello"), "{text}");
}

#[tokio::test]
async fn the_configuration_names_the_upstreams() {
    let upstreams = upstreams().await;
    let text = config(&upstreams);
    for address in upstreams.http.iter().chain([&upstreams.grpc, &upstreams.websocket]) {
        assert!(text.contains(&format!("target = \"{address}\"")), "{text}");
    }
    assert!(!text.lines().any(|line| line.starts_with("target") && !line.contains("127.0.0.1:")), "{text}");
}
