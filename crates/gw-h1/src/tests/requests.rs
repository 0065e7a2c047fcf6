//! Requests: every HTTP/1.1 row of the classes of incidents, and what a lenient parser lets through.

use super::LIMITS;
use super::message::{Message, any_split, request};
use crate::Underscores;

/// The request's status: 200 for a whole message, 0 for one whose end has not come.
#[track_caller]
fn judge(bytes: &[u8]) -> (u16, Message) {
    match any_split(bytes, 1, |pieces| request(pieces, LIMITS, Underscores::Drop)) {
        Ok(Some(message)) => (200, message),
        Ok(None) => (0, Message::default()),
        Err(error) => (error.status().as_u16(), Message::default()),
    }
}

#[track_caller]
fn check(bytes: impl AsRef<[u8]>, expect: u16) {
    let bytes = bytes.as_ref();
    let (status, message) = judge(bytes);
    assert_eq!(status, expect, "{} → {message:?}", bytes.escape_ascii());
}

/// A GET with these lines.
#[track_caller]
fn check_lines(lines: &str, expect: u16) {
    check(format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n"), expect);
}

/// A POST with these lines and what follows the head.
#[track_caller]
fn check_post(lines: &str, body: &str, expect: u16) {
    check(format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n{body}"), expect);
}

#[test]
fn a_request_is_taken_apart() {
    let (_, message) =
        judge(b"POST /a//b?c HTTP/1.1\r\nHost: a\r\nX-A:\t b c \t\r\nContent-Length: 3\r\n\r\nabcGET");
    assert_eq!(message.line, "POST /a//b?c HTTP/1.1");
    assert_eq!(message.fields, "host: a\nx-a: b c\ncontent-length: 3");
    assert_eq!((&message.body[..], &message.rest[..]), (&b"abc"[..], &b"GET"[..]));
}

#[test]
fn lines() {
    check("GET / HTTP/1.1\r\n\r\n", 200);
    check("GET / HTTP/1.0\r\n\r\n", 200);
    check("\r\nGET / HTTP/1.1\r\n\r\n", 200);
    check("\r\n\r\nGET / HTTP/1.1\r\n\r\n", 400);
    check("\nGET / HTTP/1.1\r\n\r\n", 400);
    check(" GET / HTTP/1.1\r\n\r\n", 400);
    check("GET  / HTTP/1.1\r\n\r\n", 400);
    check("GET /  HTTP/1.1\r\n\r\n", 400);
    check("GET / HTTP/1.1 \r\n\r\n", 400);
    check("GET\t/ HTTP/1.1\r\n\r\n", 400);
    check("GET / HTTP/1.1\n\r\n", 400);
    check("GET / HTTP/1.1\r\nHost: a\n\r\n", 400);
    check("GET / HTTP/1.1\r\n\n", 400);
    check("GET / HTTP/1.1\rX: b\r\n\r\n", 400);
    check("G(T / HTTP/1.1\r\n\r\n", 400);
    check("G\0T / HTTP/1.1\r\n\r\n", 400);
    check("/ HTTP/1.1\r\n\r\n", 400);
    check("PURGE / HTTP/1.1\r\n\r\n", 200);
    check("get / HTTP/1.1\r\n\r\n", 200);
    check("GET / HTTP/1.1\r\nHost: a\r\n", 0);
}

#[test]
fn versions() {
    for (version, expect) in [
        ("HTTP/0.9", 505),
        ("HTTP/1.2", 505),
        ("HTTP/2.0", 505),
        ("HTTP/3.0", 505),
        ("HTTP/11", 400),
        ("HTTP/1.10", 400),
        ("HTTP/+1.1", 400),
        ("http/1.1", 400),
        ("HTTPS/1.1", 400),
        ("HTTP/1,1", 400),
    ] {
        check(format!("GET / {version}\r\n\r\n"), expect);
    }
    check("GET /\r\n\r\n", 400);
    check("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
}

#[test]
fn targets() {
    for (target, expect) in [
        ("/a?b=c&d", "/a?b=c&d"),
        ("/pub/../admin//%2e%2E/;x\\", ""),
        ("/pub/../admin//%2e%2E/;x", "/pub/../admin//%2e%2E/;x"),
        ("/c%0d%0aX-Evil:%201", "/c%0d%0aX-Evil:%201"),
        ("http://gw.test/a", "http://gw.test/a"),
        ("*", "*"),
        ("gw.test:443", "gw.test:443"),
        ("/a#b", ""),
        ("/#", ""),
        ("/a\0", ""),
        ("/a\x7f", ""),
        ("", ""),
    ] {
        let (status, message) = judge(format!("GET {target} HTTP/1.1\r\n\r\n").as_bytes());
        let seen = message.line.strip_prefix("GET ").and_then(|line| line.strip_suffix(" HTTP/1.1"));
        // What `http::Uri` takes is its own business; that it changes nothing is ours.
        match (status, expect) {
            (400, "") => {}
            (200, "") => assert_eq!(seen, Some(target)),
            _ => assert_eq!(seen, Some(expect), "{target:?}: {status}"),
        }
    }
}

#[test]
fn fields() {
    check_lines("X-A: b", 200);
    check_lines("X-A:", 200);
    check_lines("X-A: \u{e9}", 200);
    check_lines("X-A : b", 400);
    check_lines("X-A\t: b", 400);
    check_lines(" X-A: b", 400);
    check_lines("X-A: b\r\n c", 400);
    check_lines("X-A: b\r\n\tc", 400);
    check_lines("X-A", 400);
    check_lines(": b", 400);
    check_lines("X A: b", 400);
    check_lines("X(A: b", 400);
    check_lines("X-\u{e9}: b", 400);
    check_lines("X-A: b\rX-B: c", 400);
    check_lines("X-A: b\nTransfer-Encoding: chunked", 400);
    check_lines("X-A: b\0c", 400);
    check_lines("X-A: b\x0bc", 400);
    check_lines("X-A: b\x7f", 400);
    check_lines("X-A: \x1b[0m", 400);
    // Host is the server's to judge, which sees them all.
    check_lines("Host: b", 200);
}

#[test]
fn a_name_with_an_underscore_is_left_out() {
    let head =
        b"GET / HTTP/1.1\r\nX_Forwarded_For: 127.0.0.1\r\nTransfer_Encoding: chunked\r\nX-A: _\r\n\r\n";
    assert_eq!(judge(head).1.fields, "x-a: _");
    let kept = any_split(head, 1, |pieces| request(pieces, LIMITS, Underscores::Keep)).unwrap().unwrap();
    assert_eq!(kept.fields, "x_forwarded_for: 127.0.0.1\ntransfer_encoding: chunked\nx-a: _");
}

#[test]
fn limits() {
    check(format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(63)), 200);
    check(format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(64)), 414);
    check(format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(1000)), 414);
    check("A".repeat(1000), 414);
    // 512 bytes in all.
    let filled = |fill: usize| format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(fill));
    assert_eq!(filled(489).len(), 512);
    check(filled(489), 200);
    check(filled(490), 431);
    check(filled(5000), 431);
    check(format!("GET / HTTP/1.1\r\n{}\r\n", "X: a\r\n".repeat(6)), 200);
    check(format!("GET / HTTP/1.1\r\n{}\r\n", "X: a\r\n".repeat(7)), 431);
    check(format!("GET / HTTP/1.1\r\n{}\r\n", "X_A: a\r\n".repeat(7)), 431);
}

#[test]
fn many_fields_within_a_high_limit() {
    let head = format!("GET / HTTP/1.1\r\n{}\r\n", "X: a\r\n".repeat(300));
    let limits = crate::HeadLimits { bytes: 65536, fields: 300, ..LIMITS };
    assert!(request(&[head.as_bytes()], limits, Underscores::Drop).unwrap().is_some());
    let limits = crate::HeadLimits { fields: 299, ..limits };
    assert_eq!(request(&[head.as_bytes()], limits, Underscores::Drop).unwrap_err().status(), 431);
}

#[test]
fn codings() {
    let end = "0\r\n\r\n";
    check_post("Transfer-Encoding: chunked", end, 200);
    check_post("Transfer-Encoding: Chunked", end, 200);
    check_post("Transfer-Encoding:chunked ", end, 200);
    check_post("Content-Length: 46\r\nTransfer-Encoding: chunked", end, 400);
    check_post("Transfer-Encoding: chunked\r\nContent-Length: 5", end, 400);
    check_post("Transfer-Encoding: \x0bchunked", end, 400);
    check_post("Transfer-Encoding: xchunked", end, 400);
    check_post("Transfer-Encoding: chunked, chunked", end, 400);
    check_post("Transfer-Encoding: ,chunked", end, 400);
    check_post("Transfer-Encoding: chunked,", end, 400);
    check_post("Transfer-Encoding: chunked;q=1", end, 400);
    check_post("Transfer-Encoding: \"chunked\"", end, 400);
    check_post("Transfer-Encoding: chunked, gzip", end, 501);
    check_post("Transfer-Encoding: gzip, chunked", end, 501);
    check_post("Transfer-Encoding: identity", end, 501);
    check_post("Transfer-Encoding:", end, 400);
    check_post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", end, 400);
    check_post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", end, 501);
    check_post("Transfer-Encoding: \r\n chunked", end, 400);
    check_post("Transfer-Encoding: chunked\u{a0}", end, 400);
    check_post("Transfer-Encoding : chunked", end, 400);
    check("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n", 400);
}

#[test]
fn lengths() {
    check_post("Content-Length: 5", "abcde", 200);
    check_post("Content-Length: 5", "abcd", 0);
    check_post("Content-Length: 005", "abcde", 200);
    check_post("Content-Length: 5\r\nContent-Length: 5", "abcde", 200);
    check_post("Content-Length: 5\r\nContent-Length: 6", "abcdef", 400);
    for length in ["5, 9", "5,5", "+5", "-5", "0x5", "5a", "5 5", "", "5.0", "18446744073709551621", "5,"] {
        check_post(&format!("Content-Length: {length}"), "abcde", 400);
    }
    let (_, message) = judge(b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na");
    assert_eq!(message.fields, "content-length: 1");
    // A GET's body too is no next request.
    let (_, message) = judge(b"GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    assert_eq!(message.rest, b" / HTTP/1.1\r\n\r\n");
}
