//! Requests and answers as they come through, over HTTP/1.1 and HTTP/2 on either side.

use gateway_tests::{
    Answer, Caller, Format, Gateway, Origin, RawCaller, RawOrigin, Script, Step, empty, full, table,
};

const PROTOCOLS: [&str; 2] = ["http", "http2"];

/// A caller for each version that the gateway serves over TCP.
async fn callers(gateway: &Gateway) -> [Caller; 2] {
    [Caller::http1(gateway.address()).await, Caller::http2(gateway.address()).await]
}

async fn behind(script: Script, keys: &str) -> (Origin, Gateway) {
    let origin = Origin::start("one", script).await;
    let gateway = Gateway::start(&table("/*", keys, &[origin.address()]), Format::Toml).await;
    (origin, gateway)
}

#[track_caller]
fn check_echo(answer: &Answer, method: &str, target: &str, body: &[u8]) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let echo = answer.json();
    assert_eq!(echo["method"], method);
    let received = echo["target"].as_str().unwrap();
    assert!(received.ends_with(target), "{received} for {target}");
    assert_eq!(echo["body_bytes"], body.len());
    assert_eq!(echo["body_hash"], gateway_tests::hash(body).to_string());
}

#[tokio::test]
async fn a_request_arrives_as_it_was_sent_whatever_the_versions() {
    for protocol in PROTOCOLS {
        let (_origin, gateway) = behind(Script::Echo, &format!("protocol = \"{protocol}\"")).await;
        for mut caller in callers(&gateway).await {
            let target = "/a//b/%7Euser/%2F;v=1?q=a+b&q=%20&&empty=";
            check_echo(&caller.get(target).await, "GET", target, b"");
            check_echo(&caller.post("/x", full("some bytes")).await, "POST", "/x", b"some bytes");
            let request = caller.request("DELETE", "/y").header("x-one", "1").header("x-one", "2");
            let answer = caller.call(request.body(full("")).unwrap()).await;
            check_echo(&answer, "DELETE", "/y", b"");
            assert_eq!(answer.echoed("x-one"), ["1", "2"]);
        }
    }
}

#[tokio::test]
async fn a_direct_target_is_its_address() {
    let origin = Origin::start("one", Script::Echo).await;
    let native = table("/*", "", &[origin.address()]).replace("target = \"", "target = \"direct:///");
    let go = format!("endpoints: [{{path: '/*', backends: [{{target: 'direct:///{}'}}]}}]", origin.address());
    for (text, format) in [(native, Format::Toml), (go, Format::Yaml)] {
        let gateway = Gateway::start(&text, format).await;
        check_echo(&Caller::http1(gateway.address()).await.get("/x").await, "GET", "/x", b"");
    }
}

#[tokio::test]
async fn the_answer_comes_as_it_was_given() {
    // Redirects are the client's to follow.
    for status in [418, 302] {
        let (_origin, gateway) = behind(Script::Status(status), "").await;
        for mut caller in callers(&gateway).await {
            let answer = caller.get("/").await;
            assert_eq!(answer.status, status);
            assert_eq!(answer.text(), format!("status {status} from one"));
            let head = caller.request("HEAD", "/").body(full("")).unwrap();
            let answer = caller.call(head).await;
            assert_eq!((answer.status.as_u16(), answer.body.len()), (status, 0));
        }
    }
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    const TRAILERS: &[(&str, &str)] = &[("x-checksum", "abc")];
    for protocol in PROTOCOLS {
        let (_origin, gateway) =
            behind(Script::Trailers(TRAILERS), &format!("protocol = \"{protocol}\"")).await;
        let mut caller = Caller::http2(gateway.address()).await;
        // Over h1, an upstream may send trailers only to those who said that they take them (RFC 9110 §6.5.1).
        let request = caller.request("GET", "/").header("te", "trailers").body(empty()).unwrap();
        let answer = caller.call(request).await;
        assert_eq!(answer.text(), "trailers follow");
        assert_eq!(answer.header("trailer"), "x-checksum", "the announcement");
        assert_eq!(answer.trailers.get("x-checksum").unwrap(), "abc");
        let mut raw = RawCaller::connect(gateway.address()).await;
        raw.write("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: te\r\n\r\n").await;
        assert!(raw.read_head().await.contains("\r\ntrailer: x-checksum\r\n"), "{protocol}");
        let rest = raw.read_through("\r\n\r\n").await;
        assert!(rest.ends_with("\r\n0\r\nx-checksum: abc\r\n\r\n"), "{protocol}: {rest}");
    }
    let (origin, gateway) = behind(Script::Echo, "protocol = \"http2\"").await;
    let mut raw = RawCaller::connect(gateway.address()).await;
    raw.write(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: x-checksum\r\n\r\n\
         3\r\nabc\r\n0\r\nx-checksum: 1\r\n\r\n",
    )
    .await;
    assert!(raw.read_head().await.starts_with("HTTP/1.1 200"));
    let received = origin.received().remove(0);
    assert_eq!(received.headers.get("trailer").unwrap(), "x-checksum", "the announcement");
    assert_eq!(received.trailers.get("x-checksum").unwrap(), "1");
}

#[tokio::test]
async fn hop_by_hop_fields_end_at_the_gateway() {
    let (origin, gateway) = behind(Script::Echo, "").await;
    let mut raw = RawCaller::connect(gateway.address()).await;
    raw.write(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: x-secret, keep-alive\r\nX-Secret: 1\r\nKeep-Alive: timeout=5\r\n\
         Proxy-Connection: close\r\nTE: gzip\r\nX-Kept: 2\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n",
    )
    .await;
    assert!(raw.read_head().await.starts_with("HTTP/1.1 200"));
    let headers = &origin.received()[0].headers;
    for gone in ["x-secret", "keep-alive", "proxy-connection", "te"] {
        assert!(!headers.contains_key(gone), "{gone} in {headers:?}");
    }
    assert_eq!(headers.get("x-kept").unwrap(), "2");
    let forwarded = headers.get("x-forwarded-for").unwrap().to_str().unwrap();
    assert!(!forwarded.contains("192.0.2.1"), "nobody trusts this caller's {forwarded}");
}

/// The gateway speaks for the client, not for itself: no name of its own, and an empty body stays one of known length.
#[tokio::test]
async fn what_a_request_lacks_is_not_made_up() {
    for protocol in PROTOCOLS {
        let (origin, gateway) = behind(Script::Echo, &format!("protocol = \"{protocol}\"")).await;
        let mut raw = RawCaller::connect(gateway.address()).await;
        raw.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
        assert!(raw.read_head().await.starts_with("HTTP/1.1 200"));
        let headers = &origin.received()[0].headers;
        for none in ["user-agent", "accept", "accept-encoding", "transfer-encoding"] {
            assert!(!headers.contains_key(none), "{none} in {headers:?}");
        }
        assert_eq!(headers.get("content-length").unwrap(), "0", "{protocol}");
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let (_origin, gateway) = behind(Script::Echo, "").await;
    let mut raw = RawCaller::connect(gateway.address()).await;
    let request = |n: usize| format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n");
    raw.write((0..5).map(request).collect::<String>()).await;
    for n in 0..5 {
        let head = raw.read_head().await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let body = raw.read_through("\"version\":\"HTTP/1.1\"}").await;
        assert!(body.contains(&format!("\"target\":\"/{n}\"")), "{body}");
    }
}

#[tokio::test]
async fn nothing_matches_nothing_answers() {
    let origin = Origin::start("one", Script::Echo).await;
    let config = table("/only", "methods = [\"GET\"]", &[origin.address()]);
    let gateway = Gateway::start(&config, Format::Toml).await;
    for mut caller in callers(&gateway).await {
        assert_eq!(caller.get("/other").await.status, 404);
        let answer = caller.post("/only", full("")).await;
        assert_eq!(answer.status, 405);
        assert_eq!(answer.header("allow"), "GET");
    }
    assert_eq!(origin.counts().requests, 0);
}

#[tokio::test]
async fn an_upstream_that_is_gone_is_502_and_says_so() {
    let origin = Origin::start("one", Script::Echo).await;
    let gateway = Gateway::start(&table("/*", "", &[origin.address()]), Format::Toml).await;
    origin.kill().await;
    let mut caller = Caller::http1(gateway.address()).await;
    let answer = caller.get("/").await;
    assert!(matches!(answer.status.as_u16(), 502 | 503), "{answer:?}");
    assert!(!answer.header("proxy-status").is_empty(), "{answer:?}");
}

/// A client that asks is told to send its body when there is somebody to send it to.
#[tokio::test]
async fn a_body_is_asked_for_once_an_upstream_connection_is_held() {
    let (origin, gateway) = behind(Script::Echo, "").await;
    let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    let mut raw = RawCaller::connect(gateway.address()).await;
    raw.write(request).await;
    assert!(raw.read_head().await.starts_with("HTTP/1.1 100"));
    raw.write("body").await;
    assert!(raw.read_head().await.starts_with("HTTP/1.1 200"));
    assert_eq!(origin.received()[0].body_hash, gateway_tests::hash(b"body"));
    origin.kill().await;
    let mut raw = RawCaller::connect(gateway.address()).await;
    raw.write(request).await;
    let head = raw.read_head().await;
    assert!(head.starts_with("HTTP/1.1 50"), "{head}");
}

/// Byte by byte: no interim answer, names in lower case, values and a body that is coded as they came.
#[tokio::test]
async fn an_answer_is_passed_on_as_it_is_without_interim_ones() {
    let answers = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nX-MiXed: VaLue\r\n\
        Content-Encoding: gzip\r\nX-Accel-Buffering: no\r\nContent-Length: 2\r\n\r\n\x1f\x8b";
    let origin = RawOrigin::start(&[Step::Head, Step::Write(answers.to_vec())]).await;
    let gateway = Gateway::start(&table("/*", "", &[origin.address()]), Format::Toml).await;
    let mut raw = RawCaller::connect(gateway.address()).await;
    raw.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let head = raw.read_head().await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    for field in ["\r\nx-mixed: VaLue\r\n", "\r\ncontent-encoding: gzip\r\n", "\r\nx-accel-buffering: no\r\n"]
    {
        assert!(head.contains(field), "{field} in {head}");
    }
    assert_eq!(raw.read_exact(2).await, b"\x1f\x8b"[..]);
}

#[tokio::test]
async fn a_failing_answer_is_tried_again_and_the_last_one_comes_with_its_body() {
    let keys = "retry = { attempts = 3, conditions = [{ by_status_code = \"503\" }] }";
    let (origin, gateway) = behind(Script::failing(2, 503), keys).await;
    let mut caller = Caller::http1(gateway.address()).await;
    check_echo(&caller.post("/x", full("again")).await, "POST", "/x", b"again");
    assert_eq!(origin.counts().requests, 3);

    let (_origin, gateway) = behind(Script::Status(503), keys).await;
    let mut caller = Caller::http1(gateway.address()).await;
    let answer = caller.get("/").await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (503, "status 503 from one"));
}

#[tokio::test]
async fn all_three_languages_configure_the_same() {
    let origin = Origin::start("one", Script::Echo).await;
    let address = origin.address();
    let yaml = format!("endpoints:\n- path: /a/*\n  timeout: 1s\n  backends:\n  - target: '{address}'\n");
    let json =
        format!("{{\"endpoints\": [{{\"path\": \"/a/*\", \"backends\": [{{\"target\": \"{address}\"}}]}}]}}");
    let toml = table("/a/*", "", &[address]);
    for (text, format) in [(toml, Format::Toml), (yaml, Format::Yaml), (json, Format::Json)] {
        let gateway = Gateway::start(&text, format).await;
        let mut caller = Caller::http1(gateway.address()).await;
        check_echo(&caller.get("/a/b").await, "GET", "/a/b", b"");
        assert_eq!(gateway.stop().await.code(), Some(0), "no code: a signal killed it");
    }
}
