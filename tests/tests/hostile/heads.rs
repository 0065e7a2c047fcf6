//! Heads that are refused.

use crate::bench::{Bench, Hyper};

fn get(fields: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: gw.test\r\n{fields}\r\n")
}

fn post(fields: &str, body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: gw.test\r\n{fields}\r\n{body}")
}

#[tokio::test]
async fn two_framings_are_none() {
    let bench = Bench::start().await;
    let chunked = "0\r\n\r\n";
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 46\r\nTransfer-Encoding: Chunked\r\n",
    ] {
        // The coding wins, and the length goes.
        bench.refuses_but(post(fields, chunked), &[400], Hyper::Serves(0)).await;
    }
    for fields in [
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: \x0bchunked\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: identity, chunked\r\n",
        "Transfer-Encoding: ,chunked\r\n",
        "Transfer-Encoding: chunked,\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding: cow\r\n",
        "Transfer-Encoding:\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        " Transfer-Encoding: chunked\r\n",
        "X: y\r\n Transfer-Encoding: chunked\r\n",
        "X: y\rTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding\0: chunked\r\n",
        "Transfer-Encoding\t: chunked\r\n",
        "Transfer-Encoding: chunked\x0b\r\n",
    ] {
        bench.refuses(post(fields, chunked), &[400, 501]).await;
    }
    bench
        .refuses(
            b"POST / HTTP/1.1\r\nHost: gw.test\r\nTransfer-Encoding: chunked\xa0\r\n\r\n0\r\n\r\n",
            &[400],
        )
        .await;
    bench
        .refuses(b"POST / HTTP/1.1\r\nHost: gw.test\r\nTransfer-Encoding: chun\0ked\r\n\r\n0\r\n\r\n", &[400])
        .await;
    bench
        .refuses("POST / HTTP/1.0\r\nHost: gw.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400])
        .await;
    bench.finish().await;
}

#[tokio::test]
async fn lengths_are_numbers() {
    let bench = Bench::start().await;
    for length in [
        "5\r\nContent-Length: 6",
        "5, 9",
        "5, 5",
        "5,",
        "+5",
        "-5",
        "0x5",
        "5a",
        "5.0",
        "",
        "5 5",
        "\t5\x0b",
        "18446744073709551621",
        "18446744073709551616",
        "\u{0665}",
    ] {
        bench.refuses(post(&format!("Content-Length: {length}\r\n"), "hello"), &[400]).await;
    }
    bench.finish().await;
}

#[tokio::test]
async fn lines_end_in_crlf_and_nothing_else() {
    let bench = Bench::start().await;
    for request in [
        "GET / HTTP/1.1\nHost: gw.test\n\n",
        "GET / HTTP/1.1\r\nHost: gw.test\n\r\n",
        "GET / HTTP/1.1\r\nHost: gw.test\r\n\n",
        "GET / HTTP/1.1\r\nHost: gw.test\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        // More than the one empty line before a request (RFC 9112 §2.2), and another one.
        "\n\nGET / HTTP/1.1\r\nHost: gw.test\r\n\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\nHost: gw.test\r\n\r\n",
    ] {
        // Each LF ends a line.
        bench.refuses_but(request, &[400], Hyper::Serves(0)).await;
    }
    for request in [
        "GET / HTTP/1.1\r\nHost: gw.test\r\nX: y\rZ: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: gw.test\r\nX: y\0z\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: gw.test\r\nX: y\x7f\r\n\r\n",
        "GET / HTTP/1.1\rHost: gw.test\r\r\n\r\n",
        "GET / HTTP/1.1\r\r\nHost: gw.test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: gw.test\r\n\rX: y\r\n\r\n",
        " GET / HTTP/1.1\r\nHost: gw.test\r\n\r\n",
    ] {
        bench.refuses(request, &[400]).await;
    }
    bench.finish().await;
}

#[tokio::test]
async fn fields_have_a_name_and_no_space_before_the_colon() {
    let bench = Bench::start().await;
    for field in [
        "X A: b\r\n",
        "X-A : b\r\n",
        ": b\r\n",
        "X-A\r\n",
        "X\t: b\r\n",
        "X(a): b\r\n",
        "X-\u{e9}: a\r\n",
        "\"X\": a\r\n",
    ] {
        bench.refuses(get(field), &[400]).await;
    }
    bench.finish().await;
}

#[tokio::test]
async fn hosts() {
    let bench = Bench::start().await;
    for fields in [
        "",
        "Host: a\r\nHost: b\r\n",
        "Host: a\r\nHost: a\r\n",
        "Host: a b\r\n",
        "Host: a@b\r\n",
        "Host: a/b\r\n",
        "Host: a\\b\r\n",
        "Host: a#b\r\n",
        "Host: a?b\r\n",
        "Host: a,b\r\n",
        "Host:\r\n",
        "Host: a:x\r\n",
        "Host: a:65536\r\n",
        "Host: [::1\r\n",
        "Host: a%00\r\n",
        "Host : a\r\n",
    ] {
        bench.refuses(format!("GET / HTTP/1.1\r\n{fields}\r\n"), &[400]).await;
    }
    for target in ["http://u@gw.test/", "http://gw.test:x/", "http://", "http:///x", "ftp://gw.test/"] {
        bench.refuses(format!("GET {target} HTTP/1.1\r\nHost: gw.test\r\n\r\n"), &[400]).await;
    }
    bench.finish().await;
}

#[tokio::test]
async fn first_lines() {
    let bench = Bench::start().await;
    for (line, statuses) in [
        ("GET  / HTTP/1.1", &[400][..]),
        ("GET /  HTTP/1.1", &[400]),
        ("GET\t/\tHTTP/1.1", &[400]),
        ("GET / HTTP/1.1 ", &[400]),
        ("GET /a b HTTP/1.1", &[400]),
        ("GET / HTTP/1.10", &[400]),
        ("GET / HTTP/01.1", &[400]),
        ("GET / http/1.1", &[400]),
        ("GET / HTTP/1,1", &[400]),
        ("GET / XTTP/1.1", &[400]),
        ("GET /", &[400]),
        ("GET", &[400]),
        ("G@T / HTTP/1.1", &[400]),
        ("GET gw.test HTTP/1.1", &[400]),
        ("GET * HTTP/1.1", &[400]),
        ("CONNECT gw.test:443 HTTP/1.1", &[501]),
        ("CONNECT / HTTP/1.1", &[400, 501]),
    ] {
        bench.refuses(format!("{line}\r\nHost: gw.test\r\n\r\n"), statuses).await;
    }
    for version in ["HTTP/1.2", "HTTP/2.0", "HTTP/0.9"] {
        let request = format!("GET / {version}\r\nHost: gw.test\r\n\r\n");
        bench.refuses_but(request, &[505], Hyper::Refuses(&[400])).await;
    }
    // The fragment is dropped in silence.
    let fragment = "GET /#a HTTP/1.1\r\nHost: gw.test\r\n\r\n";
    bench.refuses_but(fragment, &[400], Hyper::Serves(0)).await;
    bench.refuses(b"GET /\0 HTTP/1.1\r\nHost: gw.test\r\n\r\n", &[400]).await;
    bench.finish().await;
}

#[tokio::test]
async fn bombs() {
    let bench = Bench::start().await;
    let huge = "a".repeat(128 << 10);
    let crowd: String = (0..5000).map(|n| format!("X-{n}: a\r\n")).collect();
    bench.refuses(get(&format!("X: {huge}\r\n")), &[431]).await;
    bench.refuses(get(&format!("{huge}: x\r\n")), &[431]).await;
    bench.refuses(get(&crowd), &[431]).await;
    bench.refuses(format!("GET /{} HTTP/1.1\r\nHost: gw.test\r\n\r\n", &huge[..10_000]), &[414]).await;
    // Which part of a head is too long is not told.
    let target = format!("GET /{huge} HTTP/1.1\r\nHost: gw.test\r\n\r\n");
    bench.refuses_but(target, &[414], Hyper::Refuses(&[431])).await;
    bench.refuses_but(huge, &[414], Hyper::Refuses(&[431])).await;
    bench.finish().await;
}

#[tokio::test]
async fn expectations() {
    let bench = Bench::start().await;
    bench.refuses(get("Expect: 200-maybe\r\n"), &[417]).await;
    bench.refuses(get("Expect: 100-continue, x\r\n"), &[417]).await;
    bench.finish().await;
}
