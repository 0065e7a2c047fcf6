//! What is recorded of a request when it has ended.

use std::io::{self, BufRead as _, BufReader};
use std::time::SystemTime;

use gw_telemetry::{AccessLog, LogFormat};
use serde_json::Value;

use super::*;

/// The number at the end of the line of a metric that has no other labels than these.
fn metric(metrics: &Metrics, name: &str) -> f64 {
    let text = metrics.encode();
    let line = text.lines().find(|line| line.starts_with(name) && line.contains("endpoint=\"one\""));
    line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
}

/// By a clock that goes an hour while the client answers: the line has the time of the request's head, and so has its id.
#[tokio::test]
async fn a_request_is_recorded_as_it_was_received_when_its_answer_has_ended() {
    let (clock, (lines, sink)) = (Clock::movable(), io::pipe().unwrap());
    let (metrics, moved) = (Metrics::new(1, BuildInfo::default()), clock.clone());
    let log = AccessLog::start(Box::new(sink), LogFormat::Json, 1).unwrap();
    let builder = Proxy::builder(1, Arc::clone(&metrics));
    let proxy = builder.access_log(Arc::clone(&log)).clock(clock).build();
    let text = "[[middlewares]]\nname = 'request_id'\n[[middlewares]]\nname = 'logging'\n\
                [[endpoints]]\nid = 'one'\npath = '/a'\nbackends = [{ target = '127.0.0.1:1' }]\n";
    publish(&proxy, Registry::built_in(), text, &move |_| {
        let moved = moved.clone();
        Ok(Arc::new(client_fn(move |_| {
            moved.advance(Duration::from_secs(3600));
            async { Ok(Response::new(Body::from("abc"))) }
        })))
    });
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    let before = now();
    let response = proxy.call(request("/a?b=c"), conn()).await;
    let after = now();
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(metric(&metrics, "http_server_active_requests"), 1.0, "its body has not ended");
    assert_eq!(read(response).await, (200, "abc".to_owned()));
    assert_eq!(metric(&metrics, "http_server_active_requests"), 0.0);
    assert_eq!(metric(&metrics, "http_server_request_duration_seconds_count"), 1.0);
    assert!(log.shutdown(PATIENCE));
    let mut line = String::new();
    BufReader::new(lines).read_line(&mut line).unwrap();
    let line: Value = serde_json::from_str(&line).unwrap();
    let told = u128::from_str_radix(&id[..13].replace('-', ""), 16).unwrap();
    assert!((before..=after).contains(&told), "{before} {told} {after}");
    assert_eq!(line["gateway.request_id"], id);
    assert!(line["t.total"].as_f64().unwrap() >= 3600.0, "{line}");
    assert!(line["t.first_byte"].as_f64().unwrap() >= 3600.0, "{line}");
    for field in ["client.address", "network.peer.address"] {
        assert_eq!(line[field], "127.0.0.1");
    }
    assert_eq!((&line["url.path"], &line["url.query"]), (&"/a".into(), &"b=c".into()));
    assert_eq!((&line["gateway.endpoint"], &line["http.route"]), (&"one".into(), &"/a".into()));
    let logged: jiff::Timestamp = line["timestamp"].as_str().unwrap().parse().unwrap();
    assert_eq!(logged.as_millisecond(), i64::try_from(told).unwrap());
}
