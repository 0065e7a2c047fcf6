//! `gateway dev`: every line that it prints works.

use std::process::Stdio;

use gateway_tests::{Gateway, within};
use tokio::process::Command;

#[tokio::test]
async fn every_curl_line_of_the_demo_works() {
    let mut gateway = Gateway::spawn_binary(&["dev", "-addr", "127.0.0.1:0", "-admin", "127.0.0.1:0"]);
    gateway.serving().await;
    let lines = within("the lines", gateway.printed(|line| line.contains("curl "), 10)).await;
    for line in lines {
        let curl = Command::new("sh").arg("-c").arg(&line).stdin(Stdio::null()).output();
        let output = within(&line, curl).await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let right = match &line {
            line if line.contains("/ws") => text.starts_with("HTTP/1.1 101") && text.contains("hello"),
            line if line.contains("Greeter") => {
                text.contains("Hello, world!") && text.contains("grpc-status: 0")
            }
            line if line.contains("/weighted") => {
                let count = |name: &str| text.matches(&format!("\"upstream\": \"{name}\"")).count();
                (count("alpha"), count("beta")) == (3, 1)
            }
            line if line.contains("OPTIONS") => {
                text.contains("access-control-allow-origin: https://app.example.com")
            }
            line if line.contains("/api/") => text.contains("\"target\": \"/some/path?q=1\""),
            line if line.contains("/users/") => text.contains("\"target\": \"/orders/7/of/ann\""),
            _ => text.contains("\"upstream\": \"alpha\"") && text.contains("\"status\": 200"),
        };
        assert!(output.status.success() && right, "{line}\n{text}\n{output:?}");
    }
    assert_eq!(gateway.stop().await.code(), Some(0), "no code: a signal killed it");
}
