//! The whole proxy with clients of the program's own: no socket is opened.

#![allow(clippy::unwrap_used, reason = "a test stops at its first surprise")]

mod attempts;
mod middlewares;
mod records;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use gw_client::{ClusterError, ClusterSpec};
use gw_config::{Document, FeatureGates, Format, parse};
use gw_core::{Body, Client, Clock, ConnContext, Error, Handler, Outcome, Request, Response};
use gw_middleware::{Registry, Surroundings, client_fn};
use gw_proxy::{Compiler, Interceptors, Proxy, ProxyService};
use gw_telemetry::{BuildInfo, Metrics};
use http::HeaderMap;
use http_body_util::BodyExt;
use tower::{Service, ServiceBuilder, ServiceExt};

/// How long a test waits for what must happen; only a failing test gets there.
const PATIENCE: Duration = Duration::from_secs(10);

type Made = Result<Arc<dyn Client>, ClusterError>;

/// A proxy that serves `text`, with clients made by `clients`.
fn serving(text: &str, interceptors: Interceptors, clients: &dyn Fn(ClusterSpec) -> Made) -> Arc<Proxy> {
    let metrics = Metrics::new(1, BuildInfo::default());
    let proxy = Proxy::builder(1, metrics).interceptors(interceptors).build();
    publish(&proxy, Registry::built_in(), text, clients);
    proxy
}

/// Has the proxy serve `text` from now on.
fn publish(proxy: &Proxy, registry: Registry, text: &str, clients: &dyn Fn(ClusterSpec) -> Made) {
    let compiler = Compiler {
        registry,
        strict_slash: false,
        surroundings: Surroundings::alone(Clock::system()),
        gates: FeatureGates::default(),
    };
    let loaded = parse(Document::new("test", Format::Toml, text)).unwrap();
    let compiled = compiler.compile(Arc::new(loaded)).map_err(|errors| errors.to_string()).unwrap();
    proxy.commit(proxy.prepare(compiled, clients).unwrap());
}

fn conn() -> Arc<ConnContext> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    Arc::new(ConnContext::new(0, "test", any, any))
}

fn request(path: &str) -> Request {
    http::Request::get(path).body(Body::empty()).unwrap()
}

async fn get(proxy: &Proxy, path: &str) -> (u16, String) {
    read(proxy.call(request(path), conn()).await).await
}

async fn read(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// Answers with the name of the cluster and the target that the request came with.
fn naming(spec: ClusterSpec) -> Made {
    let client = client_fn(move |req: Request| {
        let text = format!("{} {}", spec.name, req.uri());
        async move { Ok(Response::new(Body::from(text))) }
    });
    Ok(Arc::new(client))
}

#[tokio::test]
async fn a_program_brings_its_own_clients() {
    let text = "
[[endpoints]]
path = '/a/*'
backends = [{ target = '192.0.2.1:1' }]
middlewares = [{ name = 'rewrite', options = { strip_prefix = '/a' } }]
";
    let proxy = serving(text, Interceptors::new(), &naming);
    assert_eq!(get(&proxy, "/a/x?q").await, (200, "* /a/* /x?q".to_owned()));
    assert_eq!(get(&proxy, "/b").await.0, 404);
}

/// A method in any case; none and `*` are any.
#[tokio::test]
async fn endpoints_are_matched_in_their_order() {
    let text: String = [("/a/*", "method = 'get'"), ("/a/b", "method = '*'"), ("/a/b", "method = 'PUT'"), ("/*", "")]
        .iter()
        .enumerate()
        .map(|(index, (path, method))| {
            format!("[[endpoints]]\nid = '{index}'\npath = '{path}'\n{method}\nbackends = [{{ target = '192.0.2.1:1' }}]\n")
        })
        .collect();
    let proxy = serving(&text, Interceptors::new(), &naming);
    for (method, path, expect) in
        [("GET", "/a/b", "0 /a/b"), ("PUT", "/a/b", "1 /a/b"), ("PUT", "/a/c", "3 /a/c"), ("GET", "/", "3 /")]
    {
        let request = http::Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        assert_eq!(
            read(proxy.call(request, conn()).await).await,
            (200, expect.to_owned()),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn a_path_is_refused_or_passed_on_as_it_came() {
    let endpoint = "[[endpoints]]\nid = 'all'\npath = '/*'\nbackends = [{ target = '192.0.2.1:1' }]\n";
    for (policy, path, status) in [
        ("default", "/a//b/%2F", 200),
        ("default", "/a/../b", 400),
        ("strict", "/a//b", 400),
        ("strict", "/a/%2F", 400),
        ("keep", "/a/../b", 200),
    ] {
        let proxy = serving(&format!("path_policy = '{policy}'\n{endpoint}"), Interceptors::new(), &naming);
        let (answered, text) = get(&proxy, path).await;
        assert_eq!(
            (answered, text == format!("all {path}")),
            (status, status == 200),
            "{policy} {path}: {text}"
        );
    }
}

/// No lock is held for as long as the making of clients takes: neither requests wait, nor those that are refused, nor pages.
#[tokio::test]
async fn a_request_is_served_while_the_next_table_is_made() {
    let text = "[[endpoints]]\npath = '/'\nbackends = [{ target = '192.0.2.1:1' }]\n";
    let proxy = serving(text, Interceptors::new(), &naming);
    let changed = format!("{text}timeout = '2s'\n");
    publish(&proxy, Registry::built_in(), &changed, &|spec| {
        let (asked, runtime) = (Arc::clone(&proxy), tokio::runtime::Handle::current());
        let (tell, answer) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let refused = asked.refusal(Outcome::RateLimited, "so many", &HeaderMap::new()).status();
            let shown = (asked.generation(), asked.draining().len());
            tell.send((runtime.block_on(get(&asked, "/")), refused.as_u16(), shown))
        });
        let expect = ((200, "* / /".to_owned()), 429, (1, 0));
        assert_eq!(answer.recv_timeout(PATIENCE), Ok(expect));
        naming(spec)
    });
    assert_eq!(proxy.generation(), 2);
}

#[tokio::test]
async fn a_tower_stack_serves_it() {
    let text = "[[endpoints]]\npath = '/a'\nbackends = [{ target = '192.0.2.1:1' }]\n";
    let proxy = serving(text, Interceptors::new(), &naming);
    let mut service = ServiceBuilder::new()
        .map_request(|path: &str| request(path))
        .service(ProxyService::new(proxy, conn()));
    for (path, status) in [("/a", 200), ("/b", 404)] {
        assert!(matches!(service.ready().now_or_never(), Some(Ok(_))));
        let Ok(response) = service.clone().call(path).await;
        assert_eq!(read(response).await.0, status, "{path}");
    }
}

#[tokio::test]
async fn what_a_client_fails_with_is_rendered_and_in_kratos_format_if_that_is_wanted() {
    let refusing = |_: ClusterSpec| -> Made {
        Ok(Arc::new(client_fn(|_| async { Err(Error::unsent(Outcome::ConnectRefused)) })))
    };
    let endpoint = "[[endpoints]]\npath = '/'\nbackends = [{ target = '192.0.2.1:1' }]\n";
    let proxy = serving(endpoint, Interceptors::new(), &refusing);
    let answer = "connect_refused: The upstream refused the connection\n";
    assert_eq!(get(&proxy, "/").await, (502, answer.to_owned()));
    let proxy = serving(&format!("error_format = 'kratos'\n{endpoint}"), Interceptors::new(), &refusing);
    let (status, body) = get(&proxy, "/").await;
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["code"], &body["reason"]), (502, &502.into(), &"CONNECT_REFUSED".into()));
    assert!(get(&proxy, "/none").await.1.contains("NO_ROUTE"));
}

#[test]
fn the_nodes_of_the_documentation_are_those_of_the_cluster() {
    let page = include_str!("../../../../docs/configuration.md");
    let block = page.split("\n```toml\n").find(|block| block.contains("[endpoints.nodes]")).unwrap();
    let text = block.split("\n```").next().unwrap();
    let specs = parking_lot::Mutex::new(Vec::new());
    let keeping = |spec: ClusterSpec| {
        specs.lock().push(spec.clone());
        naming(spec)
    };
    drop(serving(text, Interceptors::new(), &keeping));
    let plain = "[[endpoints]]\npath = '/'\nbackends = [{ target = '192.0.2.1:1' }]\n";
    drop(serving(plain, Interceptors::new(), &keeping));
    let specs = specs.into_inner();
    let of = |spec: &ClusterSpec| (spec.versions.join(" "), spec.color_header.clone(), spec.zone.clone());
    assert_eq!(of(&specs[0]), ("2".to_owned(), "x-color".parse().unwrap(), Some("eu-1".into())));
    assert_eq!(specs[0].backends[2].metadata["color"], "green");
    assert_eq!(of(&specs[1]), (String::new(), gw_client::COLOR_HEADER, None));
}

#[test]
fn the_priorities_of_retries_are_failover_levels() {
    let text = "
[[endpoints]]
path = '/'
retry = { priorities = ['near', 'far'] }
backends = [
    { target = '192.0.2.1:1', metadata = { priority = 'far' } },
    { target = '192.0.2.2:1' },
    { target = '192.0.2.3:1', metadata = { priority = 'near' } },
]
";
    let levels = parking_lot::Mutex::new(Vec::new());
    drop(serving(text, Interceptors::new(), &|spec: ClusterSpec| {
        levels.lock().extend(spec.backends.iter().map(|backend| backend.priority));
        naming(spec)
    }));
    assert_eq!(levels.into_inner(), [1, 2, 0]);
}
