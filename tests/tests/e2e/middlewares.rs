//! The first middlewares: the global chain is around every answer, the gateway's own too, and one access log tells of each.

use gateway_tests::{
    Answer, Caller, Format, Gateway, Origin, RawCaller, RawOrigin, Script, Step, empty, table, within,
};
use serde_json::Value;

const GLOBAL: &str = r#"
[[middlewares]]
name = "request_id"
[[middlewares]]
name = "logging"
[[middlewares]]
name = "cors"
options = { allow_origins = ["https://app.test"], allow_methods = ["GET", "PUT"] }
[[middlewares]]
name = "headers"
options = { response = { set = { x-chain = "global" } } }
"#;

async fn behind(script: Script, keys: &str) -> (Origin, Gateway, Caller) {
    let origin = Origin::start("one", script).await;
    let config = format!("{GLOBAL}{}", table("/users/{id}", keys, &[origin.address()]));
    let gateway = Gateway::start(&config, Format::Toml).await;
    let caller = Caller::http1(gateway.address()).await;
    (origin, gateway, caller)
}

async fn ask(caller: &mut Caller, method: &str, target: &str, fields: &[(&str, &str)]) -> Answer {
    let start = caller.request(method, target);
    let builder = fields.iter().fold(start, |builder, (name, value)| builder.header(*name, *value));
    caller.call(builder.body(empty()).unwrap()).await
}

/// The lines of the access log, once there are so many.
async fn lines(gateway: &mut Gateway, count: usize) -> Vec<Value> {
    let lines = within("the access log", gateway.printed(|line| line.starts_with('{'), count)).await;
    lines.iter().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// With the middlewares that take most of a worker's stack; the global chain has four.
#[tokio::test]
async fn the_longest_chain_fits_a_workers_stack() {
    let tracing = "{ name = \"tracing\", options = { sample_ratio = 0 } },".repeat(30);
    let transcoder = "{ name = \"transcoder\" },".repeat(30);
    let keys = format!("middlewares = [{tracing}{transcoder}]");
    let (_origin, gateway, mut caller) = behind(Script::Echo, &keys).await;
    assert_eq!(caller.get("/users/7").await.status, 200);
    assert_eq!(Caller::http2(gateway.address()).await.get("/users/7").await.status, 200);
}

#[tokio::test]
async fn the_global_chain_is_around_what_no_endpoint_takes() {
    let (origin, _gateway, mut caller) = behind(Script::Echo, "methods = [\"GET\"]").await;
    let from = [("origin", "https://app.test")];
    for (method, target, status, allow) in
        [("GET", "/users/7", 200, ""), ("GET", "/none", 404, ""), ("PUT", "/users/7", 405, "GET")]
    {
        let answer = ask(&mut caller, method, target, &from).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("allow").contains(allow)),
            (status, true),
            "{answer:?}"
        );
        assert_eq!(answer.header("access-control-allow-origin"), "https://app.test", "{target}");
        assert_eq!(answer.header("x-chain"), "global", "{target}");
        assert_ne!(answer.header("x-request-id"), "", "{target}");
    }
    assert_eq!(origin.counts().requests, 1);
}

#[tokio::test]
async fn a_preflight_is_answered_for_a_route_that_lists_only_its_methods() {
    let (origin, _gateway, mut caller) = behind(Script::Echo, "methods = [\"GET\"]").await;
    let preflight = |method| [("origin", "https://app.test"), ("access-control-request-method", method)];
    let answer = ask(&mut caller, "OPTIONS", "/users/7", &preflight("GET")).await;
    assert!(answer.status.is_success(), "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), "https://app.test");
    assert!(answer.header("access-control-allow-methods").contains("GET"));
    let plain = ask(&mut caller, "OPTIONS", "/users/7", &[]).await;
    assert_eq!(plain.status, 405, "OPTIONS passes as a preflight only");
    let other = [("origin", "https://evil.test"), ("access-control-request-method", "GET")];
    let answer = ask(&mut caller, "OPTIONS", "/users/7", &other).await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (403, ""));
    assert_eq!(origin.counts().requests, 0, "no upstream is asked");
}

/// One line for each request, in their order, on standard output.
#[tokio::test]
async fn the_access_log_tells_of_each_request_and_its_attempts() {
    let rewrite = "path_rewrite = \"/inside\", host_rewrite = \"inside.test\"";
    let keys = format!(
        "id = \"users\"\nmiddlewares = [{{ name = \"rewrite\", options = {{ {rewrite} }} }}]\n\
         [endpoints.retry]\nattempts = 3\nconditions = [{{ by_status_code = \"503\" }}]"
    );
    let (origin, mut gateway, mut caller) = behind(Script::failing(2, 503), &keys).await;
    let answer = ask(&mut caller, "GET", "/users/7?page=2&token=hidden", &[("user-agent", "test")]).await;
    assert_eq!((answer.status.as_u16(), origin.counts().requests), (200, 3));
    assert_eq!(ask(&mut caller, "GET", "/none", &[]).await.status, 404);
    let lines = lines(&mut gateway, 2).await;
    let [told, none] = &lines[..] else { panic!("{lines:?}") };
    for (key, expect) in [
        ("http.request.method", Value::from("GET")),
        ("url.path", "/users/7".into()),
        ("http.route", "/users/{id}".into()),
        ("gateway.endpoint", "users".into()),
        ("http.response.status_code", 200.into()),
        ("http.response.body.size", answer.body.len().into()),
        ("user_agent.original", "test".into()),
        ("client.address", "127.0.0.1".into()),
        ("gateway.request_id", answer.header("x-request-id").into()),
        ("gateway.outcome", "ok".into()),
    ] {
        assert_eq!(told[key], expect, "{key} in {told}");
    }
    assert!(!told.to_string().contains("hidden"), "{told}");
    let inside = &origin.received()[0];
    assert_eq!(
        (&*inside.target, inside.headers["host"].to_str().unwrap()),
        ("/inside?page=2&token=hidden", "inside.test")
    );
    assert!(!told.to_string().contains("inside"), "as received: {told}");
    let attempts = told["gateway.attempts"].as_array().unwrap();
    let statuses: Vec<_> = attempts.iter().map(|attempt| attempt["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [503, 503, 200]);
    assert!(attempts.iter().all(|attempt| attempt["node"] == origin.address().to_string()));
    assert_eq!(
        (&none["http.response.status_code"], &none["gateway.attempts"]),
        (&404.into(), &Value::Array(vec![]))
    );
}

/// An upstream that breaks off is the upstream's fault in the log, and one that is not there has its attempt.
#[tokio::test]
async fn the_access_log_tells_whose_fault_it_was() {
    let (origin, mut gateway, mut caller) = behind(Script::Abort, "[endpoints.retry]\nattempts = 1").await;
    let answer = caller.get("/users/7").await;
    assert_eq!((answer.status.as_u16(), answer.header("x-chain")), (502, "global"), "{answer:?}");
    origin.kill().await;
    let refused = caller.get("/users/7").await;
    assert!(refused.status.is_server_error());
    let told = [(answer, "upstream_reset"), (refused, "connect_refused")];
    for (line, (answer, outcome)) in lines(&mut gateway, 2).await.into_iter().zip(told) {
        let said = (&line["http.response.status_code"], &line["gateway.outcome"]);
        assert_eq!(said, (&answer.status.as_u16().into(), &outcome.into()), "{line}");
        assert_eq!(
            (&line["gateway.side"], &line["severity"]),
            (&"upstream".into(), &"WARN".into()),
            "{line}"
        );
        assert_eq!(line["gateway.attempts"].as_array().unwrap().len(), 1, "{line}");
    }
}

#[tokio::test]
async fn what_is_not_required_and_cannot_be_built_is_left_out_told_of_and_counted() {
    let origin = Origin::start("one", Script::Echo).await;
    let options = "required = false\noptions = { allow_origins = [\"*a.test\"] }";
    let config =
        format!("[[middlewares]]\nname = \"cors\"\n{options}\n{}", table("/*", "", &[origin.address()]));
    let gateway = Gateway::start(&config, Format::Toml).await;
    let warning = gateway.logged("the warning", |line| line.contains("evila.test")).await;
    assert!(warning.contains("the endpoint serves without it"), "{warning}");
    assert_eq!(Caller::http1(gateway.address()).await.get("/").await.status, 200);
    let metrics = Caller::http1(gateway.admin()).await.get("/metrics").await.text();
    assert!(metrics.contains("\ngateway_middleware_build_failures_total{name=\"cors\"} 1\n"), "{metrics}");
}

/// A client that leaves before its answer, one that leaves within it, and an upstream that breaks its answer off, which the
/// client sees cut.
#[tokio::test]
async fn who_left_is_told_in_log_and_metrics() {
    let (held, streaming) =
        (Origin::start("held", Script::Held).await, Origin::start("stream", Script::Stream).await);
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_vec();
    let breaking = RawOrigin::start(&[Step::Head, Step::Write(half), Step::Wait]).await;
    let config = format!(
        "compat_metrics = [\"kratos\"]\n{GLOBAL}{}{}{}",
        table("/held", "id = \"held\"", &[held.address()]),
        table("/stream", "id = \"stream\"", &[streaming.address()]),
        table("/breaking", "id = \"breaking\"", &[breaking.address()]),
    );
    let mut gateway = Gateway::start(&config, Format::Toml).await;
    let ask = async |path: &str| {
        let mut raw = RawCaller::connect(gateway.address()).await;
        raw.write(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        raw
    };
    let raw = ask("/held").await;
    held.record().wait("the request is in flight", |counts| counts.requests == 1).await;
    raw.reset();
    held.record().wait("the request was cancelled", |counts| counts.cancelled == 1).await;
    let mut raw = ask("/stream").await;
    assert!(raw.read_head().await.starts_with("HTTP/1.1 200"));
    raw.reset();
    let mut raw = ask("/breaking").await;
    assert!(raw.read_through("half").await.contains("\r\ncontent-length: 9\r\n"));
    breaking.go();
    assert_eq!(raw.read_to_end().await, "", "the end, though five bytes are missing");
    let lines = lines(&mut gateway, 3).await;
    for (path, status, outcome, side) in [
        ("/held", Value::Null, "client_closed", "downstream"),
        ("/stream", 200.into(), "client_closed", "downstream"),
        ("/breaking", 200.into(), "upstream_reset", "upstream"),
    ] {
        let line = lines.iter().find(|line| line["url.path"] == path).unwrap();
        let told = (&line["http.response.status_code"], &line["gateway.outcome"], &line["gateway.side"]);
        assert_eq!(told, (&status, &outcome.into(), &side.into()), "{line}");
    }
    let text = Caller::http1(gateway.admin()).await.get("/metrics").await.text();
    for (path, code) in [("/held", "499"), ("/stream", "200"), ("/breaking", "200")] {
        let counted = |line: &str| {
            line.starts_with("go_gateway_requests_code_total{")
                && line.contains(&format!("path=\"{path}\""))
                && line.contains(&format!("code=\"{code}\""))
                && line.ends_with(" 1")
        };
        assert!(text.lines().any(counted), "{path} {code} in\n{text}");
    }
}

/// What never reaches the proxy is told in the same forms as what it refuses.
#[tokio::test]
async fn a_head_that_is_refused_is_answered_in_the_form_that_the_client_reads() {
    let origin = Origin::start("one", Script::Echo).await;
    let gateway = Gateway::start(&table("/*", "", &[origin.address()]), Format::Toml).await;
    for (field, start, form) in [
        ("Accept: application/json", "HTTP/1.1 400", "application/problem+json"),
        ("Accept: */*", "HTTP/1.1 400", "text/plain"),
        ("Content-Type: application/grpc", "HTTP/1.1 200", "grpc-status: 13"),
    ] {
        let mut raw = RawCaller::connect(gateway.address()).await;
        raw.write(&format!("GET / HTTP/1.1\r\nHost: a/b\r\n{field}\r\n\r\n")).await;
        let head = raw.read_head().await;
        assert!(head.starts_with(start) && head.contains(form), "{head}");
        assert!(head.contains("proxy-status: gateway; error=http_request_error"), "{head}");
    }
    assert_eq!(origin.record().counts().requests, 0);
}

/// What never reaches a route is in the log too, where every request is, and nothing that it says leaves its line.
#[tokio::test]
async fn what_the_server_refuses_is_logged() {
    let origin = Origin::start("one", Script::Echo).await;
    let limits = "[[listeners]]\naddress = \"127.0.0.1:0\"\nlimits = { body_bytes = 10, target_bytes = 100, header_bytes = 9000 }\n";
    let config = format!("{limits}{GLOBAL}{}", table("/users/{id}", "", &[origin.address()]));
    let mut gateway = Gateway::start(&config, Format::Toml).await;
    let long = "x".repeat(200);
    let huge = "x".repeat(20_000);
    for (count, (request, status, outcome, method, path)) in (1..).zip([
        (
            "POST /users/7?token=t0p HTTP/1.1\r\nHost: a.test\r\nContent-Length: 11\r\n\r\n",
            413,
            "too_large",
            "POST",
            "/users/7",
        ),
        (
            &*format!("GET /{long} HTTP/1.1\r\nHost: a.test\r\n\r\n"),
            414,
            "target_too_long",
            "GET",
            &*format!("/{long}"),
        ),
        ("GET /no-host HTTP/1.1\r\nUser-Agent: \"x\\\r\n\r\n", 400, "client_malformed", "GET", "/no-host"),
        (&*format!("GET / HTTP/1.1\r\nHost: a.test\r\nX: {huge}\r\n\r\n"), 431, "headers_too_large", "", ""),
        ("what\"is this\r\n\r\n", 400, "client_malformed", "", ""),
    ]) {
        let mut caller = RawCaller::connect(gateway.address()).await;
        caller.write(request).await;
        assert!(caller.read_head().await.starts_with(&format!("HTTP/1.1 {status} ")), "{request}");
        let line = lines(&mut gateway, count).await.pop().unwrap();
        drop(caller);
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        assert_eq!(line["http.response.status_code"], status, "{line}");
        assert_eq!(text("gateway.outcome"), outcome, "{line}");
        assert_eq!((text("http.request.method"), text("url.path")), (method.to_owned(), path.to_owned()));
        assert_eq!(
            (text("client.address"), text("network.peer.address")),
            ("127.0.0.1".into(), "127.0.0.1".into())
        );
        assert_eq!(text("http.route"), "-");
        assert!(!line.to_string().contains("t0p"), "{line}");
    }
    assert_eq!(origin.counts().requests, 0);
}

/// An endpoint's own `logging` says nothing of requests that reach none.
#[tokio::test]
async fn what_the_server_refuses_is_not_logged_for_one_endpoint() {
    let origin = Origin::start("one", Script::Echo).await;
    let config = table("/users/{id}", "middlewares = [{ name = \"logging\" }]", &[origin.address()]);
    let mut gateway = Gateway::start(&config, Format::Toml).await;
    let mut caller = RawCaller::connect(gateway.address()).await;
    caller.write("GET / HTTP/1.1\r\n\r\n").await;
    assert!(caller.read_head().await.starts_with("HTTP/1.1 400 "));
    Caller::http1(gateway.address()).await.get("/users/7").await;
    let line = lines(&mut gateway, 1).await.remove(0);
    assert_eq!(line["url.path"], "/users/7");
}
