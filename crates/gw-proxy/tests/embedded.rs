//! The whole proxy with clients of the program's own: no socket is opened.

#![allow(clippy::unwrap_used, reason = "a test stops at its first surprise")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use gw_client::{ClusterError, ClusterSpec};
use gw_config::{Document, FeatureGates, Format, parse};
use gw_core::{
    Body, BoxFuture, Client, Clock, ConnContext, Error, Handler, Outcome, Request, RequestContext, Response,
};
use gw_middleware::{
    BuildContext, BuildError, Ended, Middleware, MiddlewareFactory, Next, Registry, Surroundings, client_fn,
    middleware_fn,
};
use gw_proxy::{Compiler, Interceptors, Proxy, ProxyService};
use gw_telemetry::{BuildInfo, Metrics};
use gw_value::Options;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::{Notify, mpsc};
use tower::{Service, ServiceBuilder, ServiceExt};

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
    Arc::new(ConnContext {
        worker: 0,
        listener: "test".into(),
        peer: any,
        local: any,
        tls: None,
        trusted_proxies: Arc::default(),
    })
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

#[tokio::test(start_paused = true)]
async fn a_hook_replaces_the_deadline_of_an_attempt() {
    let silent = |_: ClusterSpec| -> Made { Ok(Arc::new(client_fn(|_| std::future::pending()))) };
    let text = "[[endpoints]]\npath = '/'\ntimeout = '1h'\nretry = { attempts = 1 }\nbackends = [{ target = '192.0.2.1:1' }]\n";
    let hooks = Interceptors::new().attempt_deadline(|cx, now, configured| {
        assert_eq!(&*cx.endpoint.route, "/");
        assert!(configured.is_some_and(|configured| configured > now + Duration::from_secs(3000)));
        Some(now + Duration::from_millis(1))
    });
    let proxy = serving(text, hooks, &silent);
    let answered = tokio::time::timeout(Duration::from_secs(1), get(&proxy, "/")).await;
    assert_eq!(answered.unwrap().0, 504);
}

/// The Go gateway's runs over the body, which ends streams and downloads.
#[tokio::test(start_paused = true)]
async fn the_timeout_ends_with_the_headers_and_a_body_takes_its_time() {
    let late = |_: ClusterSpec| -> Made {
        Ok(Arc::new(client_fn(|_| async {
            let chunk = async {
                tokio::time::sleep(Duration::from_secs(60)).await;
                Ok(Frame::data(Bytes::from_static(b"late")))
            };
            let chunks = StreamBody::new(Box::pin(futures_util::stream::once(chunk)));
            Ok(Response::new(Body::stream(chunks)))
        })))
    };
    for protocol in ["http", "grpc"] {
        let text = format!(
            "[[endpoints]]\npath = '/'\nprotocol = '{protocol}'\ntimeout = '1s'\nbackends = [{{ target = '192.0.2.1:1' }}]\n"
        );
        let proxy = serving(&text, Interceptors::new(), &late);
        assert_eq!(get(&proxy, "/").await, (200, "late".to_owned()), "{protocol}");
    }
}

#[test]
fn the_nodes_of_the_documentation_are_those_of_the_cluster() {
    let page = include_str!("../../../docs/configuration.md");
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

/// The factory `own`: what the closure gives.
struct Own<F>(F);

impl<F: Fn() -> Arc<dyn Middleware> + Send + Sync + 'static> MiddlewareFactory for Own<F> {
    fn name(&self) -> &'static str {
        "own"
    }

    fn build(&self, _: &Options, _: &BuildContext) -> Result<Arc<dyn Middleware>, BuildError> {
        Ok((self.0)())
    }
}

/// One of those that there are.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(live: &Arc<AtomicUsize>) -> Self {
        live.fetch_add(1, SeqCst);
        Self(Arc::clone(live))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Middleware for Counted {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, gw_core::Result<Response>> {
        Box::pin(async move { Ok(next.run(req).await) })
    }
}

#[tokio::test]
async fn a_middleware_is_closed_when_its_route_is_gone_and_its_last_request_has_ended() {
    let live = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&live);
    let registry = Registry::built_in().with(Own(move || Arc::new(Counted::new(&count)) as _));
    let release = Arc::new(Notify::new());
    let waiting = Arc::clone(&release);
    let clients = move |_: ClusterSpec| -> Made {
        let release = Arc::clone(&waiting);
        Ok(Arc::new(client_fn(move |_| {
            let release = Arc::clone(&release);
            async move {
                release.notified().await;
                Ok(Response::new(Body::empty()))
            }
        })))
    };
    let endpoint = |path: &str| {
        format!(
            "[[endpoints]]\npath = '{path}'\nbackends = [{{ target = '192.0.2.1:1' }}]\nmiddlewares = [{{ name = 'own' }}]\n"
        )
    };
    let proxy = Proxy::builder(1, Metrics::new(1, BuildInfo::default())).build();
    publish(&proxy, registry.clone(), &(endpoint("/stays") + &endpoint("/goes")), &clients);
    assert_eq!(live.load(SeqCst), 2);
    let mut asked = Box::pin(get(&proxy, "/goes"));
    assert!((&mut asked).now_or_never().is_none());
    publish(&proxy, registry, &endpoint("/stays"), &clients);
    proxy.sweep();
    assert_eq!(live.load(SeqCst), 2, "a request is in it");
    release.notify_one();
    assert_eq!(asked.await.0, 200);
    proxy.sweep();
    assert_eq!(live.load(SeqCst), 1, "what stays keeps its own");
}

/// What a recorder would be: each chunk goes on at once and a copy to whoever listens, and none is held.
#[tokio::test]
async fn a_middleware_that_wraps_bodies_streams_them_out_and_holds_nothing() {
    let (copies, mut recorded) = mpsc::unbounded_channel();
    let registry = Registry::built_in().with(Own(move || {
        let copies = copies.clone();
        Arc::new(middleware_fn(move |req: Request, next: Next<'_>| {
            let (copies, told) = (copies.clone(), copies.clone());
            Box::pin(async move {
                let cx = RequestContext::of(&req).cloned();
                if let Some(cx) = cx {
                    Ended::watch(&cx, move |ended| drop(told.send(Err(ended.outcome))));
                }
                Ok(next.run(req).await.map(|body| {
                    Body::stream(body.map_frame(move |frame| {
                        drop(frame.data_ref().map(|chunk| copies.send(Ok(chunk.clone()))));
                        frame
                    }))
                }))
            })
        })) as _
    }));
    let (send, upstream) = mpsc::unbounded_channel::<Bytes>();
    let upstream = parking_lot::Mutex::new(Some(upstream));
    let clients = |_: ClusterSpec| -> Made {
        let upstream = parking_lot::Mutex::new(upstream.lock().take());
        Ok(Arc::new(client_fn(move |_| {
            let upstream = upstream.lock().take();
            let chunks = futures_util::stream::unfold(upstream, |upstream| async {
                let mut upstream = upstream?;
                Some((Ok(Frame::data(upstream.recv().await?)), Some(upstream)))
            });
            async { Ok(Response::new(Body::stream(StreamBody::new(Box::pin(chunks))))) }
        })))
    };
    let text = "[[endpoints]]\npath = '/'\nmiddlewares = [{ name = 'own' }]\nbackends = [{ target = '192.0.2.1:1' }]\n";
    let proxy = Proxy::builder(1, Metrics::new(1, BuildInfo::default())).build();
    publish(&proxy, registry, text, &clients);
    let mut body = proxy.call(request("/"), conn()).await.into_body();
    for number in 0..100_u8 {
        // Its owner tells whether anybody still holds it.
        let held = Arc::new([number; 1024]);
        send.send(Bytes::from_owner(Shared(Arc::clone(&held)))).unwrap();
        let passed = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!((passed[0], Ok(&passed)), (number, recorded.try_recv().unwrap().as_ref()));
        drop(passed);
        assert_eq!(Arc::strong_count(&held), 1, "chunk {number}");
    }
    drop(send);
    assert!(body.frame().await.is_none());
    drop(body);
    assert_eq!(recorded.try_recv().unwrap(), Err(Outcome::Ok), "the end, after the last chunk");
}

struct Shared(Arc<[u8; 1024]>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &*self.0
    }
}
