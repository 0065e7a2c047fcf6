//! Spans, from the client's to the upstream's: whose child each one is, and that a collector never is in the way.

use std::net::SocketAddr;

use gateway_tests::{
    Answer, Caller, Collected, Collector, Format, Gateway, Origin, RawCaller, Script, WebSocketOrigin, empty,
    open, table, within,
};
use serde_json::{Value, json};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

fn middleware(collector: SocketAddr, more: &str) -> String {
    format!(
        "[[middlewares]]\nname = \"logging\"\n[[middlewares]]\nname = \"tracing\"\n[middlewares.options]\n\
         http_endpoint = \"{collector}\"\ninsecure = true\n{more}\n"
    )
}

async fn traced(collector: SocketAddr, more: &str, origin: SocketAddr, keys: &str) -> Gateway {
    let config = middleware(collector, more) + &table("/users/{id}", keys, &[origin]);
    Gateway::start(&config, Format::Toml).await
}

async fn ask(gateway: &Gateway, target: &str, fields: &[(&str, &str)]) -> Answer {
    let mut caller = Caller::http1(gateway.address()).await;
    let start = caller.request("GET", target);
    let builder = fields.iter().fold(start, |builder, (name, value)| builder.header(*name, *value));
    caller.call(builder.body(empty()).unwrap()).await
}

/// Stops a gateway as an orchestrator does: what it still holds is sent by then.
async fn stop(mut gateway: Gateway) {
    gateway.signal("TERM");
    let (status, log) = gateway.last_words().await;
    assert!(status.success(), "{log}");
}

/// The lines of the access log, once there are so many.
async fn lines(gateway: &mut Gateway, count: usize) -> Vec<Value> {
    let lines = within("the access log", gateway.printed(|line| line.starts_with('{'), count)).await;
    lines.iter().map(|line| serde_json::from_str(line).expect(line)).collect()
}

fn named<'a>(spans: &'a [Collected], name: &str) -> &'a Collected {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name} in {spans:#?}"))
}

fn context(span: &str, flags: &str) -> String {
    format!("00-{TRACE}-{span}-{flags}")
}

#[tokio::test]
async fn a_request_joins_its_callers_trace_and_each_attempt_is_a_span() {
    let (collector, origin) = (Collector::start().await, Origin::start("one", Script::failing(1, 503)).await);
    let keys = "[endpoints.retry]\nattempts = 2\nconditions = [{ by_status_code = \"503\" }]";
    let more = "service_name = \"edge\"\nheaders = { x-team = \"hunter2\" }";
    let mut gateway = traced(collector.address(), more, origin.address(), keys).await;
    let fields = [
        ("traceparent", &*context(CALLER, "01")),
        ("tracestate", "vendor=1"),
        ("baggage", "user=7"),
        ("user-agent", "test"),
    ];
    assert_eq!(ask(&gateway, "/users/7?token=secret", &fields).await.status, 200);
    let line = lines(&mut gateway, 1).await.remove(0);
    assert_eq!(line["trace_id"], TRACE, "{line}");
    let shown = Caller::http1(gateway.admin()).await.get("/debug/config/load").await.text();
    assert!(shown.contains("x-team") && !shown.contains("hunter2"), "{shown}");
    let address = gateway.address();
    stop(gateway).await;

    assert_eq!(collector.header("x-team"), "hunter2");
    let spans = collector.spans();
    assert_eq!(spans.len(), 3, "{spans:#?}");
    for span in &spans {
        assert_eq!((&*span.service, &*span.trace, &*span.state), ("edge", TRACE, "vendor=1"), "{span:?}");
        assert!(span.time.0 <= span.time.1, "{span:?}");
    }
    let [server, first, second] =
        ["GET /users/{id}", "attempt 1", "attempt 2"].map(|name| named(&spans, name));
    assert_eq!((&*server.parent, server.kind, server.error), (CALLER, "SPAN_KIND_SERVER", false));
    let expect = json!({
        "http.request.method": "GET", "http.route": "/users/{id}", "url.path": "/users/7", "url.scheme": "http",
        "server.address": "127.0.0.1", "server.port": address.port(), "client.address": "127.0.0.1",
        "user_agent.original": "test", "http.response.status_code": 200, "network.protocol.version": "1.1",
    });
    assert_eq!(Value::from(server.attributes.clone()), expect);
    assert_eq!((first.error, second.error), (true, false));
    assert_eq!(first.attributes["http.response.status_code"], 503);
    assert_eq!(first.attributes["error.type"], "upstream_status");
    assert_eq!(second.attributes["http.request.resend_count"], 1);
    for (attempt, received) in [first, second].into_iter().zip(origin.received()) {
        assert_eq!((&attempt.parent, attempt.kind), (&server.id, "SPAN_KIND_CLIENT"));
        assert_eq!(attempt.attributes["server.port"], origin.address().port());
        assert!(server.time.0 <= attempt.time.0 && attempt.time.1 <= server.time.1, "{server:?} {attempt:?}");
        let field = |name| received.headers[name].to_str().unwrap();
        assert_eq!(field("traceparent"), context(&attempt.id, "01"), "the upstream stands below the attempt");
        assert_eq!((field("tracestate"), field("baggage")), ("vendor=1", "user=7"));
    }
}

/// The Go gateway overwrites what comes; a new trace begins only where there is none, or nobody can read it.
#[tokio::test]
async fn whoever_begins_a_trace_decides_whether_it_is_sampled() {
    let (collector, origin) = (Collector::start().await, Origin::start("one", Script::Echo).await);
    let mut gateway = traced(collector.address(), "sample_ratio = 0", origin.address(), "").await;
    let [unsampled, sampled] = ["00", "01"].map(|flags| context(CALLER, flags));
    let passed = ask(&gateway, "/users/1", &[("traceparent", &unsampled), ("tracestate", "a=1")]).await;
    assert_eq!(
        (passed.echoed("traceparent"), passed.echoed("tracestate")),
        (vec![unsampled], vec!["a=1".into()])
    );
    let broken = ask(&gateway, "/users/2", &[("traceparent", "00-xyz"), ("tracestate", "a=1")]).await;
    assert_eq!(broken.echoed("tracestate"), Vec::<String>::new());
    let begun = broken.echoed("traceparent").remove(0);
    assert!(begun.starts_with("00-") && begun.ends_with("-00") && begun.len() == 55, "{begun}");
    ask(&gateway, "/users/3", &[("traceparent", &sampled)]).await;
    assert_eq!(ask(&gateway, "/none", &[]).await.status, 404);
    let lines = lines(&mut gateway, 4).await;
    let logged =
        |path| lines.iter().find(|line| line["url.path"] == path).unwrap()["trace_id"].as_str().unwrap();
    let ids = ["/users/1", "/users/2", "/users/3"].map(logged);
    assert_eq!((ids, logged("/none").len()), ([TRACE, &begun[3..35], TRACE], 32));
    stop(gateway).await;
    let spans = collector.spans();
    assert_eq!(spans.len(), 2, "{spans:#?}");
    assert!(spans.iter().all(|span| span.trace == TRACE), "{spans:#?}");
}

#[tokio::test]
async fn a_span_ends_with_the_answers_body_or_when_its_client_goes() {
    let (collector, origin) = (Collector::start().await, Origin::start("one", Script::Stream).await);
    let mut gateway = traced(collector.address(), "", origin.address(), "").await;
    let mut raw = RawCaller::connect(gateway.address()).await;
    raw.write("GET /users/1 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    raw.read_head().await;
    let _body = origin.stream().await;
    drop(raw);
    lines(&mut gateway, 1).await;
    origin.kill().await;
    assert_eq!(ask(&gateway, "/users/2", &[]).await.status, 502);
    lines(&mut gateway, 2).await;
    stop(gateway).await;
    let spans = collector.spans();
    let server = |path| {
        let found = spans.iter().find(|span| span.attributes.get("url.path") == Some(&json!(path)));
        found.unwrap_or_else(|| panic!("no {path} in {spans:#?}"))
    };
    let gone = server("/users/1");
    assert_eq!((&gone.attributes["error.type"], gone.error), (&json!("client_closed"), false));
    let below = spans.iter().find(|span| span.parent == gone.id).unwrap();
    assert_eq!((below.attributes.get("error.type"), below.error), (None, false), "the upstream had answered");
    assert!(gone.time.1 > below.time.1);
    let failed = server("/users/2");
    assert_eq!((&failed.attributes["error.type"], failed.error), (&json!("connect_refused"), true));
    let tried: Vec<_> = spans.iter().filter(|span| span.parent == failed.id).collect();
    assert!(!tried.is_empty() && tried.iter().all(|span| span.error), "{tried:?}");
}

#[tokio::test]
async fn an_attempt_that_took_too_long_was_a_timeout() {
    let (collector, origin) = (Collector::start().await, Origin::start("one", Script::Held).await);
    let keys = "timeout = \"200ms\"\n[endpoints.retry]\nattempts = 1";
    let gateway = traced(collector.address(), "", origin.address(), keys).await;
    assert_eq!(ask(&gateway, "/users/1", &[]).await.status, 504);
    stop(gateway).await;
    let spans = collector.spans();
    let (server, attempt) = (named(&spans, "GET /users/{id}"), named(&spans, "attempt 1"));
    for span in [server, attempt] {
        assert_eq!((&span.attributes["error.type"], span.error), (&json!("upstream_timeout"), true));
    }
    assert_eq!(server.attributes["http.response.status_code"], 504);
    assert_eq!(attempt.attributes.get("http.response.status_code"), None);
    assert_eq!(attempt.attributes["server.port"], origin.address().port());
}

#[tokio::test]
async fn a_tunnels_span_ends_with_the_tunnel() {
    let (collector, origin) = (Collector::start().await, WebSocketOrigin::start().await);
    let mut gateway = traced(collector.address(), "", origin.address(), "").await;
    let socket = open(gateway.address(), "/users/1").await.unwrap();
    drop(socket);
    lines(&mut gateway, 1).await;
    stop(gateway).await;
    let spans = collector.spans();
    let (server, attempt) = (named(&spans, "GET /users/{id}"), named(&spans, "attempt 1"));
    for span in [server, attempt] {
        assert_eq!((&span.attributes["http.response.status_code"], span.error), (&json!(101), false));
    }
    assert!(server.time.1 > attempt.time.1);
}

#[tokio::test]
async fn an_export_is_tried_again_and_a_recovery_is_told() {
    let (collector, origin) = (Collector::start_refusing(2).await, Origin::start("one", Script::Echo).await);
    let mut gateway = traced(collector.address(), "", origin.address(), "").await;
    gateway.logged("the outage", |line| line.contains("trace collector fails")).await;
    ask(&gateway, "/users/1", &[]).await;
    lines(&mut gateway, 1).await;
    gateway.signal("TERM");
    let (_, log) = gateway.last_words().await;
    assert!(log.contains("takes spans again"), "{log}");
    assert_eq!(collector.spans().len(), 2, "each once");
}

#[tokio::test]
async fn a_collector_that_is_gone_fails_no_request_and_is_told_of_once() {
    let gone = Collector::start().await.address();
    let origin = Origin::start("one", Script::Echo).await;
    let mut gateway = traced(gone, "", origin.address(), "").await;
    gateway.logged("the outage", |line| line.contains("trace collector fails")).await;
    let mut caller = Caller::http1(gateway.address()).await;
    for _ in 0..600 {
        assert_eq!(caller.get("/users/1").await.status, 200);
    }
    lines(&mut gateway, 600).await;
    gateway.signal("TERM");
    let (status, log) = gateway.last_words().await;
    assert!(status.success(), "{log}");
    assert_eq!(log.matches("trace collector fails").count(), 1, "{log}");
}

#[tokio::test]
async fn a_collector_that_does_not_answer_costs_spans_and_no_request() {
    const REQUESTS: u64 = 1100;
    let (collector, origin) = (Collector::start_stuck().await, Origin::start("one", Script::Echo).await);
    let gateway = traced(collector.address(), "timeout = \"60s\"", origin.address(), "").await;
    // It is asked, and is waited for until the test has ended.
    collector.exports(1).await;
    let mut caller = Caller::http1(gateway.address()).await;
    for _ in 0..REQUESTS {
        assert_eq!(caller.get("/users/1").await.status, 200);
    }
    let line = format!("gateway_trace_spans_dropped_total{{reason=\"queue_full\"}} {}", 2 * REQUESTS - 2048);
    let mut admin = Caller::http1(gateway.admin()).await;
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(2));
    let counted = async {
        while !admin.get("/metrics").await.text().lines().any(|found| found == line) {
            ticks.tick().await;
        }
    };
    within(&line, counted).await;
}

#[tokio::test]
async fn a_collector_without_tls_is_told_of_at_the_start() {
    let (collector, origin) = (Collector::start().await, Origin::start("one", Script::Echo).await);
    let options = format!("options = {{ http_endpoint = \"{}\" }}", collector.address());
    let config = format!("[[middlewares]]\nname = \"tracing\"\n{options}\n");
    let gateway = Gateway::start(&(config + &table("/*", "", &[origin.address()])), Format::Toml).await;
    let line = gateway.logged("the outage", |line| line.contains("trace collector fails")).await;
    assert!(line.contains("insecure = true"), "{line}");
    assert_eq!(ask(&gateway, "/", &[]).await.status, 200);
}

/// In the Go dialect, and of a name that the configuration gives, whatever the environment says. The spans of the former
/// collector are not lost.
#[tokio::test]
async fn a_reload_changes_the_collector() {
    let collectors = [Collector::start().await, Collector::start().await];
    let origin = Origin::start("one", Script::Echo).await;
    let config = |version: usize| {
        let collector = collectors[version - 1].address();
        format!(
            "name: shop\nversion: \"{version}\"\nmiddlewares:\n- name: tracing\n  options:\n    \
             '@type': type.googleapis.com/gateway.middleware.tracing.v1.Tracing\n    \
             httpEndpoint: {collector}\n    sampleRatio: 1\n    timeout: 5s\n    insecure: true\n\
             endpoints:\n- path: /*\n  protocol: HTTP\n  timeout: 5s\n  backends:\n  - target: {}\n",
            origin.address()
        )
    };
    let gateway = Gateway::start_with(&config(1), Format::Yaml, |command| {
        command.env("OTEL_SERVICE_NAME", "other").env("OTEL_TRACES_SAMPLER", "always_off");
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9").env("OTEL_SDK_DISABLED", "true");
    })
    .await;
    ask(&gateway, "/first", &[]).await;
    gateway.rewrite(&config(2));
    gateway.signal("HUP");
    gateway.live("2").await;
    ask(&gateway, "/second", &[]).await;
    stop(gateway).await;
    for (collector, path) in collectors.iter().zip(["/first", "/second"]) {
        let spans = collector.spans();
        let server = named(&spans, "GET /*");
        assert_eq!((&server.attributes["url.path"], &*server.service), (&json!(path), "shop"));
        assert_eq!(spans.len(), 2, "{spans:#?}");
    }
}
