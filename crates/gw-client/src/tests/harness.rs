//! The nouns of the tests: `Origin` is an upstream, `Caller` sends requests to a cluster.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gw_core::{Body, Client, ConnContext, EndpointInfo, Request, RequestContext, Response, Result};
use gw_discovery::{Instance, Static};
use gw_egress::ForwardProxies;
use http::{Method, header};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;

use crate::{BackendSpec, ClientFactory, ClientOptions, Cluster, ClusterSpec, Protocol, Target, WorkerState};

/// How long a test waits for what must happen; only a failing test gets there.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A server that hands every connection to a script.
pub(super) struct Origin {
    pub(super) address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Origin {
    /// `script` gets each connection and its number, from 0.
    pub(super) async fn start<F, R>(script: F) -> Self
    where
        F: Fn(Wire, usize) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        Self::on(listener, script)
    }

    pub(super) fn on<F, R>(listener: TcpListener, script: F) -> Self
    where
        F: Fn(Wire, usize) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let task = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                socket.set_nodelay(true).unwrap();
                let number = count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(script(Wire { socket, buffer: Vec::new() }, number));
            }
        });
        Self { address, accepted, task }
    }

    /// Answers every request with `answer`, which may hold `{n}` for the connection's number.
    pub(super) async fn answering(answer: &'static str) -> Self {
        Self::start(move |mut wire, number| async move {
            while wire.head().await.is_some() {
                wire.send(&answer.replace("{n}", &number.to_string())).await;
            }
        })
        .await
    }

    pub(super) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The origin's end of a connection.
pub(super) struct Wire {
    pub(super) socket: TcpStream,
    buffer: Vec<u8>,
}

impl Wire {
    /// The next head, with its blank line; `None` at the end of the connection.
    pub(super) async fn head(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = self.buffer.drain(..at + 4).collect();
                return Some(String::from_utf8(head).unwrap());
            }
            self.fill().await?;
        }
    }

    /// The next `count` bytes.
    pub(super) async fn body(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.buffer.len() < count {
            self.fill().await?;
        }
        Some(self.buffer.drain(..count).collect())
    }

    /// Sends; a peer that has gone does not matter.
    pub(super) async fn send(&mut self, text: &str) {
        drop(self.socket.write_all(text.as_bytes()).await);
    }

    /// Reads until the peer closes.
    pub(super) async fn closed(mut self) {
        while self.fill().await.is_some() {}
    }

    async fn fill(&mut self) -> Option<()> {
        let read = self.socket.read_buf(&mut self.buffer).await.ok()?;
        (read > 0).then_some(())
    }
}

pub(super) const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{n}!";

/// The same in chunks, which holds its connection until somebody has read it.
pub(super) const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{n}!\r\n0\r\n\r\n";

/// Sends requests to a cluster.
pub(super) struct Caller {
    pub(super) factory: Arc<ClientFactory>,
    pub(super) dns: Arc<Static>,
    pub(super) cluster: Arc<Cluster>,
}

impl Caller {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self::with(address, |_| ())
    }

    pub(super) fn with(address: SocketAddr, change: impl FnOnce(&mut ClusterSpec)) -> Self {
        Self::of(vec![BackendSpec::new(Target::Address(address))], change)
    }

    pub(super) fn of(backends: Vec<BackendSpec>, change: impl FnOnce(&mut ClusterSpec)) -> Self {
        Self::proxied(ForwardProxies::default(), backends, change)
    }

    pub(super) fn proxied(
        proxies: ForwardProxies,
        backends: Vec<BackendSpec>,
        change: impl FnOnce(&mut ClusterSpec),
    ) -> Self {
        let dns = Arc::new(Static::new());
        let mut options = ClientOptions::new(Handle::current(), Arc::clone(&dns) as _);
        options.discovery = Some(Arc::clone(&dns) as _);
        options.proxies = proxies;
        let factory = ClientFactory::new(options);
        let mut spec = ClusterSpec::new("test", Protocol::Http, backends);
        spec.connect_timeout = PATIENCE;
        change(&mut spec);
        let cluster = factory.cluster(spec).unwrap();
        Self { factory, dns, cluster }
    }

    /// Another cluster of the same factory.
    pub(super) fn cluster(&self, backends: Vec<BackendSpec>) -> Arc<Cluster> {
        self.factory.cluster(ClusterSpec::new("other", Protocol::Http, backends)).unwrap()
    }

    pub(super) async fn get(&self) -> Result<Response> {
        self.send(request(Method::GET, Body::empty())).await
    }

    pub(super) async fn post(&self, body: impl Into<Body>) -> Result<Response> {
        self.send(request(Method::POST, body.into())).await
    }

    pub(super) async fn send(&self, request: Request) -> Result<Response> {
        let context = context();
        self.send_in(&context, request).await
    }

    pub(super) async fn send_in(
        &self,
        context: &Arc<RequestContext>,
        mut request: Request,
    ) -> Result<Response> {
        request.extensions_mut().insert(Arc::clone(context));
        tokio::time::timeout(PATIENCE * 2, self.cluster.call(request)).await.expect("an end")
    }

    /// Sends a GET and reads its answer.
    pub(super) async fn text(&self) -> String {
        text(self.get().await.unwrap()).await
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.cluster.inspect().nodes.iter().map(|node| node.in_flight).sum()
    }

    /// The connections of the only worker to the first node.
    pub(super) fn connections(&self) -> WorkerState {
        self.cluster.inspect().nodes[0].workers[0]
    }
}

pub(super) fn context() -> Arc<RequestContext> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let conn = ConnContext::new(0, "test", any, any);
    let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let endpoint = Arc::new(EndpointInfo::default());
    Arc::new(RequestContext::new(Arc::new(conn), client, endpoint, Instant::now()))
}

pub(super) fn request(method: Method, body: Body) -> Request {
    let request =
        http::Request::builder().method(method).uri("/path?query").header(header::HOST, "host.test");
    request.body(body).unwrap()
}

pub(super) async fn text(response: Response) -> String {
    String::from_utf8(read(response).await.unwrap()).unwrap()
}

pub(super) async fn read(response: Response) -> Result<Vec<u8>> {
    let collect = response.into_body().collect();
    let collected = tokio::time::timeout(PATIENCE, collect).await.expect("an end");
    Ok(collected?.to_bytes().to_vec())
}

/// Waits until `condition` holds.
#[track_caller]
pub(super) fn until(condition: impl Fn() -> bool) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let wait = async {
            while !condition() {
                tokio::task::yield_now().await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "never came true: {caller}");
    }
}

pub(super) fn instances(addresses: &[SocketAddr]) -> Vec<Instance> {
    addresses.iter().map(|address| Instance::at("x", address)).collect()
}
