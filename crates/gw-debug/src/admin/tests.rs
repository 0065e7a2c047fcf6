//! The admin port through its handler, without a socket.

use gw_core::{DebugRequest, DebugResponse, Debuggable};
use http_body_util::BodyExt;

use super::*;
use crate::{debuggable, json};

fn connection() -> Arc<ConnContext> {
    let [peer, local] = [40000, 9901].map(|port| ([127, 0, 0, 1], port).into());
    Arc::new(ConnContext::new(0, "admin", peer, local))
}

/// Takes POST, and echoes what it is asked.
struct Control;

impl Debuggable for Control {
    fn name(&self) -> &'static str {
        "ctrl"
    }

    fn pages(&self) -> &'static [&'static str] {
        &["load"]
    }

    fn handle<'a>(&'a self, tail: &'a str, req: DebugRequest) -> BoxFuture<'a, Option<DebugResponse>> {
        let method = req.method().clone();
        Box::pin(async move { Some(text(StatusCode::OK, format!("{method} {tail}"))) })
    }
}

fn admin(readiness: &Readiness) -> Admin {
    let config = debuggable("config", &["inspect"], |tail| (tail == "inspect").then(|| json(&["a"])));
    let registry =
        Registry::new().with(config).unwrap().with_methods(Arc::new(Control), &[Method::POST]).unwrap();
    Admin::new(registry, readiness.clone(), || "up 1\n".to_owned()).allow_host("gateway")
}

fn request(method: &str, uri: &str) -> http::request::Builder {
    http::Request::builder().method(method).uri(uri).header("host", "127.0.0.1:9901")
}

async fn call(admin: &Admin, req: http::request::Builder) -> (StatusCode, http::HeaderMap, String) {
    let response = admin.call(req.body(Body::empty()).unwrap(), connection()).await;
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
}

async fn check(method: &str, uri: &str, status: u16, body: &str) {
    let readiness = Readiness::new();
    readiness.set_ready("config");
    let (got, headers, text) = call(&admin(&readiness), request(method, uri)).await;
    assert_eq!((got.as_u16(), text.as_str()), (status, body), "{method} {uri}");
    assert_eq!(headers["x-content-type-options"], "nosniff", "{method} {uri}");
    assert_eq!(headers["cache-control"], "no-store", "{method} {uri}");
}

#[tokio::test]
async fn pages() {
    check("GET", "/livez", 200, "ok\n").await;
    check("GET", "/readyz", 200, "ready\n").await;
    check("GET", "/healthz", 200, "ready\n").await;
    check("GET", "/readyz?verbose", 200, "[+] config\nready\n").await;
    check("GET", "/metrics", 200, "up 1\n").await;
    check("GET", "/debug/ping", 200, "").await;
    check("GET", "/debug/config/inspect", 200, "[\n  \"a\"\n]\n").await;
    check("GET", "/debug/ctrl", 200, "GET ").await;
    check("GET", "/debug/ctrl/a/b?c=d", 200, "GET a/b").await;
    check("POST", "/debug/ctrl/load", 200, "POST load").await;
}

#[tokio::test]
async fn what_there_is_not() {
    const PAGES: &str = "/debug/config/inspect\n/debug/ctrl/load\n/debug/ping\n";
    check("GET", "/debug/", 200, &format!("debug pages:\n{PAGES}")).await;
    check("GET", "/debug", 200, &format!("debug pages:\n{PAGES}")).await;
    check("GET", "/debug/nothing", 404, &format!("no such page; there are:\n{PAGES}")).await;
    check("GET", "/debug/nothing/inspect", 404, &format!("no such page; there are:\n{PAGES}")).await;
    let config = "/debug/config/inspect\n";
    check("GET", "/debug/config/", 200, &format!("debug pages:\n{config}")).await;
    check("GET", "/debug/config", 200, &format!("debug pages:\n{config}")).await;
    check("GET", "/debug/config/x", 404, &format!("the component has no such page; it has:\n{config}")).await;
    for path in ["/", "/debugger", "/Livez", "/livez/", "/%6civez", "/debugconfig/inspect"] {
        check("GET", path, 404, "no such page; there are /livez, /readyz, /healthz, /metrics, /debug/\n")
            .await;
    }
}

#[tokio::test]
async fn lists_as_json_for_those_who_ask() {
    let config = serde_json::json!(["/debug/config/inspect"]);
    let all = serde_json::json!(["/debug/config/inspect", "/debug/ctrl/load", "/debug/ping"]);
    for (path, status, pages) in [
        ("/debug/", 200, &all),
        ("/debug/nothing/", 404, &all),
        ("/debug/config/", 200, &config),
        ("/debug/config/x", 404, &config),
    ] {
        let req = request("GET", path).header("accept", "text/html;q=0.1, application/json");
        let (got, headers, body) = call(&admin(&Readiness::new()), req).await;
        assert_eq!(got.as_u16(), status);
        assert_eq!(headers["content-type"], "application/json");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["pages"], *pages, "{path}");
    }
}

#[tokio::test]
async fn readiness_is_503_until_met_and_while_draining() {
    let readiness = Readiness::new();
    let admin = admin(&readiness);
    let mut steps = Vec::new();
    let mut ask = async |path: &str| {
        let (status, _, body) = call(&admin, request("GET", path)).await;
        steps.push((status.as_u16(), body));
    };
    ask("/readyz").await;
    readiness.expect("listeners");
    readiness.set_ready("config");
    ask("/healthz").await;
    ask("/readyz?x=1&verbose=1").await;
    ask("/readyz?verbosely").await;
    readiness.set_ready("listeners");
    ask("/readyz").await;
    readiness.set_draining();
    ask("/readyz").await;
    ask("/livez").await;
    let steps: Vec<_> = steps.iter().map(|(status, body)| (*status, body.as_str())).collect();
    assert_eq!(
        steps,
        [
            (503, "not ready: starting\n"),
            (503, "not ready: listeners: not yet\n"),
            (503, "[+] config\n[-] listeners: not yet\nnot ready: listeners: not yet\n"),
            (503, "not ready: listeners: not yet\n"),
            (200, "ready\n"),
            (503, "not ready: draining\n"),
            (200, "ok\n"),
        ]
    );
}

#[tokio::test]
async fn other_methods_are_told_what_is_allowed() {
    let admin = admin(&Readiness::new());
    for (method, path, allow) in [
        ("POST", "/livez", "GET, HEAD"),
        ("DELETE", "/metrics", "GET, HEAD"),
        ("OPTIONS", "/readyz", "GET, HEAD"),
        ("POST", "/debug/ping", "GET, HEAD"),
        ("POST", "/debug/", "GET, HEAD"),
        ("POST", "/debug/config/inspect", "GET, HEAD"),
        ("PUT", "/debug/ctrl/load", "GET, HEAD, POST"),
    ] {
        let (status, headers, _) = call(&admin, request(method, path)).await;
        assert_eq!(status, 405, "{method} {path}");
        assert_eq!(headers["allow"], allow, "{method} {path}");
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let admin = admin(&Readiness::new());
    for path in ["/livez", "/readyz", "/metrics", "/debug/", "/debug/nothing", "/debug/ping"] {
        let (got, _, body) = call(&admin, request("GET", path)).await;
        let (status, headers, nothing) = call(&admin, request("HEAD", path)).await;
        assert_eq!((status, nothing.as_str()), (got, ""), "{path}");
        assert_eq!(headers["content-length"], body.len().to_string().as_str(), "{path}");
    }
}

#[tokio::test]
async fn the_metrics_say_their_version() {
    let (_, headers, _) = call(&admin(&Readiness::new()), request("GET", "/metrics")).await;
    assert_eq!(headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
}

#[tokio::test]
async fn pages_of_other_sites_get_nothing() {
    let admin = admin(&Readiness::new());
    for path in ["/livez", "/metrics", "/debug/config/inspect", "/nothing"] {
        let req = http::Request::builder().uri(path).header("host", "evil.example:9901");
        let (status, headers, body) = call(&admin, req).await;
        assert_eq!(status, 403, "{path}");
        assert_eq!(body, "this port answers to IP addresses and localhost only\n");
        assert_eq!(headers["x-content-type-options"], "nosniff");
    }
    let posted = request("POST", "/debug/ctrl/load").header("origin", "http://evil.example");
    assert_eq!(call(&admin, posted).await.0, 403);
    let named = http::Request::builder().uri("/metrics").header("host", "Gateway:9901");
    assert_eq!(call(&admin, named).await.0, 200);
}
