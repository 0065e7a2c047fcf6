//! Upgraded connections.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use gw_core::{Body, Error, Io, OnUpgrade, Outcome, Response, Tunnel, TunnelObserver};
use gw_server::{Drained, Limits};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;

use crate::harness::{Client, Server, listener, patient, serve, start};

const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n";

#[derive(Default)]
struct Counter {
    up: AtomicU64,
    down: AtomicU64,
}

struct Observed(Arc<Counter>, mpsc::Sender<Outcome>);

impl TunnelObserver for Observed {
    fn on_bytes(&self, upstream: bool, bytes: u64) {
        let counter = if upstream { &self.0.up } else { &self.0.down };
        counter.fetch_add(bytes, Ordering::Relaxed);
    }

    fn on_end(&self, outcome: Outcome) {
        self.1.try_send(outcome).unwrap();
    }
}

/// A server that upgrades to the other end of `upstream`.
struct Upgrading {
    server: Server,
    upstream: DuplexStream,
    counter: Arc<Counter>,
    ended: mpsc::Receiver<Outcome>,
}

fn switching(tunnel: Option<Tunnel>) -> Response {
    let mut response = http::Response::builder()
        .status(101)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .body(Body::empty())
        .unwrap();
    if let Some(tunnel) = tunnel {
        response.extensions_mut().insert(tunnel);
    }
    response
}

fn upgrading(idle_timeout: Duration) -> Upgrading {
    let (ours, upstream) = duplex(64 << 10);
    let io = TokioIo::new(ours);
    let mut upgrading = upgrading_to(idle_timeout, async move { Ok(Box::new(io) as Box<dyn Io>) });
    upgrading.upstream = upstream;
    upgrading
}

fn upgrading_to(
    idle_timeout: Duration,
    ready: impl Future<Output = gw_core::Result<Box<dyn Io>>> + Send + 'static,
) -> Upgrading {
    let (_, upstream) = duplex(1);
    let counter = Arc::<Counter>::default();
    let (alive, ended) = mpsc::channel(1);
    let tunnel = Tunnel {
        upstream: OnUpgrade::new(Box::pin(ready)),
        observer: Arc::new(Observed(Arc::clone(&counter), alive)),
        idle_timeout,
    };
    let tunnel = Mutex::new(Some(tunnel));
    // Timeouts of HTTP must not touch a tunnel.
    let short = Duration::from_millis(30);
    let limits = Limits { idle_timeout: short, header_timeout: short, ..Limits::default() };
    let server = start(listener(limits), move |_, _| {
        let tunnel = tunnel.lock().take();
        async move { switching(tunnel) }
    });
    Upgrading { server, upstream, counter, ended }
}

const LONG: Duration = Duration::from_secs(300);

async fn expect(upstream: &mut DuplexStream, bytes: &str) {
    let mut got = vec![0; bytes.len()];
    patient(upstream.read_exact(&mut got)).await.unwrap();
    assert_eq!(got, bytes.as_bytes());
}

#[tokio::test]
async fn bytes_go_both_ways_until_both_ends_close() {
    let Upgrading { server, mut upstream, counter, mut ended } = upgrading(LONG);
    let mut client = Client::connect(server.address).await;
    // Bytes right behind the head belong to the tunnel.
    client.send(format!("{UPGRADE}early")).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.field("upgrade")), (101, Some("websocket")));
    expect(&mut upstream, "early").await;
    // Longer than the timeouts of HTTP.
    tokio::time::sleep(Duration::from_millis(150)).await;
    upstream.write_all(b"down").await.unwrap();
    assert_eq!(client.until("down").await, "down");
    // The client's half-close reaches the upstream, which can still answer.
    client.stream.shutdown().await.unwrap();
    assert_eq!(patient(upstream.read(&mut [0; 8])).await.unwrap(), 0);
    upstream.write_all(b"late").await.unwrap();
    drop(upstream);
    assert_eq!(client.rest().await, "late");
    assert_eq!(patient(ended.recv()).await, Some(Outcome::Ok));
    assert_eq!((counter.up.load(Ordering::Relaxed), counter.down.load(Ordering::Relaxed)), (5, 8));
    let stats = server.listener().stats;
    server.until(|_| stats.open.load(Ordering::Relaxed) + stats.tunnels.load(Ordering::Relaxed) == 0).await;
}

#[tokio::test]
async fn a_large_message_passes_with_back_pressure() {
    let Upgrading { server, mut upstream, counter, .. } = upgrading(LONG);
    let mut client = Client::connect(server.address).await;
    client.send(UPGRADE).await;
    assert_eq!(client.answer().await.status, 101);
    let size = 10 << 20;
    let sending = tokio::spawn(async move {
        upstream.write_all(&vec![7; size]).await.unwrap();
        upstream.shutdown().await.unwrap();
        upstream
    });
    client.stream.shutdown().await.unwrap();
    let got = client.rest().await;
    assert_eq!(got.len(), size);
    sending.await.unwrap();
    assert_eq!(counter.down.load(Ordering::Relaxed), size as u64);
}

#[tokio::test]
async fn an_idle_tunnel_is_closed() {
    let Upgrading { server, upstream, mut ended, .. } = upgrading(Duration::from_millis(40));
    let mut client = Client::connect(server.address).await;
    client.send(UPGRADE).await;
    assert_eq!(client.answer().await.status, 101);
    assert_eq!(client.rest().await, "");
    assert_eq!(patient(ended.recv()).await, Some(Outcome::IdleTimeout));
    assert_eq!(patient(ended.recv()).await, None);
    drop(upstream);
}

/// The upstream's half of a tunnel that fails when it is read.
struct Torn;

impl hyper::rt::Read for Torn {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        Poll::Ready(Err(std::io::ErrorKind::ConnectionReset.into()))
    }
}

impl hyper::rt::Write for Torn {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn the_end_says_which_side_broke() {
    // The client resets while the upstream listens.
    let Upgrading { server, mut upstream, mut ended, .. } = upgrading(LONG);
    let mut client = Client::connect(server.address).await;
    client.send(UPGRADE).await;
    assert_eq!(client.answer().await.status, 101);
    upstream.write_all(b"unread").await.unwrap();
    client.stream.set_zero_linger().unwrap();
    drop(client);
    assert_eq!(patient(ended.recv()).await, Some(Outcome::ClientClosed));

    // The upstream is gone when the client writes.
    let Upgrading { server, upstream, mut ended, .. } = upgrading(LONG);
    let mut client = Client::connect(server.address).await;
    client.send(UPGRADE).await;
    assert_eq!(client.answer().await.status, 101);
    drop(upstream);
    client.send("to nobody").await;
    assert_eq!(patient(ended.recv()).await, Some(Outcome::UpstreamReset));

    // Reading from the upstream fails, or there is no upstream at all.
    for ready in [Ok(()), Err(Outcome::ConnectRefused)] {
        let Upgrading { server, mut ended, .. } =
            upgrading_to(
                LONG,
                async move { ready.map(|()| Box::new(Torn) as Box<dyn Io>).map_err(Error::new) },
            );
        let mut client = Client::connect(server.address).await;
        client.send(UPGRADE).await;
        assert_eq!(client.answer().await.status, 101);
        assert_eq!(patient(ended.recv()).await, Some(ready.err().unwrap_or(Outcome::UpstreamReset)));
    }
}

#[tokio::test]
async fn an_upgrade_that_nobody_asked_for_is_a_bad_gateway() {
    for (request, tunnel) in [
        (UPGRADE, false),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", true),
        ("GET / HTTP/1.0\r\nUpgrade: x\r\n\r\n", true),
    ] {
        let server = serve(move |_| async move {
            let never = OnUpgrade::new(Box::pin(std::future::pending()));
            let observer = Arc::new(Observed(Arc::default(), mpsc::channel(1).0));
            switching(tunnel.then(|| Tunnel { upstream: never, observer, idle_timeout: LONG }))
        });
        let mut client = Client::connect(server.address).await;
        client.send(request).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.closes()), (502, true), "{request:?}");
    }
}

#[tokio::test]
async fn an_answer_to_an_upgrade_that_was_not_taken_is_complete() {
    const SIZE: usize = 20 << 20;
    let server = serve(|_| async { http::Response::new(Body::from(bytes::Bytes::from(vec![b'x'; SIZE]))) });
    for upgrade in ["", "Upgrade: h2c\r\n"] {
        let mut client = Client::connect(server.address).await;
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{upgrade}\r\n")).await;
        // The socket is full before the first byte is read.
        server
            .until(|server| {
                server.connections().iter().any(|open| open.phase == "closing" || open.phase == "idle")
            })
            .await;
        assert_eq!(client.answer().await.body.len(), SIZE, "{upgrade:?}");
    }
}

#[tokio::test]
async fn no_byte_goes_on_before_a_101() {
    let server = serve(|_| async { crate::harness::answer(200, "plain") });
    let mut client = Client::connect(server.address).await;
    client.send(format!("{UPGRADE}raw bytes that are no request\r\n\r\n")).await;
    assert_eq!(client.answer().await.status, 200);
    // They are read as what they are: a request that is not valid.
    assert_eq!(client.answer().await.status, 400);
    assert_eq!(client.rest().await, "");
}

/// A drain at its cap when the client has got `sent` and `then` is on its way. The client must get one of `ends`
/// after `sent`: whether the last of `then` still passes is chance.
async fn check_goodbye(sent: &'static [u8], then: &'static [u8], ends: &[&[u8]]) {
    let Upgrading { server, mut upstream, mut ended, .. } = upgrading(LONG);
    let mut client = Client::connect(server.address).await;
    client.send(UPGRADE).await;
    assert_eq!(client.answer().await.status, 101);
    upstream.write_all(sent).await.unwrap();
    client.expect(sent).await;
    let leaving = async {
        server.until(|server| server.listeners()[0].draining).await;
        upstream.write_all(then).await.unwrap();
        let end = client.bytes().await;
        assert!(ends.contains(&&*end), "{end:?} after {sent:?}");
        // The client's own Close passes on to the upstream.
        client.send(b"\x88\x80\0\0\0\0").await;
        client.stream.shutdown().await.unwrap();
        let mut got = Vec::new();
        patient(upstream.read_to_end(&mut got)).await.unwrap();
        assert_eq!(got, b"\x88\x80\0\0\0\0");
    };
    let (drained, ()) = patient(async { tokio::join!(server.server.drain(Duration::ZERO), leaving) }).await;
    assert_eq!(drained, Drained { complete: true, aborted: 0 });
    assert_eq!(patient(ended.recv()).await, Some(Outcome::Shutdown));
}

#[tokio::test]
async fn a_drain_says_goodbye_between_two_frames() {
    check_goodbye(b"", b"", &[b"\x88\x02\x03\xe9"]).await;
    check_goodbye(b"\x82\x04abcd", b"", &[b"\x88\x02\x03\xe9"]).await;
    // Half a frame is under way when the end comes.
    check_goodbye(b"\x82\x04ab", b"cd", &[b"cd\x88\x02\x03\xe9"]).await;
    check_goodbye(b"\x82\x04ab", b"cd\x82\x01x", &[b"cd\x88\x02\x03\xe9", b"cd\x82\x01x\x88\x02\x03\xe9"])
        .await;
}

#[tokio::test]
async fn a_drain_that_nobody_leaves_aborts() {
    let Upgrading { server, upstream, mut ended, .. } = upgrading(LONG);
    let mut client = Client::connect(server.address).await;
    client.send(UPGRADE).await;
    assert_eq!(client.answer().await.status, 101);
    let drained = patient(server.server.drain(Duration::from_millis(20))).await;
    assert_eq!(drained, Drained { complete: false, aborted: 1 });
    assert_eq!(patient(ended.recv()).await, Some(Outcome::Shutdown));
    drop(upstream);
}
