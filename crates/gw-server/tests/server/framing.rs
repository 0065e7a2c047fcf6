//! Requests that parsers disagree about: refused, closed, and nothing of them read as a second request.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gw_core::Outcome;
use gw_server::Limits;

use crate::harness::{Client, echo, exchange, listener, serve, start};

/// What a client tries to smuggle in behind another request.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: gw.test\r\n\r\n";

/// Sends `request` followed by another; `allowed` are the statuses that may be answered. There must be one answer
/// only, and then the end.
async fn check(request: &str, allowed: &[u16]) {
    let smuggled = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&smuggled);
    let server = serve(move |req| {
        seen.fetch_add(usize::from(req.uri().path() == "/smuggled"), Ordering::Relaxed);
        echo(req)
    });
    let (answer, rest) = exchange(server.address, format!("{request}{SMUGGLED}")).await;
    assert!(allowed.contains(&answer.status), "{request:?} was answered {answer:?}");
    assert_eq!(rest, "", "after {request:?}");
    assert_eq!(smuggled.load(Ordering::Relaxed), 0, "{request:?}");
}

fn get(fields: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: gw.test\r\n{fields}\r\n")
}

fn post(fields: &str, body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: gw.test\r\n{fields}\r\n{body}")
}

#[tokio::test]
async fn transfer_encoding_and_content_length() {
    check(&post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), &[400, 200]).await;
    check(&post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n"), &[400, 200]).await;
    for coding in [
        "xchunked",
        "chunked, gzip",
        ",chunked",
        "chunked,",
        "chunked, chunked",
        "gzip, chunked",
        "identity",
        "\x0bchunked",
        "\"chunked\"",
        "chunked\r\nTransfer-Encoding: chunked",
        "chunked\r\nTransfer-Encoding: x",
        "chunked;a=b",
        "",
    ] {
        check(&post(&format!("Transfer-Encoding: {coding}\r\n"), "0\r\n\r\n"), &[400, 501]).await;
    }
    check(&post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), &[400]).await;
    check(&post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"), &[400]).await;
    check("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400]).await;
}

#[tokio::test]
async fn content_length() {
    for length in
        ["5\r\nContent-Length: 6", "5, 9", "5, 5", "+5", "-5", "0x5", "5a", "", "18446744073709551621", "5 5"]
    {
        check(&post(&format!("Content-Length: {length}\r\n"), "hello"), &[400]).await;
    }
}

#[tokio::test]
async fn chunks() {
    for chunks in [
        "0x5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "-0\r\n\r\n",
        "5zz\r\nhello\r\n0\r\n\r\n",
        "11111111111111115\r\nhello\r\n0\r\n\r\n",
        "5\rXhello\r\n0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "5;a\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello\r\n0\n\n",
        "5\r\nhello\r\n0\r\n\n\r\n\r\n",
    ] {
        check(&post("Transfer-Encoding: chunked\r\n", chunks), &[400]).await;
    }
}

#[tokio::test]
async fn field_lines() {
    for field in [
        "X-A: b\rX-B: c\r\n",
        "X-A: b\0c\r\n",
        "X A: b\r\n",
        ": b\r\n",
        "X-A\r\n",
        " X-A: b\r\n",
        "X-\u{e9}: a\r\n",
    ] {
        check(&get(field), &[400]).await;
    }
}

#[tokio::test]
async fn hosts() {
    for fields in [
        "",
        "Host: a\r\nHost: b\r\n",
        "Host: a b\r\n",
        "Host: a@b\r\n",
        "Host: a/b\r\n",
        "Host:\r\n",
        "Host: a,b\r\n",
        "Host: a:x\r\n",
    ] {
        check(&format!("GET / HTTP/1.1\r\n{fields}\r\n"), &[400]).await;
    }
    check("GET http://u@gw.test/ HTTP/1.1\r\nHost: gw.test\r\n\r\n", &[400]).await;
}

#[tokio::test]
async fn targets_methods_and_versions() {
    check("CONNECT gw.test:443 HTTP/1.1\r\nHost: gw.test\r\n\r\n", &[501]).await;
    check("GET gw.test:80 HTTP/1.1\r\nHost: gw.test\r\n\r\n", &[400]).await;
    check("GET * HTTP/1.1\r\nHost: gw.test\r\n\r\n", &[400]).await;
    check("GET /a b HTTP/1.1\r\nHost: gw.test\r\n\r\n", &[400]).await;
    check("GET  / HTTP/1.1\r\nHost: gw.test\r\n\r\n", &[400]).await;
    check("G@T / HTTP/1.1\r\nHost: gw.test\r\n\r\n", &[400, 200]).await;
    check("GET / HTTP/1.2\r\nHost: gw.test\r\n\r\n", &[400, 505]).await;
    check("GET / HTTP/2.0\r\nHost: gw.test\r\n\r\n", &[400, 505]).await;
    check("GET /\r\nHost: gw.test\r\n\r\n", &[400]).await;
    check(&get("Expect: 200-maybe\r\n"), &[417]).await;
}

#[tokio::test]
async fn heads_above_the_limits() {
    let limits = Limits { header_bytes: 16 << 10, header_count: 20, target_bytes: 100, ..Limits::default() };
    let server = start(listener(limits), |req, _| echo(req));
    let long = "a".repeat(17 << 10);
    let many: String = (0..20).map(|n| format!("X-{n}: a\r\n")).collect();
    let crowd: String = (0..5000).map(|n| format!("X-{n}: a\r\n")).collect();
    for (request, expect) in [
        (get(&format!("X-A: {long}\r\n")), 431),
        (get(&many), 431),
        (get(&crowd), 431),
        (format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(100)), 414),
        // hyper cannot tell which part of a head is too long.
        (
            format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"),
            if cfg!(feature = "hyper-h1") { 431 } else { 414 },
        ),
    ] {
        let (answer, rest) = exchange(server.address, request).await;
        assert_eq!((answer.status, rest.as_str()), (expect, ""));
    }
    let outcomes: Vec<_> = server.rejected(5).await.iter().map(|rejection| rejection.outcome).collect();
    assert_eq!(outcomes.len(), 5);
    assert!(outcomes.contains(&Outcome::HeadersTooLarge) && outcomes.contains(&Outcome::TargetTooLong));
}

/// Not to be had by configuring nothing: 64 KiB, 100 fields, a target of 8 KiB.
#[tokio::test]
async fn heads_at_and_above_the_default_limits() {
    let server = serve(echo);
    let fields = |count: usize| (0..count).map(|n| format!("X-{n}: a\r\n")).collect::<String>();
    let target =
        |len: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "a".repeat(len - 1));
    let bytes = |len: usize| {
        let rest = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: \r\n\r\n".len();
        format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: {}\r\n\r\n", "a".repeat(len - rest))
    };
    for (request, expect) in [
        (bytes(60 << 10), 200),
        (bytes((64 << 10) + 1), 431),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{}\r\n", fields(98)), 200),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{}\r\n", fields(99)), 431),
        (target(8 << 10), 200),
        (target((8 << 10) + 1), 414),
    ] {
        let (answer, _) = exchange(server.address, request.clone()).await;
        assert_eq!(answer.status, expect, "{} bytes", request.len());
    }
}

#[tokio::test]
#[cfg(not(feature = "hyper-h1"))]
async fn what_is_no_request_is_answered_with_a_reason_and_told_once() {
    let server = start(listener(Limits { header_bytes: 8 << 10, ..Limits::default() }), |req, _| echo(req));
    let long = "a".repeat(9 << 10);
    for (n, (request, status, text)) in [
        ("G@T / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 400, "not valid"),
        (get("X-A: b\rX-B: c\r\n"), 400, "a control byte"),
        ("GET / HTTP/1.1\nHost: a\n\n".to_owned(), 400, "a bare LF"),
        (post("Content-Length: 5x\r\n", "hello"), 400, "Content-Length is no number"),
        (post("Transfer-Encoding: gzip\r\n", "hello"), 501, "other than chunked"),
        ("GET / HTTP/1.2\r\nHost: a\r\n\r\n".to_owned(), 505, "the version"),
        (format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), 414, "the target"),
        (get(&format!("X-A: {long}\r\n")), 431, "the head"),
    ]
    .into_iter()
    .enumerate()
    {
        let (answer, rest) = exchange(server.address, &request).await;
        assert_eq!((answer.status, answer.closes(), rest.as_str()), (status, true, ""), "{request:?}");
        assert!(answer.body.contains(text), "{request:?}: {}", answer.body);
        let told = server.rejections();
        assert_eq!((told.len(), told[n].status.as_u16()), (n + 1, status), "{request:?}");
        // What could be read is told, too.
        assert_eq!(told[n].target.is_some(), request.starts_with("POST"), "{request:?}");
        assert_eq!(told[n].method.is_some(), request.starts_with("POST"), "{request:?}");
    }
}

#[tokio::test]
async fn more_fields_than_the_parser_takes_for_free_can_be_allowed() {
    let limits = Limits { header_count: 300, ..Limits::default() };
    let server = start(listener(limits), |req, _| echo(req));
    let many: String = (0..250).map(|n| format!("X-{n}: a\r\n")).collect();
    let (answer, _) = exchange(server.address, get(&format!("Connection: close\r\n{many}"))).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn the_preface_of_http2_is_refused_where_http2_is_off() {
    let options = gw_server::ListenerOptions { http2: false, ..listener(Limits::default()) };
    let server = start(options, |req, _| echo(req));
    let mut client = Client::connect(server.address).await;
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    let rest = client.rest().await;
    assert!(!rest.contains("200"), "{rest}");
}

#[tokio::test]
async fn methods_that_share_letters_with_the_preface_are_served() {
    let server = serve(echo);
    for method in ["PRI", "PUT", "P", "PROPFIND", "PRIVATE"] {
        let request = format!("{method} /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert_eq!(exchange(server.address, request).await.0.body, format!("{method} /x a "));
    }
}
