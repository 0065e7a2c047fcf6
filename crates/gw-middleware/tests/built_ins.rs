//! The built-ins as their users meet them: options in, a request up, a response down.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test stops at its first surprise"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use gw_core::{
    Body, BoxFuture, Clock, ConnContext, EndpointInfo, Error, Failure, Outcome, Request, RequestContext,
    Response,
};
use gw_middleware::{
    BuildContext, BuildError, Chain, Middleware, Next, Registry, Tower, client_fn, middleware_fn,
};
use gw_value::{Dialect, Key, Kind, Options, Span, Value};
use http::header::{HeaderName, HeaderValue};
use serde_json::json;

/// A value tree as a front end would build it.
fn tree(json: &serde_json::Value) -> Value {
    Value::unplaced(match json {
        serde_json::Value::Null => Kind::Null,
        serde_json::Value::Bool(truth) => Kind::Bool(*truth),
        serde_json::Value::Number(number) => Kind::Integer(number.as_i64().unwrap()),
        serde_json::Value::String(text) => Kind::String(text.clone()),
        serde_json::Value::Array(items) => Kind::Array(items.iter().map(tree).collect()),
        serde_json::Value::Object(fields) => Kind::Table(
            fields.iter().map(|(name, value)| (Key::new(name.as_str(), Span::NONE), tree(value))).collect(),
        ),
    })
}

fn build(name: &str, options: serde_json::Value) -> Result<Arc<dyn Middleware>, BuildError> {
    build_in(Dialect::Native, name, options)
}

fn build_in(
    dialect: Dialect,
    name: &str,
    options: serde_json::Value,
) -> Result<Arc<dyn Middleware>, BuildError> {
    let cx = BuildContext::alone(Arc::new(EndpointInfo::default()), Clock::system());
    let options = Options::new(tree(&options), dialect, true);
    Registry::built_in().get(name).expect("a built-in").build(&options, &cx)
}

fn context(vars: &[(&str, &str)], trusted: bool) -> Arc<RequestContext> {
    let proxies = if trusted { vec!["192.0.2.0/24".parse().unwrap()] } else { vec![] };
    let [peer, local] = ["192.0.2.1:1", "127.0.0.1:80"].map(|address| address.parse().unwrap());
    let conn = ConnContext::new(0, "test", peer, local).trusting(proxies.into());
    let ip = conn.peer_ip();
    let mut cx = RequestContext::new(Arc::new(conn), ip, Arc::default(), Instant::now());
    cx.vars = vars.iter().map(|(name, value)| ((*name).into(), (*value).to_owned())).collect();
    Arc::new(cx)
}

fn request(method: &str, target: &str, headers: &[(&str, &str)], cx: &Arc<RequestContext>) -> Request {
    let mut req = http::Request::builder().method(method).uri(target).body(Body::empty()).unwrap();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        req.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
    }
    req.extensions_mut().insert(Arc::clone(cx));
    req
}

/// A middleware that says nothing of being a filter.
struct Handled(Arc<dyn Middleware>);

impl Middleware for Handled {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, gw_core::Result<Response>> {
        self.0.handle(req, next)
    }
}

/// Runs a request through one middleware, in each of its forms; the answer is that of its own form.
async fn run(
    middleware: Arc<dyn Middleware>,
    req: Request,
    answer: &'static [(&'static str, &'static str)],
) -> Response {
    let (head, _) = req.into_parts();
    let copy = Request::from_parts(head.clone(), Body::empty());
    let handled = run_in_one_form(Arc::new(Handled(Arc::clone(&middleware))), copy, answer).await;
    let response = run_in_one_form(middleware, Request::from_parts(head, Body::empty()), answer).await;
    assert_eq!(shown(&handled), shown(&response), "both forms do the same");
    response
}

/// All of an answer that does not depend on chance.
fn shown(response: &Response) -> String {
    let Seen(target, fields) = seen(response);
    let id = fields.get("x-request-id").map_or("no id", String::as_str);
    format!("{} {:?} {target} {fields:?}", response.status(), response.headers()).replace(id, "an id")
}

/// The upstream shows what it got: its target, its Host, its fields.
async fn run_in_one_form(
    middleware: Arc<dyn Middleware>,
    req: Request,
    answer: &'static [(&'static str, &'static str)],
) -> Response {
    let upstream = client_fn(move |req: Request| async move {
        let mut response = Response::new(Body::empty());
        for (name, value) in answer {
            response.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        let seen: BTreeMap<String, String> = req
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        response.extensions_mut().insert(Seen(req.uri().to_string(), seen));
        Ok(response)
    });
    Chain::new(vec![middleware], Arc::new(upstream), Arc::new(bare)).run(req).await
}

/// An error as an answer.
fn bare(error: &Error, _: Option<&RequestContext>) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = error.status();
    response
}

#[derive(Clone, Default)]
struct Seen(String, BTreeMap<String, String>);

fn seen(response: &Response) -> Seen {
    response.extensions().get::<Seen>().cloned().unwrap_or_default()
}

/// Expects a fault at this place, and says what it advises.
#[track_caller]
fn refuses(name: &str, options: serde_json::Value, path: &str) -> Option<String> {
    match build(name, options.clone()) {
        Err(BuildError::Options(faults)) => {
            let fault = faults.iter().find(|fault| fault.path.ends_with(path));
            fault.unwrap_or_else(|| panic!("{options}: {faults:?}")).help.clone()
        }
        other => panic!("{options}: {:?}", other.map(|_| "built")),
    }
}

#[tokio::test]
async fn rewrite_changes_path_host_and_headers() {
    for (options, target, expected) in [
        (json!({ "strip_prefix": "/api" }), "/api/a%2Fb?q=1", "/a%2Fb?q=1"),
        (json!({ "strip_prefix": "/api/" }), "/api/a", "/a"),
        (json!({ "strip_prefix": "/api" }), "/api", "/"),
        (json!({ "strip_prefix": "/api" }), "/apix/a", "/apix/a"),
        (json!({ "path_rewrite": "/new" }), "/old?q=1", "/new?q=1"),
        (json!({ "path_rewrite": "/users/{id}/{missing}" }), "/u", "/users/7/{missing}"),
        (json!({ "path_rewrite": "/v1/x", "strip_prefix": "/v1" }), "/", "/x"),
    ] {
        let middleware = build("rewrite", options.clone()).unwrap();
        let cx = context(&[("id", "7")], false);
        let response = run(middleware, request("GET", target, &[], &cx), &[]).await;
        assert_eq!(seen(&response).0, expected, "{options} {target}");
    }
    let options = json!({
        "host_rewrite": "{id}.internal",
        "request_headers_rewrite": { "set": { "a": "1" }, "add": { "b": "2" }, "remove": ["c"] },
        "response_headers_rewrite": { "remove": ["server"] },
    });
    let cx = context(&[("id", "7")], false);
    let req = request("GET", "/", &[("host", "h"), ("a", "0"), ("c", "0")], &cx);
    let response = run(build("rewrite", options).unwrap(), req, &[("server", "x")]).await;
    let expected = [("a", "1"), ("b", "2"), ("host", "7.internal")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(seen(&response).1, BTreeMap::from(expected));
    assert!(!response.headers().contains_key("server"));

    // What is set can be added to, and what is removed is gone whoever put it there.
    let edits = json!({ "add": { "a": "2", "b": "3" }, "remove": ["b"], "set": { "a": "1", "b": "2" } });
    let options = json!({ "response_headers_rewrite": edits });
    let response =
        run(build("rewrite", options).unwrap(), request("GET", "/", &[], &cx), &[("a", "0")]).await;
    assert_eq!(response.headers().get_all("a").iter().collect::<Vec<_>>(), ["1", "2"]);
    assert!(!response.headers().contains_key("b"));
}

#[tokio::test]
async fn headers_sets_adds_and_removes() {
    let options =
        json!({ "request": { "set": { "x": "1" } }, "response": { "add": { "y": "2" }, "remove": ["z"] } });
    let cx = context(&[], false);
    let response =
        run(build("headers", options).unwrap(), request("GET", "/", &[], &cx), &[("y", "1"), ("z", "1")])
            .await;
    assert_eq!(seen(&response).1["x"], "1");
    assert_eq!(response.headers().get_all("y").iter().count(), 2);
    assert!(!response.headers().contains_key("z"));
}

#[test]
fn options_that_would_break_messages_are_refused_where_they_stand() {
    refuses(
        "headers",
        json!({ "request": { "set": { "content-length": "1" } } }),
        "request.set.content-length",
    );
    refuses("headers", json!({ "response": { "remove": ["Connection"] } }), "response.remove");
    refuses("headers", json!({ "request": { "add": { "a": "x\ny" } } }), "request.add.a");
    refuses("rewrite", json!({ "path_rewrite": "new" }), "path_rewrite");
    let host =
        refuses("rewrite", json!({ "request_headers_rewrite": { "set": { "Host": "h" } } }), "set.Host");
    assert!(host.is_some_and(|help| help.contains("`host_rewrite`")), "what to use instead");
    refuses("request_id", json!({ "header": "a b" }), "header");
    refuses("cors", json!({ "allow_origins": ["*"], "allow_credentials": true }), "allow_credentials");
    refuses("cors", json!({ "allow_origins": ["*evil.test"] }), "allow_origins[0]");
    refuses("cors", json!({ "allow_methods": ["G E T"] }), "allow_methods[0]");
    refuses("logging", json!({ "levle": "info" }), "levle");
}

#[tokio::test]
async fn an_id_is_believed_of_trusted_peers_only_and_reaches_both_sides() {
    for (trusted, accept, kept) in
        [(false, "trusted", false), (true, "trusted", true), (false, "always", true), (true, "never", false)]
    {
        let cx = context(&[], trusted);
        let req = request("GET", "/", &[("x-request-id", "mine")], &cx);
        let response = run(build("request_id", json!({ "accept": accept })).unwrap(), req, &[]).await;
        let id = seen(&response).1["x-request-id"].clone();
        assert_eq!(id == "mine", kept, "{trusted} {accept}");
        assert_eq!(response.headers()["x-request-id"], *id);
        assert_eq!(cx.request_id().unwrap(), *id);
        assert!(kept || id.len() == 36 && id.as_bytes()[14] == b'7', "a UUIDv7: {id}");
    }
    let (cx, long) = (context(&[], true), "x".repeat(200));
    let req = request("GET", "/", &[("x-request-id", &long)], &cx);
    let response = run(build("request_id", json!({})).unwrap(), req, &[]).await;
    assert_eq!(response.headers()["x-request-id"].len(), 36, "too long to be kept");
}

#[tokio::test]
async fn cors_answers_preflights_itself() {
    let options =
        json!({ "allow_origins": ["a.test"], "allow_methods": ["get", "PATCH", "get"], "max_age": "1m" });
    let preflight = [("origin", "https://a.test"), ("access-control-request-method", "PATCH")];
    let cx = context(&[], false);
    let response = run(build("cors", options).unwrap(), request("OPTIONS", "/", &preflight, &cx), &[]).await;
    assert_eq!(response.status(), 204);
    let headers = response.headers();
    assert_eq!(headers["access-control-allow-origin"], "https://a.test");
    assert_eq!(headers["access-control-allow-methods"], "GET,PATCH");
    assert_eq!(headers["access-control-allow-headers"], "Origin,Content-Length,Content-Type");
    assert_eq!(headers["access-control-allow-credentials"], "true");
    assert_eq!(headers["access-control-max-age"], "60");
    assert_eq!(headers.get_all("vary").iter().count(), 3);
    assert!(seen(&response).0.is_empty(), "the upstream saw nothing");
}

/// What the Go gateway does by default, and what it cannot be told to leave.
#[tokio::test]
async fn what_cors_allows_is_what_its_options_say() {
    let asks = [
        ("origin", "https://a.test"),
        ("access-control-request-method", "PUT"),
        ("access-control-request-private-network", "true"),
    ];
    let every = ["allow-methods", "allow-headers", "max-age", "allow-credentials", "allow-private-network"];
    let methods = "GET,POST,PUT,DELETE";
    let headers = "Origin,Content-Length,Content-Type";
    for (more, allows) in [
        (json!({}), [methods, headers, "600", "true", ""]),
        (json!({ "allow_credentials": false, "max_age": "0s" }), [methods, headers, "0", "", ""]),
        (
            json!({ "allow_headers": ["x-a"], "allow_private_network": true }),
            [methods, "x-a", "600", "true", "true"],
        ),
    ] {
        let mut options = json!({ "allow_origins": ["a.test"] });
        options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let cx = context(&[], false);
        let cors = build("cors", options).unwrap();
        let response = run(Arc::clone(&cors), request("OPTIONS", "/", &asks, &cx), &[]).await;
        let field = |response: &Response, name: &str| {
            let value = response.headers().get(format!("access-control-{name}"));
            value.map_or(String::new(), |value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(every.map(|name| field(&response, name)), allows, "{more}");
        let response = run(cors, request("GET", "/", &asks[..1], &cx), &[]).await;
        let found = ["allow-origin", "allow-credentials"].map(|name| field(&response, name));
        assert_eq!(found, ["https://a.test", allows[3]], "{more}");
    }
}

/// As the original writes them; what is written replaces the default, `false` and 0 as well.
#[tokio::test]
async fn the_originals_options_of_cors_replace_its_defaults() {
    let options = json!({
        "@type": "type.googleapis.com/gateway.middleware.cors.v1.Cors", "allowCredentials": false,
        "allowOrigins": ["a.test"], "allowMethods": ["PATCH"], "allowHeaders": ["X-Own"],
        "exposeHeaders": ["X-Shown"], "maxAge": "0s", "allowPrivateNetwork": true,
    });
    let cors = || build_in(Dialect::Go, "cors", options.clone()).unwrap();
    let cx = context(&[], false);
    let asked = [
        ("origin", "https://a.test"),
        ("access-control-request-method", "PATCH"),
        ("access-control-request-private-network", "true"),
    ];
    let response = run(cors(), request("OPTIONS", "/", &asked, &cx), &[]).await;
    let headers = response.headers();
    for (name, expected) in [
        ("access-control-allow-methods", Some("PATCH")),
        ("access-control-allow-headers", Some("X-Own")),
        ("access-control-allow-credentials", None),
        ("access-control-max-age", Some("0")),
        ("access-control-allow-private-network", Some("true")),
    ] {
        assert_eq!(headers.get(name).map(|value| value.to_str().unwrap()), expected, "{name}");
    }
    let response = run(cors(), request("OPTIONS", "/", &asked[..2], &cx), &[]).await;
    assert!(!response.headers().contains_key("access-control-allow-private-network"), "nobody asked");
    let response = run(cors(), request("GET", "/", &asked[..1], &cx), &[]).await;
    assert_eq!(response.headers()["access-control-expose-headers"], "X-Shown");
    assert!(!response.headers().contains_key("access-control-allow-credentials"));
}

#[tokio::test]
async fn cors_decorates_answers_and_refuses_other_origins() {
    let options = json!({ "allow_origins": ["*"], "expose_headers": ["x-a"] });
    let cx = context(&[], false);
    let req = request("GET", "/", &[("origin", "https://b.test")], &cx);
    let upstream = &[
        ("vary", "Accept"),
        ("access-control-allow-origin", "x"),
        ("access-control-allow-credentials", "true"),
    ];
    let response = run(build("cors", options.clone()).unwrap(), req, upstream).await;
    let headers = response.headers();
    assert_eq!(headers["access-control-allow-origin"], "https://b.test");
    assert_eq!(headers["access-control-expose-headers"], "x-a");
    assert!(!headers.contains_key("access-control-allow-credentials"), "never with `*`");
    assert_eq!(headers.get_all("vary").iter().count(), 2, "the upstream's is kept");

    let plain = request("OPTIONS", "/", &[("origin", "https://b.test")], &cx);
    let response = run(build("cors", options).unwrap(), plain, &[]).await;
    assert_eq!(seen(&response).0, "/", "an OPTIONS that is no preflight is the upstream's");

    let strict = || build("cors", json!({ "allow_origins": ["a.test"] })).unwrap();
    let response = run(strict(), request("GET", "/", &[("origin", "https://b.test")], &cx), &[]).await;
    assert_eq!(response.status(), 403);
    let own = request("GET", "/", &[("origin", "https://own.test"), ("host", "own.test")], &cx);
    assert_eq!(run(strict(), own, &[]).await.status(), 200, "its own origin");
    assert_eq!(run(strict(), request("GET", "/", &[], &cx), &[]).await.status(), 200, "no origin");
}

#[tokio::test]
async fn logging_marks_the_request() {
    let cx = context(&[], false);
    run(build("logging", json!({})).unwrap(), request("GET", "/", &[], &cx), &[]).await;
    assert!(cx.is_logged());
}

#[tokio::test]
async fn an_error_is_rendered_inside_so_that_what_stands_outside_sees_a_response() {
    let outer = middleware_fn(|req: Request, next: Next<'_>| {
        Box::pin(async move {
            let mut response = next.run(req).await;
            assert_eq!(response.status(), 429);
            assert_eq!(response.extensions().get::<Failure>().unwrap().outcome, Outcome::RateLimited);
            response.headers_mut().insert("outer", HeaderValue::from_static("1"));
            Ok(response)
        })
    });
    let inner = middleware_fn(|_, _| Box::pin(async { Err(Error::reject(Outcome::RateLimited)) }));
    let upstream = client_fn(|_| async { panic!("never reached") });
    let chain = Chain::new(vec![Arc::new(outer), Arc::new(inner)], Arc::new(upstream), Arc::new(bare));
    let response = chain.run(Request::new(Body::empty())).await;
    assert_eq!(response.headers()["outer"], "1");
}

#[tokio::test]
async fn a_tower_layer_stands_in_the_chain_like_any_other() {
    use tower_http::set_header::SetResponseHeaderLayer;
    let layer = SetResponseHeaderLayer::overriding(http::header::SERVER, HeaderValue::from_static("gw"));
    let cx = context(&[], false);
    let response =
        run(Arc::new(Tower::new(layer)), request("GET", "/x", &[], &cx), &[("server", "theirs")]).await;
    assert_eq!(response.headers()["server"], "gw");
    assert_eq!(seen(&response).0, "/x");
}
