//! The access log from record to sink: lines and their order.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use gw_core::{Attempt, Outcome};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::buffer::Buffer;
use super::*;

mod faults;
mod kratos;
mod switch;

/// Long enough for any machine; no test waits for it when all is well.
const LIMIT: Duration = Duration::from_secs(60);

/// A sink whose text can be read.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }
}

fn record() -> AccessRecord<'static> {
    let names = Box::leak(Box::new(RouteNames::new("/items/{id}", "items")));
    AccessRecord {
        time: UNIX_EPOCH + Duration::from_millis(1_000_000_000_123),
        client: [203, 0, 113, 9].into(),
        peer: "[2001:db8::1]:4711".parse().unwrap(),
        peer_text: None,
        listener: "web",
        method: "GET",
        scheme: "https",
        host: Some(b"shop.example"),
        path: "/items/1",
        query: Some("page=2&api_key=hunter2"),
        protocol: "2",
        names,
        status: Some(200),
        outcome: Outcome::Ok,
        request_bytes: 12,
        response_bytes: 3456,
        total: Duration::from_micros(12_300),
        first_byte: Some(Duration::from_millis(10)),
        attempts: &[],
        user_agent: Some(b"curl/8"),
        request_id: Some(b"r-1"),
        trace_id: Some("t-1"),
    }
}

/// The lines of `records`.
fn written(format: LogFormat, records: &[AccessRecord<'_>]) -> String {
    let sink = Shared::default();
    let log = AccessLog::start(Box::new(sink.clone()), format, 1).unwrap();
    for record in records {
        log.record(0, record);
    }
    assert!(log.shutdown(LIMIT));
    sink.text()
}

fn attempts() -> [Attempt; 2] {
    let attempt = |node: &str, status, outcome, millis| Attempt {
        node: node.into(),
        status,
        outcome,
        elapsed: Duration::from_millis(millis),
    };
    [
        attempt("10.0.0.1:80", None, Outcome::ConnectRefused, 1),
        attempt("10.0.0.2:80", Some(200), Outcome::Ok, 9),
    ]
}

#[test]
fn a_batch_has_room_for_as_much_as_the_last_one() {
    let mut buffer = Buffer::default();
    let mut batch = || {
        assert!(buffer.push(LogFormat::Json, &record()).is_none(), "it is far from full");
        buffer.take().unwrap()
    };
    let (first, second) = (batch(), batch());
    assert_eq!(second.bytes.capacity(), first.bytes.len(), "it had not to grow");
}

#[test]
fn a_json_line_has_every_field() {
    let line = written(LogFormat::Json, &[AccessRecord { attempts: &attempts(), ..record() }]);
    assert_eq!(line.matches('\n').count(), 1);
    let expect = json!({
        "timestamp": "2001-09-09T01:46:40.123Z",
        "severity": "INFO",
        "message": "request",
        "trace_id": "t-1",
        "client.address": "203.0.113.9",
        "network.peer.address": "2001:db8::1",
        "network.peer.port": 4711,
        "network.protocol.version": "2",
        "gateway.listener": "web",
        "http.request.method": "GET",
        "url.scheme": "https",
        "server.address": "shop.example",
        "url.path": "/items/1",
        "url.query": "page=2&api_key=REDACTED",
        "user_agent.original": "curl/8",
        "http.request.body.size": 12,
        "gateway.request_id": "r-1",
        "http.route": "/items/{id}",
        "gateway.endpoint": "items",
        "http.response.status_code": 200,
        "http.response.body.size": 3456,
        "gateway.outcome": "ok",
        "gateway.side": "upstream",
        "t.total": 0.0123,
        "t.first_byte": 0.01,
        "gateway.attempts": [
            { "node": "10.0.0.1:80", "outcome": "connect_refused", "seconds": 0.001 },
            { "node": "10.0.0.2:80", "status": 200, "outcome": "ok", "seconds": 0.009 },
        ],
    });
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), expect);
}

#[test]
fn a_text_line_reads_well() {
    assert_eq!(
        written(LogFormat::Text, &[AccessRecord { attempts: &attempts(), ..record() }]),
        "2001-09-09T01:46:40.123Z INFO 203.0.113.9 GET https://shop.example/items/1?page=2&api_key=REDACTED HTTP/2 \
         200 ok 0.012300s in=12 out=3456 listener=web endpoint=items route=/items/{id} \
         upstream=10.0.0.1:80(- connect_refused 0.001000s) upstream=10.0.0.2:80(200 ok 0.009000s) agent=curl/8 id=r-1 \
         trace=t-1\n"
    );
}

#[test]
fn what_is_unknown_is_left_out() {
    let bare = AccessRecord {
        host: None,
        query: None,
        status: None,
        outcome: Outcome::Internal,
        first_byte: None,
        user_agent: None,
        request_id: None,
        trace_id: None,
        ..record()
    };
    let line: Value = serde_json::from_str(&written(LogFormat::Json, &[bare])).unwrap();
    for key in [
        "server.address",
        "url.query",
        "http.response.status_code",
        "t.first_byte",
        "user_agent.original",
        "gateway.request_id",
        "trace_id",
    ] {
        assert_eq!(line.get(key), None, "{key}");
    }
    assert_eq!((&line["severity"], &line["gateway.attempts"]), (&json!("ERROR"), &json!([])));
    assert_eq!(
        written(LogFormat::Text, &[bare]),
        "2001-09-09T01:46:40.123Z ERROR 203.0.113.9 GET /items/1 HTTP/2 - internal 0.012300s in=12 out=3456 \
         listener=web endpoint=items route=/items/{id}\n"
    );
}

/// Whatever stands in a field: one line, and the field reads back as it was.
#[test]
fn no_field_can_forge_a_line() {
    const EVIL: &str = "x\r\n2001 INFO \"forged\": \\ \u{1b}[2K\u{85}\u{2028}\u{202e}\0\t=é";
    let evil = AccessRecord {
        listener: EVIL,
        method: EVIL,
        host: Some(EVIL.as_bytes()),
        path: EVIL,
        query: Some(EVIL),
        names: &RouteNames::new(EVIL, EVIL),
        user_agent: Some(EVIL.as_bytes()),
        request_id: Some(EVIL.as_bytes()),
        trace_id: Some(EVIL),
        attempts: &[Attempt {
            node: EVIL.into(),
            status: None,
            outcome: Outcome::Ok,
            elapsed: Duration::ZERO,
        }],
        ..record()
    };
    let text = written(LogFormat::Text, &[evil, evil]);
    let json = written(LogFormat::Json, &[evil, evil]);
    for lines in [&text, &json] {
        assert_eq!(lines.lines().count(), 2);
        assert!(lines.chars().all(|c| c == '\n' || !(c.is_control() || "\u{2028}\u{202e}".contains(c))));
    }
    for line in json.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        for key in [
            "gateway.listener",
            "http.request.method",
            "server.address",
            "url.path",
            "http.route",
            "gateway.endpoint",
            "user_agent.original",
            "gateway.request_id",
            "trace_id",
        ] {
            assert_eq!(line[key], EVIL, "{key}");
        }
        assert_eq!(line["gateway.attempts"][0]["node"], EVIL);
    }
}

/// The text of the peer's address is a shortcut, and nothing else.
#[test]
fn the_text_of_an_address_changes_no_line() {
    for (client, peer) in [
        ("192.0.2.1", "192.0.2.1:1"),
        ("192.0.2.1", "[::ffff:192.0.2.1]:1"),
        ("203.0.113.9", "192.0.2.1:1"),
        ("2001:db8::1", "[2001:db8::1]:1"),
    ] {
        let peer: SocketAddr = peer.parse().unwrap();
        let long = AccessRecord { client: client.parse().unwrap(), peer, ..record() };
        let text = peer.ip().to_string();
        let short = AccessRecord { peer_text: Some(text.as_bytes()), ..long };
        assert_eq!(written(LogFormat::Json, &[short]), written(LogFormat::Json, &[long]));
    }
}

#[test]
fn the_path_brings_no_query_along() {
    for path in ["/a?token=hunter2", "/a#token=hunter2"] {
        for format in [LogFormat::Json, LogFormat::Text] {
            assert!(!written(format, &[AccessRecord { path, ..record() }]).contains("hunter2"));
        }
    }
}

#[test]
fn lines_of_a_worker_keep_their_order() {
    const EACH: usize = 3_000;
    let sink = Shared::default();
    let log = AccessLog::start(Box::new(sink.clone()), LogFormat::Json, 3).unwrap();
    thread::scope(|scope| {
        for worker in 0..3 {
            let log = &log;
            scope.spawn(move || {
                for n in 0..EACH {
                    let (names, id) = (RouteNames::new("/", &worker.to_string()), n.to_string());
                    let request_id = Some(id.as_bytes());
                    log.record(worker, &AccessRecord { names: &names, request_id, ..record() });
                    // Makes the writer look into buffers while batches wait.
                    if n % 97 == 0 {
                        assert!(log.flush(LIMIT));
                    }
                }
            });
        }
    });
    assert!(log.flush(LIMIT));
    assert_eq!(log.dropped(), 0);
    let mut next = [0; 3];
    for line in sink.text().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let worker: usize = line["gateway.endpoint"].as_str().unwrap().parse().unwrap();
        assert_eq!(line["gateway.request_id"], next[worker].to_string());
        next[worker] += 1;
    }
    assert_eq!(next, [EACH; 3]);
}
