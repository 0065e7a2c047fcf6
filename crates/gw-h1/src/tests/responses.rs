//! Answers: framing, and what makes a connection unfit for another request.

use bytes::BytesMut;
use http::Method;

use super::LIMITS;
use super::message::{Message, any_split, response};
use crate::ResponseParser;

#[track_caller]
fn judge(method: &Method, bytes: &[u8]) -> Result<Message, String> {
    let verdict = any_split(bytes, 1, |pieces| response(pieces, LIMITS, method));
    verdict.map_err(|error| error.to_string())?.ok_or_else(|| "cut".to_owned())
}

/// The body, and whether the connection may serve again.
#[track_caller]
fn check(bytes: &str, expect: Option<(&str, bool)>) {
    check_method(&Method::GET, bytes, expect);
}

#[track_caller]
fn check_method(method: &Method, bytes: &str, expect: Option<(&str, bool)>) {
    let seen = judge(method, bytes.as_bytes());
    let whole = seen.as_ref().ok().map(|message| {
        (std::str::from_utf8(&message.body).unwrap(), message.reusable && message.rest.is_empty())
    });
    assert_eq!(whole, expect, "{} → {seen:?}", bytes.escape_debug());
}

#[test]
fn status_lines() {
    for line in ["HTTP/1.1 200 OK", "HTTP/1.1 200 ", "HTTP/1.1 200", "HTTP/1.0 299 A b", "HTTP/1.1 999 x"] {
        check(&format!("{line}\r\nContent-Length: 0\r\n\r\n"), Some(("", true)));
    }
    for line in [
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 099 OK",
        "HTTP/1.1 +20 OK",
        "HTTP/1.1  200 OK",
        "HTTP/1.1 2x0 OK",
        "HTTP/2.0 200 OK",
        "HTTP/0.9 200 OK",
        "ICY 200 OK",
        "\r\nHTTP/1.1 200 OK",
        " HTTP/1.1 200 OK",
        "HTTP/1.1 200 O\rK",
        "HTTP/1.1 200 O\0K",
        "HTTP/1.1 200 OK\nX: a",
        "<html>",
        "HTTP/1.1",
    ] {
        check(&format!("{line}\r\nContent-Length: 0\r\n\r\n"), None);
    }
}

#[test]
fn fields() {
    for line in ["X: a\r b", "X: a\nb", "X: a\0b", "X : a", " X: a", "X: a\r\n b", "X", ": a"] {
        check(&format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{line}\r\n\r\n"), None);
    }
    check(&format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{}\r\n", "X: a\r\n".repeat(9)), None);
    check(&format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(600)), None);
}

#[test]
fn framing() {
    check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", Some(("abc", true)));
    check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcX", Some(("abc", false)));
    check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", None);
    check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", Some(("abc", true)));
    check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", None);
    check("HTTP/1.1 200 OK\r\n\r\nabc", Some(("abc", false)));
    check("HTTP/1.0 200 OK\r\n\r\n", Some(("", false)));
    for length in ["5, 9", "+5", "", "0x5", "5;", "18446744073709551621"] {
        check(&format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nabcde"), None);
    }
    check("HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc", Some(("abc", true)));
    check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", Some(("abc", true)));
    check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", None);
    for coding in ["gzip", "gzip, chunked", "chunked, chunked", "xchunked", ",chunked", ""] {
        check(&format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n"), None);
    }
    check("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", None);
}

#[test]
fn chunked_wins_over_a_length_which_goes() {
    let both =
        b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
    let message = judge(&Method::GET, both).unwrap();
    assert_eq!((message.fields.as_str(), message.reusable), ("transfer-encoding: chunked", false));
}

#[test]
fn answers_without_a_body() {
    check_method(&Method::HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", Some(("", true)));
    check_method(&Method::HEAD, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Some(("", true)));
    check_method(&Method::HEAD, "HTTP/1.1 200 OK\r\n\r\nabc", Some(("", false)));
    check_method(&Method::HEAD, "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", None);
    check("HTTP/1.1 304 x\r\nContent-Length: 3\r\n\r\n", Some(("", true)));
    check("HTTP/1.1 204 x\r\n\r\n", Some(("", true)));
    check("HTTP/1.1 204 x\r\nContent-Length: 3\r\n\r\nabc", Some(("", false)));
    check("HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n", Some(("", false)));
    check("HTTP/1.1 100 x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", Some(("", false)));
    check("HTTP/1.1 101 x\r\nUpgrade: a\r\n\r\nraw", Some(("", false)));
}

/// Whether an answer is found behind so many interim ones, for each of two requests.
#[track_caller]
fn check_interim(count: usize, expect: bool) {
    let mut parser = ResponseParser::new(LIMITS);
    let answer = "HTTP/1.1 100 x\r\n\r\n".repeat(count) + "HTTP/1.1 204 x\r\n\r\n";
    let mut bytes = BytesMut::from(answer.repeat(2).as_bytes());
    for at in 1..=2 * (count + 1) {
        match parser.parse(&mut bytes) {
            Ok(head) => assert_eq!(head.unwrap().status() == 204, at % (count + 1) == 0),
            Err(error) => return assert!(!expect && at == 17, "{at}: {error}"),
        }
    }
    assert!(expect && bytes.is_empty());
}

#[test]
fn interim_answers_have_an_end() {
    check_interim(16, true);
    check_interim(17, false);
}
