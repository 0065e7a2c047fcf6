//! A server around a closure, and a client that writes and reads bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gw_core::{Body, BoxFuture, ConnContext, Handler, Request, Response, Result};
use gw_server::{
    Inherited, Limits, ListenAddress, ListenerInfo, ListenerOptions, Observer, ProxyServer, Rejection,
    ServerOptions,
};
use http_body::Frame;
use http_body_util::BodyExt;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// Long enough for the slowest machine; reached only by a test that would hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// A handler made of a closure.
struct Function<F>(F);

impl<F> Handler for Function<F>
where
    F: Fn(Request, Arc<ConnContext>) -> BoxFuture<'static, Response> + Send + Sync + 'static,
{
    fn call(&self, req: Request, conn: Arc<ConnContext>) -> BoxFuture<'_, Response> {
        (self.0)(req, conn)
    }
}

#[derive(Default)]
struct Recorder(Mutex<Vec<Rejection>>);

impl Observer for Recorder {
    fn on_rejected(&self, rejection: &Rejection, _fields: &http::HeaderMap, _conn: &ConnContext) {
        self.0.lock().push(rejection.clone());
    }
}

/// A running server with one listener.
pub struct Server {
    pub server: ProxyServer,
    pub address: SocketAddr,
    rejections: Arc<Recorder>,
}

impl Server {
    pub fn rejections(&self) -> Vec<Rejection> {
        self.rejections.0.lock().clone()
    }

    /// The first `count` rejections; they may be told after the client has seen the close.
    pub async fn rejected(&self, count: usize) -> Vec<Rejection> {
        self.until(|_| self.rejections().len() >= count).await;
        self.rejections()
    }

    pub fn listener(&self) -> ListenerInfo {
        self.server.listeners().remove(0)
    }

    /// Waits until the server says what `until` wants.
    pub async fn until(&self, until: impl Fn(&ProxyServer) -> bool) {
        patient(async {
            while !until(&self.server) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }
}

/// A listener on a free port of the loopback address.
pub fn listener(limits: Limits) -> ListenerOptions {
    ListenerOptions { limits, ..ListenerOptions::new("test", loopback()) }
}

pub fn loopback() -> ListenAddress {
    "127.0.0.1:0".parse().unwrap()
}

/// Serves `handler` with two workers.
pub fn start<F, R>(options: ListenerOptions, handler: F) -> Server
where
    F: Fn(Request, Arc<ConnContext>) -> R + Send + Sync + 'static,
    R: Future<Output = Response> + Send + 'static,
{
    run(options, 2, Inherited::default(), handler)
}

/// Echoes with so many workers, on sockets of a predecessor.
pub fn inherit(options: ListenerOptions, workers: usize, inherited: Inherited) -> Server {
    run(options, workers, inherited, |req, _| echo(req))
}

fn run<F, R>(options: ListenerOptions, workers: usize, inherited: Inherited, handler: F) -> Server
where
    F: Fn(Request, Arc<ConnContext>) -> R + Send + Sync + 'static,
    R: Future<Output = Response> + Send + 'static,
{
    let rejections = Arc::new(Recorder::default());
    let observer = Arc::clone(&rejections) as Arc<dyn Observer>;
    let handler = Function(move |req, conn| Box::pin(handler(req, conn)) as BoxFuture<'static, Response>);
    let server =
        ProxyServer::new(ServerOptions { workers, observer, metrics: None, inherited }, Arc::new(handler))
            .unwrap();
    let prepared = server.prepare(vec![options]).unwrap();
    let address = server.commit(prepared)[0].address;
    Server { server, address, rejections }
}

/// Serves `handler` with default limits.
pub fn serve<F, R>(handler: F) -> Server
where
    F: Fn(Request) -> R + Send + Sync + 'static,
    R: Future<Output = Response> + Send + 'static,
{
    start(listener(Limits::default()), move |req, _| handler(req))
}

/// Answers with method, target, Host and body of the request.
pub async fn echo(req: Request) -> Response {
    let (head, body) = req.into_parts();
    let host = head.headers.get("host").map_or("-", |host| host.to_str().unwrap()).to_owned();
    match read(body).await {
        Ok(body) => {
            let text = format!("{} {} {host} {}", head.method, head.uri, String::from_utf8_lossy(&body));
            Response::new(Body::from(text))
        }
        Err(error) => answer(error.status().as_u16(), error.outcome().as_str()),
    }
}

pub async fn read(body: Body) -> Result<Bytes> {
    Ok(body.collect().await?.to_bytes())
}

pub fn answer(status: u16, text: &'static str) -> Response {
    http::Response::builder().status(status).body(Body::from(text)).unwrap()
}

/// A body fed by a channel; dropping the sender ends it.
pub fn fed() -> (mpsc::Sender<Result<Frame<Bytes>>>, Body) {
    let (feed, mut frames) = mpsc::channel(1);
    let stream = futures_util::stream::poll_fn(move |cx| frames.poll_recv(cx));
    (feed, Body::stream(http_body_util::StreamBody::new(stream)))
}

pub fn data(text: &'static str) -> Result<Frame<Bytes>> {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

/// Fails instead of hanging.
#[track_caller]
pub fn patient<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let at = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(PATIENCE, future).await {
            Ok(output) => output,
            Err(_) => panic!("nothing happened at {at}"),
        }
    }
}

/// A client that knows what it writes.
pub struct Client {
    pub stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer as it came.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub fn closes(&self) -> bool {
        self.field("connection") == Some("close")
    }
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = patient(TcpStream::connect(address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: Vec::new() }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        patient(self.stream.write_all(bytes.as_ref())).await.unwrap();
    }

    async fn more(&mut self) -> usize {
        patient(self.stream.read_buf(&mut self.buffer)).await.unwrap_or(0)
    }

    /// Reads exactly these bytes.
    pub async fn expect(&mut self, bytes: &[u8]) {
        while self.buffer.len() < bytes.len() {
            assert!(self.more().await > 0, "closed before {bytes:?}, after {:?}", self.buffer);
        }
        let got: Vec<u8> = self.buffer.drain(..bytes.len()).collect();
        assert_eq!(got, bytes);
    }

    fn take(&mut self, bytes: usize) -> String {
        String::from_utf8(self.buffer.drain(..bytes).collect()).unwrap()
    }

    /// Reads up to and with `end`.
    #[track_caller]
    pub fn until(&mut self, end: &'static str) -> impl Future<Output = String> + '_ {
        let at = std::panic::Location::caller();
        async move {
            loop {
                if let Some(found) = self.buffer.windows(end.len()).position(|at| at == end.as_bytes()) {
                    return self.take(found + end.len());
                }
                let so_far = String::from_utf8_lossy(&self.buffer).into_owned();
                assert!(self.more().await > 0, "closed before {end:?}, wanted at {at}, after {so_far:?}");
            }
        }
    }

    /// Reads an answer with its body; `bodiless` for the answer to a HEAD.
    async fn read_answer(&mut self, bodiless: bool) -> Answer {
        let head = self.until("\r\n\r\n").await;
        let status = head[9..12].parse().unwrap();
        let mut answer = Answer { status, head, body: String::new() };
        if bodiless || matches!(status, 100..200 | 204 | 304) {
            return answer;
        }
        if let Some(length) = answer.field("content-length").map(|length| length.parse::<usize>().unwrap()) {
            while self.buffer.len() < length {
                assert!(self.more().await > 0, "closed inside a body: {answer:?}");
            }
            answer.body = self.take(length);
        } else if answer.field("transfer-encoding") == Some("chunked") {
            loop {
                let size = usize::from_str_radix(self.until("\r\n").await.trim(), 16).unwrap();
                while self.buffer.len() < size + 2 {
                    assert!(self.more().await > 0, "closed inside a chunk: {answer:?}");
                }
                let chunk = self.take(size + 2);
                if size == 0 {
                    break;
                }
                answer.body.push_str(&chunk[..size]);
            }
        } else {
            answer.body = self.rest().await;
        }
        answer
    }

    pub async fn answer(&mut self) -> Answer {
        self.read_answer(false).await
    }

    pub async fn head_answer(&mut self) -> Answer {
        self.read_answer(true).await
    }

    /// Every byte until the server closes.
    pub async fn bytes(&mut self) -> Vec<u8> {
        while self.more().await > 0 {}
        std::mem::take(&mut self.buffer)
    }

    /// Everything until the server closes.
    pub async fn rest(&mut self) -> String {
        while self.more().await > 0 {}
        self.take(self.buffer.len())
    }
}

/// One request on a connection of its own; the answer, and what comes after it until the close.
pub async fn exchange(address: SocketAddr, bytes: impl AsRef<[u8]>) -> (Answer, String) {
    let mut client = Client::connect(address).await;
    client.send(bytes).await;
    let answer = client.answer().await;
    let rest = client.rest().await;
    (answer, rest)
}
