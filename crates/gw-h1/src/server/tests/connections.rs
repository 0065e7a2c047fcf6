//! Connections from their first request to their end.

use std::sync::Arc;

use http::Response;

use super::wire::{AnyBody, Bench, fed, full};
use crate::server::Error;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

fn ok() -> Bench {
    Bench::new(|_| async { full("") })
}

/// A service whose first answer waits for a permit.
fn gated() -> (Arc<tokio::sync::Semaphore>, Bench) {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let wait = Arc::clone(&gate);
    let bench = Bench::new(move |_| {
        let wait = Arc::clone(&wait);
        async move {
            wait.acquire().await.unwrap().forget();
            full("")
        }
    });
    (gate, bench)
}

#[test]
fn pipelined_requests_are_answered_one_by_one() {
    let mut bench = Bench::new(|request| async move { full(request.uri().path()) });
    let requests: String = (0..5).map(|n| format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n")).collect();
    bench.send(requests);
    let writes = bench.writes();
    let bodies: Vec<_> = writes.iter().map(|write| &write[write.len() - 2..]).collect();
    assert_eq!(bodies, ["/0", "/1", "/2", "/3", "/4"]);
}

#[test]
fn an_idle_connection_holds_no_buffer() {
    let mut benches: Vec<_> = (0..3).map(|_| ok()).collect();
    for bench in &mut benches {
        bench.poll();
        assert_eq!(bench.pool.kept(), 1, "before the first request");
        bench.send(GET).expect(OK);
        // One for reading and one for writing.
        assert_eq!(bench.pool.kept(), 2);
        bench.send("GET / HT");
        assert_eq!(bench.pool.kept(), 1);
        bench.send("TP/1.1\r\nHost: a\r\n\r\n").expect(OK);
        assert_eq!(bench.pool.kept(), 2);
    }
}

#[test]
fn a_head_that_is_none_is_answered_and_closes() {
    let long = "x".repeat(9000);
    for (bytes, expect) in [
        ("G@T / HTTP/1.1\r\n\r\n".to_owned(), "400 Bad Request"),
        ("GET / HTTP/1.1\nHost: a\n\n".to_owned(), "400 Bad Request"),
        ("GET / HTTP/2.0\r\n\r\n".to_owned(), "505 HTTP Version Not Supported"),
        (format!("GET /{long}"), "414 URI Too Long"),
        (format!("GET / HTTP/1.1\r\nX: {long}"), "431 Request Header Fields Too Large"),
        ("POST /a HTTP/1.1\r\nContent-Length: 5x\r\n\r\n".to_owned(), "400 Bad Request"),
        ("POST /a HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n".to_owned(), "501 Not Implemented"),
    ] {
        let mut bench = ok();
        bench.send(format!("{bytes}{GET}"));
        let writes = bench.writes();
        assert_eq!(writes.len(), 1, "{bytes}");
        assert!(writes[0].starts_with(&format!("HTTP/1.1 {expect}\r\nconnection: close\r\n")), "{writes:?}");
        assert!(!writes[0].ends_with("\r\n"), "{bytes}: a body");
        assert_eq!(writes[0].contains("POST /a"), bytes.starts_with("POST"), "with what could be read");
        assert!(bench.is_shut());
    }
}

#[test]
fn the_end_comes_where_no_request_is_lost() {
    // At once if nothing has begun, be it before the first request or after one.
    for served in [false, true] {
        let mut bench = ok();
        if served {
            bench.send(GET).expect(OK);
        }
        bench.poll().server.as_mut().unwrap().end();
        assert!(bench.poll().is_shut());
    }
    // After the answer under way, though another request is there.
    let (gate, mut bench) = gated();
    bench.send(GET).server.as_mut().unwrap().end();
    bench.send(GET).expect("");
    gate.add_permits(2);
    bench.poll().expect("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    assert!(bench.is_shut());
    // After the request whose head has begun.
    let mut bench = ok();
    bench.send("GET / HT").server.as_mut().unwrap().end();
    bench
        .poll()
        .send("TP/1.1\r\nHost: a\r\n\r\n")
        .expect("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    assert!(bench.is_shut());
}

#[test]
fn a_head_that_takes_too_long_is_answered() {
    let mut bench = ok();
    bench.send("GET / HT");
    let server = bench.server.as_mut().unwrap();
    assert!(server.is_midway() && server.time_out());
    bench.poll().expect("HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 4\r\n\r\nlate");
    assert!(bench.is_shut());
    let (_gate, mut bench) = gated();
    bench.send(GET);
    assert!(!bench.server.as_mut().unwrap().time_out());
}

#[test]
fn a_client_that_closes_ends_its_request() {
    // Before, in the midst of a head, while it waits for the answer, and while it gets one.
    assert!(ok().close().is_shut());
    assert!(ok().send("GET / HT").close().is_shut());
    let (_gate, mut bench) = gated();
    bench.send(GET).close();
    assert!(matches!(bench.ended, Some(Err(Error::Closed))), "{:?}", bench.ended);
    let (feed, response) = fed();
    let mut response = Some(response);
    let mut bench = Bench::new(move |_| std::future::ready(response.take().unwrap()));
    bench.send(GET).close();
    assert!(matches!(bench.ended, Some(Err(Error::Closed))), "{:?}", bench.ended);
    assert!(feed.is_closed());
    // What it sent after its request lies in the way.
    let (gate, mut bench) = gated();
    bench.send(GET).send(GET).close();
    gate.add_permits(2);
    bench.poll().expect(&format!("{OK}{OK}"));
}

fn switching() -> Response<AnyBody> {
    let mut response = full("");
    *response.status_mut() = http::StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert("upgrade", http::HeaderValue::from_static("x"));
    response
}

#[test]
fn an_upgrade_hands_out_the_socket_and_what_was_read() {
    let mut bench = Bench::new(|_| async { switching() });
    bench.send("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\nearly");
    bench.expect("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n");
    let Some(Ok(Some(upgraded))) = bench.ended.take() else { panic!("{:?}", bench.ended.is_some()) };
    assert_eq!(upgraded.unread, "early");
    assert_eq!(bench.pool.kept(), 2);
}

#[test]
fn no_body_is_taken_for_the_bytes_of_an_upgrade() {
    for hold in [true, false] {
        let mut held = Vec::new();
        let mut bench = Bench::new(move |request| {
            held.extend(hold.then_some(request));
            std::future::ready(switching())
        });
        bench.send("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nContent-Length: 9\r\n\r\nearly");
        assert!(bench.is_shut(), "held: {hold}");
    }
    // What is known to end before them is in nobody's way.
    let mut held = Vec::new();
    let mut bench = Bench::new(move |request| {
        held.push(request);
        std::future::ready(switching())
    });
    bench.send("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nContent-Length: 5\r\n\r\nearlyXYZ");
    let Some(Ok(Some(upgraded))) = bench.ended.take() else { panic!("{:?}", bench.ended.is_some()) };
    assert_eq!(upgraded.unread, "XYZ");
}

#[test]
fn a_full_socket_is_waited_for() {
    let mut bench = ok();
    bench.set_full(true).send(GET).expect("");
    bench.set_full(false).expect(OK);
    bench.send(GET).expect(OK);
}
