//! Foreign peers through the gateway: grpcio on both sides, curl, promtool, and tinyproxy. `cargo xtask it` installs them and runs this.
#![allow(clippy::expect_used, reason = "a test fails where something is wrong, its helping functions too")]

#[path = "peers/demo.rs"]
mod demo;
#[path = "peers/promtool.rs"]
mod promtool;
#[path = "peers/tinyproxy.rs"]
mod tinyproxy;

use std::path::Path;
use std::process::Stdio;

use gateway_tests::{Format, Gateway, table, within};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// The cases of `grpc_client.py`: a case that vanished from there is missed here.
const CASES: [&str; 15] = [
    "empty_unary",
    "large_unary",
    "client_streaming",
    "server_streaming",
    "bidi_streaming",
    "empty_stream",
    "custom_metadata",
    "status_code_and_message",
    "rich_status_details",
    "special_status_message",
    "unimplemented_method",
    "deadline_exceeded",
    "timeout_on_sleeping_server",
    "cancel",
    "gzip",
];

/// Python with grpcio, by `GATEWAY_TEST_PYTHON`; without it, `python3` has to do.
fn python(script: &str) -> Command {
    let program = std::env::var_os("GATEWAY_TEST_PYTHON").unwrap_or_else(|| "python3".into());
    let mut command = Command::new(program);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(script));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    command
}

/// The server, and the address that is its first line of output.
async fn server() -> (Child, std::net::SocketAddr) {
    let mut child = python("grpc_server.py").spawn().expect("python starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let line = within("the server's address", lines.next_line()).await.expect("readable").expect("a line");
    (child, line.parse().expect("an address"))
}

#[tokio::test]
async fn grpcio_talks_to_grpcio() {
    let (_server, address) = server().await;
    let config = table("/*", "protocol = \"grpc\"\ntimeout = \"20s\"", &[address]);
    let gateway = Gateway::start(&config, Format::Toml).await;
    let client = python("grpc_client.py").arg(gateway.address().to_string()).output();
    let output = within("the client ends", client).await.expect("python starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let passed: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("ok ")).collect();
    assert_eq!(passed, CASES, "{text}\n{}\n{}", String::from_utf8_lossy(&output.stderr), gateway.log());
    assert!(output.status.success());
}
