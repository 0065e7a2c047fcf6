//! What is served, and what is left of it behind the gateway.

use gateway_tests::find;

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
        assert_eq!((seen.body.len(), seen.target.as_str()), (bytes, "/"), "{request:?}");
    }
    bench.finish().await;
}

#[tokio::test]
async fn a_body_of_get_is_a_body() {
    let bench = Bench::start().await;
    let seen = bench.passes("GET /a HTTP/1.1\r\nHost: gw.test\r\nContent-Length: 5\r\n\r\nGET /").await;
    assert_eq!((seen.target.as_str(), seen.body.len()), ("/a", 5));
    bench.finish().await;
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
        ("HTTP2-Settings: AAMAAABkAAQAAP__\r\n", "http2-settings"),
        ("Keep-Alive: timeout=5\r\n", "keep-alive"),
        ("Proxy-Connection: keep-alive\r\n", "proxy-connection"),
        ("TE: chunked\r\n", "te"),
    ] {
        let seen = bench.passes(format!("{get}{fields}\r\n")).await;
        assert_eq!(find(&seen.fields, gone), None, "{fields:?}: {:?}", seen.fields);
    }
    // Framing and Host survive being named.
    for (fields, body) in [
        ("Connection: Host, Content-Length\r\nContent-Length: 5\r\n", "hello"),
        ("Connection: host, transfer-encoding\r\nTransfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
    ] {
        let seen = bench.passes(format!("POST / HTTP/1.1\r\nHost: gw.test\r\n{fields}\r\n{body}")).await;
        assert_eq!(
            (&seen.body[..], find(&seen.fields, "host")),
            (&b"hello"[..], Some("gw.test")),
            "{fields:?}"
        );
    }
    bench.finish().await;
}

#[tokio::test]
async fn targets_go_on_as_they_came() {
    let bench = Bench::start().await;
    for target in ["/c%20X-Evil:%201", "/a?b=c&d", "/a;b/c", "/%41", "/a//b", "/%2F", "/a?//../%2e", "/*"] {
        let seen = bench.passes(format!("GET {target} HTTP/1.1\r\nHost: gw.test\r\n\r\n")).await;
        assert_eq!((seen.target.as_str(), find(&seen.fields, "x-evil")), (target, None));
    }
    let seen = bench.passes("GET http://gw.test/a HTTP/1.1\r\nHost: evil.test\r\n\r\n").await;
    assert_eq!((seen.target.as_str(), find(&seen.fields, "host")), ("/a", Some("gw.test")));
    assert!(seen.fields.iter().all(|(_, value)| !value.starts_with("evil")), "{:?}", seen.fields);
    bench.finish().await;
}

/// What is matched is what goes on: no path leads past the route that it was matched to.
#[tokio::test]
async fn no_path_leads_around_its_route() {
    let bench = Bench::at("/pub/*").await;
    for path in [
        "/pub/../admin",
        "/pub/./admin",
        "/pub/..",
        "/pub/%2e%2e/admin",
        "/pub/.%2E/admin",
        "/pub/%2e%2e%2fadmin",
        "/pub/..%2Fadmin",
        "/pub/..;/admin",
        "/pub/..\\admin",
        "/pub/a%00",
        "/pub/a%0d%0aX-Evil:%201",
        "/pub/a\\..\\b",
    ] {
        let mut caller = bench.caller().await;
        caller.write(format!("GET {path} HTTP/1.1\r\nHost: gw.test\r\n\r\n")).await;
        let given = caller.answer("GET").await.unwrap();
        assert_eq!(given.status, 400, "{path}: {given:?}");
    }
    for path in ["/admin/../pub/a", "/admin", "//pub/a", "/PUB/a", "/pub%2Fa", "/%70ub/a", "/pub;x/a"] {
        let mut caller = bench.caller().await;
        caller.write(format!("GET {path} HTTP/1.1\r\nHost: gw.test\r\n\r\n")).await;
        let given = caller.answer("GET").await.unwrap();
        assert!(matches!(given.status, 400 | 404), "{path}: {given:?}");
    }
    for path in
        ["/pub/a", "/pub//admin", "/pub/a%2Fb", "/pub/;x", "/pub/a\\b", "/pub/...", "/pub/%252e%252e/a"]
    {
        let seen =
            bench.passes(format!("GET {path} HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n\r\n")).await;
        assert_eq!(seen.target, path);
    }
    bench.finish().await;
}

#[tokio::test]
async fn a_client_is_who_it_is() {
    let bench = Bench::start().await;
    for lines in [
        "X-Forwarded-For: 10.0.0.1\r\n",
        "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 10.0.0.2\r\n",
        // Named by Connection, they are removed before the gateway's own are added.
        "X-Forwarded-For: 10.0.0.1\r\nConnection: close, X-Forwarded-For, X-Forwarded-Proto\r\n",
        "X-Forwarded-Host: evil.test\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 1\r\n\
         X-Forwarded-Prefix: /evil\r\nForwarded: for=10.0.0.1\r\nX-Real-IP: 10.0.0.1\r\n",
    ] {
        let seen = bench.passes(format!("GET / HTTP/1.1\r\nHost: gw.test\r\n{lines}\r\n")).await;
        let said = |name: &str| find(&seen.fields, name);
        assert_eq!(said("x-forwarded-for"), Some("127.0.0.1"), "{lines:?}");
        assert_eq!((said("x-forwarded-host"), said("x-forwarded-proto")), (Some("gw.test"), Some("http")));
        for none in ["forwarded", "x-real-ip", "x-forwarded-port", "x-forwarded-prefix"] {
            assert_eq!(said(none), None, "{lines:?}");
        }
    }
    bench.finish().await;
}
