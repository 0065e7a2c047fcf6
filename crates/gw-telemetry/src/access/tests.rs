//! The access log from record to sink: lines, order, loss.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use gw_core::{Attempt, Outcome};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::buffer::Batch;
use super::log::QUEUE;
use super::writer::Writer;
use super::*;

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
    AccessRecord {
        time: UNIX_EPOCH + Duration::from_millis(1_000_000_000_123),
        client: [203, 0, 113, 9].into(),
        peer: "[2001:db8::1]:4711".parse().unwrap(),
        listener: "web",
        method: "GET",
        scheme: "https",
        host: Some("shop.example"),
        path: "/items/1",
        query: Some("page=2&api_key=hunter2"),
        protocol: "2",
        route: "/items/{id}",
        endpoint: "items",
        status: Some(200),
        outcome: Outcome::Ok,
        request_bytes: 12,
        response_bytes: 3456,
        total_seconds: 0.0123,
        first_byte_seconds: Some(0.01),
        attempts: &[],
        user_agent: Some("curl/8"),
        request_id: Some("r-1"),
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
        first_byte_seconds: None,
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
        scheme: EVIL,
        host: Some(EVIL),
        path: EVIL,
        query: Some(EVIL),
        route: EVIL,
        endpoint: EVIL,
        user_agent: Some(EVIL),
        request_id: Some(EVIL),
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
            "url.scheme",
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
                    let (endpoint, id) = (worker.to_string(), n.to_string());
                    log.record(
                        worker,
                        &AccessRecord { endpoint: &endpoint, request_id: Some(&id), ..record() },
                    );
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

/// A sink that tells when it is written to, and then waits for leave.
struct Gated {
    entered: Sender<()>,
    leave: Receiver<()>,
    inner: Shared,
}

impl Write for Gated {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.entered.send(());
        let _ = self.leave.recv();
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stuck_sink_costs_lines_but_not_time_nor_memory() {
    let ((entered, is_in), (go, leave), inner) = (channel(), channel(), Shared::default());
    let sink = Gated { entered, leave, inner: inner.clone() };
    let log = AccessLog::start(Box::new(sink), LogFormat::Json, 1).unwrap();
    log.record(0, &record());
    is_in.recv().unwrap();
    assert!(!log.flush(Duration::ZERO), "a flush does not wait beyond its limit");
    let agent = "a".repeat(4000);
    let line = AccessRecord { user_agent: Some(&agent), ..record() };
    // A line is above 4 KiB, so that 8 make a batch: the queue is full long before.
    let recorded = 8 * QUEUE as u64 * 2;
    for _ in 0..recorded {
        log.record(0, &line);
    }
    let dropped = log.dropped();
    assert!(dropped > 0 && dropped < recorded, "{dropped}");
    drop(go);
    assert!(log.shutdown(LIMIT));
    assert_eq!(inner.text().lines().count() as u64 + log.dropped(), recorded + 1);
    assert_eq!(log.dropped(), dropped);
}

/// Takes so many bytes, then fails once for each entry of `faults`, then takes all.
struct Failing {
    room: usize,
    faults: usize,
    inner: Shared,
}

impl Write for Failing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.faults == 0 {
            return self.inner.write(bytes);
        }
        if self.room == 0 {
            self.faults -= 1;
            return Err(io::Error::other("no space"));
        }
        let taken = self.room.min(bytes.len());
        self.room -= taken;
        self.inner.write(&bytes[..taken])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_failing_sink_costs_its_lines_and_the_next_begin_anew() {
    let inner = Shared::default();
    // Fails in the middle of the second line, and again when that line is to be ended.
    let sink = Failing { room: 6, faults: 2, inner: inner.clone() };
    let shared = Arc::new(super::log::Shared::new(1));
    let mut writer = Writer::new(Box::new(sink), channel_of_batches(), Arc::clone(&shared));
    for (lines, dropped) in [("one\ntwo\nthree\n", 2), ("four\n", 3), ("five\nsix\n", 3)] {
        writer.write(lines.as_bytes());
        assert_eq!(shared.dropped.load(Relaxed), dropped, "{lines}");
    }
    assert_eq!(inner.text(), "one\ntw\nfive\nsix\n");
}

fn channel_of_batches() -> Receiver<Batch> {
    channel().1
}

#[test]
fn after_the_shutdown_lines_are_counted_as_lost() {
    let sink = Shared::default();
    let log = AccessLog::start(Box::new(sink.clone()), LogFormat::Text, 2).unwrap();
    log.record(1, &record());
    assert!(log.shutdown(LIMIT));
    log.record(0, &record());
    log.record(1, &record());
    assert_eq!((sink.text().lines().count(), log.dropped()), (1, 2));
    assert!(log.shutdown(LIMIT), "a second shutdown finds it done");
}

/// A sink with a bug.
struct Panicking;

impl Write for Panicking {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        panic!("a bug in the sink");
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn nobody_waits_for_a_writer_that_is_gone() {
    let log = AccessLog::start(Box::new(Panicking), LogFormat::Text, 1).unwrap();
    log.record(0, &record());
    assert!(!log.flush(LIMIT));
    assert!(log.shutdown(LIMIT));
}

#[test]
fn a_log_that_is_dropped_writes_what_it_has() {
    /// Tells of its end.
    struct Ending(Shared, Sender<()>);
    impl Write for Ending {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Drop for Ending {
        fn drop(&mut self) {
            let _ = self.1.send(());
        }
    }
    let ((ended, end), inner) = (channel(), Shared::default());
    let log = AccessLog::start(Box::new(Ending(inner.clone(), ended)), LogFormat::Text, 1).unwrap();
    log.record(0, &record());
    drop(log);
    end.recv().unwrap();
    assert_eq!(inner.text().lines().count(), 1);
}
