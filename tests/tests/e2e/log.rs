//! The gateway's own log at debug level: the lines of a request stand in its spans.

use std::sync::Arc;

use gateway_tests::{Caller, Format, Gateway, Origin, Script, empty, table};
use serde_json::{Value, json};

/// A gateway that logs at this level.
async fn logging(level: &str, origin: &Origin) -> Gateway {
    let config = table("/a/{id}", "", &[origin.address()]);
    Gateway::start_with(&config, Format::Toml, |command| {
        command.env("RUST_LOG", level);
    })
    .await
}

/// The first line with this message, and its spans without the client's address.
async fn spans(gateway: &Gateway, message: &str) -> Vec<Value> {
    let wanted = |line: &str| line.contains(message);
    let line: Value = serde_json::from_str(&gateway.logged(message, wanted).await).unwrap();
    let mut spans = line["spans"].as_array().unwrap().clone();
    assert!(spans[0].as_object_mut().unwrap().remove("client.addr").is_some(), "{line}");
    spans
}

#[tokio::test]
async fn a_line_says_which_connection_request_and_attempt_it_is_about() {
    // Two attempts fail, the third is answered in part.
    let script = |number| if number < 2 { Script::Abort } else { Script::Stream };
    let origin = Origin::start("one", Script::Each(Arc::new(script))).await;
    let gateway = logging("info,gw=debug", &origin).await;
    let conn = json!({ "name": "conn", "server.addr": gateway.address().to_string() });
    let asked = json!({
        "name": "request", "http.request.method": "GET", "http.route": "/a/{id}", "server.address": "127.0.0.1",
    });
    let attempt = json!({ "name": "attempt", "n": 1, "node.addr": origin.address().to_string() });
    let mut caller = Caller::http1(gateway.address()).await;
    assert_eq!(caller.get("/a/1?key=hunter2").await.status, 502);
    assert_eq!(spans(&gateway, "upstream_reset").await, [conn.clone(), asked.clone(), attempt]);
    let second = gateway.logged("the second attempt", |line| line.contains("\"n\":2")).await;
    assert!(second.contains("upstream_reset"), "{second}");
    // An answer's body is polled elsewhere, and HTTP/2 streams are tasks of their own.
    let mut caller = Caller::http2(gateway.address()).await;
    let request = caller.request("GET", "/a/2?key=hunter2").body(empty()).unwrap();
    let answer = caller.send(request).await.unwrap();
    origin.stream().await.abort().await.unwrap();
    assert_eq!(spans(&gateway, "answer cut").await, [conn, asked]);
    drop(answer);
    assert!(!gateway.log().contains("hunter2"), "{}", gateway.log());
}
