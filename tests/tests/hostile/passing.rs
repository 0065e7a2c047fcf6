//! What is served, and what is left of it behind the gateway.

use crate::bench::Bench;

#[tokio::test]
async fn what_has_one_meaning_passes() {
    let bench = Bench::start().await;
    let post = "POST / HTTP/1.1\r\nHost: gw.test\r\n";
    for (request, bytes) in [
        (format!("{post}Content-Length: 5\r\n\r\nhello"), 5),
        (format!("{post}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"), 5),
        (format!("{post}content-length:\t5 \r\n\r\nhello"), 5),
        (format!("{post}Content-Length: 0\r\n\r\n"), 0),
        (format!("{post}Content-Length: 0005\r\n\r\nhello"), 5),
        (format!("{post}Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), 5),
        (format!("{post}Transfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n000\r\n\r\n"), 5),
        (
            format!("{post}Transfer-Encoding: chunked\r\n\r\n0000000000000005\r\nhello\r\n0\r\nX: y\r\n\r\n"),
            5,
        ),
        (format!("\r\n{post}Content-Length: 5\r\n\r\nhello"), 5),
    ] {
        let seen = bench.passes(&request).await;
        assert_eq!((seen.body_bytes, seen.target.as_str()), (bytes, "/"), "{request:?}");
        // One framing goes on.
        let framings = seen.headers.get_all("content-length").iter().count()
            + seen.headers.get_all("transfer-encoding").iter().count();
        assert!(framings <= 1, "{request:?}: {:?}", seen.headers);
    }
}

#[tokio::test]
async fn a_body_of_get_is_a_body() {
    let bench = Bench::start().await;
    let seen = bench.passes("GET /a HTTP/1.1\r\nHost: gw.test\r\nContent-Length: 5\r\n\r\nGET /").await;
    assert_eq!((seen.target.as_str(), seen.body_bytes), ("/a", 5));
}

#[tokio::test]
async fn fields_that_confuse_upstreams_end_here() {
    let bench = Bench::start().await;
    let get = "GET /a HTTP/1.1\r\nHost: gw.test\r\n";
    for (fields, gone) in [
        ("X_Forwarded_For: 127.0.0.1\r\n", "x_forwarded_for"),
        ("Transfer_Encoding: chunked\r\n", "transfer_encoding"),
        ("Content_Length: 5\r\n", "content_length"),
        ("Connection: X-Secret\r\nX-Secret: 1\r\n", "x-secret"),
        (
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
            "http2-settings",
        ),
        ("Connection: Upgrade\r\nUpgrade: h2c\r\n", "upgrade"),
        ("Keep-Alive: timeout=5\r\n", "keep-alive"),
        ("Proxy-Connection: keep-alive\r\n", "proxy-connection"),
        ("TE: chunked\r\n", "te"),
    ] {
        let seen = bench.passes(format!("{get}{fields}\r\n")).await;
        assert!(!seen.headers.contains_key(gone), "{fields:?}: {:?}", seen.headers);
    }
    // Framing and Host survive being named.
    let seen = bench
        .passes("POST / HTTP/1.1\r\nHost: gw.test\r\nConnection: Host, Content-Length\r\nContent-Length: 5\r\n\r\nhello")
        .await;
    assert_eq!((seen.body_bytes, seen.headers["host"].as_bytes().is_empty()), (5, false));
}

#[tokio::test]
async fn targets_go_on_as_they_came() {
    let bench = Bench::start().await;
    for target in ["/c%20X-Evil:%201", "/a?b=c&d", "/a;b/c", "/%41", "/a//b"] {
        let seen = bench.passes(format!("GET {target} HTTP/1.1\r\nHost: gw.test\r\n\r\n")).await;
        assert_eq!(seen.target, target);
        assert!(!seen.headers.contains_key("x-evil"));
    }
    let seen = bench.passes("GET http://gw.test/a HTTP/1.1\r\nHost: evil.test\r\n\r\n").await;
    assert_eq!(seen.target, "/a");
    assert!(seen.headers.values().all(|value| !value.as_bytes().starts_with(b"evil")), "{:?}", seen.headers);
}

#[tokio::test]
async fn a_client_is_who_it_is() {
    let bench = Bench::start().await;
    let seen = bench.passes("GET / HTTP/1.1\r\nHost: gw.test\r\nX-Forwarded-For: 10.0.0.1\r\nConnection: close, X-Forwarded-For\r\n\r\n").await;
    assert_eq!(seen.headers["x-forwarded-for"], "127.0.0.1");
}
