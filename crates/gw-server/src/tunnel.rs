//! An upgraded connection: bytes both ways with back-pressure, until both sides have ended or one has failed.
//!
//! A half-close travels on. When the server goes away, a WebSocket client is told so between two frames
//! (Close 1001, RFC 6455 §7.4.1); whatever else is tunnelled is closed.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use gw_core::{BoxError, Io, Outcome, Tunnel, TunnelObserver};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, Sleep};

use crate::frames::Frames;
use crate::io::Watched;
use crate::pipe::{Broken, Pipe};
use crate::service::Connection;
use crate::stats::ListenerStats;
use crate::tasks::Kind;
use crate::watch::{Verdict, Watch};

/// A Close frame with the code 1001, as a server sends it: unmasked.
const GOING_AWAY: [u8; 4] = [0x88, 0x02, 0x03, 0xe9];

/// A tunnel that begins when the 101 is written.
pub(crate) struct Agreed {
    pub(crate) tunnel: Tunnel,
    pub(crate) websocket: bool,
}

/// The client's end of a tunnel.
pub(crate) struct Client {
    pub(crate) io: Watched,
    /// What it has sent already.
    pub(crate) unread: Bytes,
}

/// Ends an HTTP/1.1 connection, with the client's end if its answer was a 101: then the agreed tunnel takes that over.
pub(crate) fn begin(connection: &Connection, client: Option<Client>) {
    let Some(Agreed { tunnel, websocket }) = connection.agreed.lock().take() else { return };
    let watch = Arc::clone(&connection.watch);
    let Some(client) = client else {
        let aborted = watch.verdict() == Verdict::Abort;
        return tunnel.observer.on_end(if aborted { Outcome::Shutdown } else { Outcome::ClientClosed });
    };
    connection.worker.tasks.spawn(Kind::Tunnel, async move {
        let stats = Arc::clone(&watch.listener.stats);
        ListenerStats::add(&stats.tunnels);
        let observer = Arc::clone(&tunnel.observer);
        let ended = open_and_run(client, tunnel, websocket, &watch).await;
        if let Some(error) = &ended.error {
            let outcome = ended.outcome.as_str();
            tracing::debug!(client.addr = %watch.peer, outcome, %error, "tunnel ended with an error");
        }
        observer.on_end(ended.outcome);
        ListenerStats::take(&stats.tunnels);
    });
}

/// How a tunnel ended.
struct Ended {
    outcome: Outcome,
    error: Option<BoxError>,
}

impl From<Outcome> for Ended {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, error: None }
    }
}

impl Ended {
    fn because(outcome: Outcome, error: impl Into<BoxError>) -> Self {
        Self { outcome, error: Some(error.into()) }
    }
}

async fn open_and_run(client: Client, tunnel: Tunnel, websocket: bool, watch: &Watch) -> Ended {
    let Tunnel { upstream, observer, idle_timeout } = tunnel;
    let opened = tokio::select! {
        opened = tokio::time::timeout(idle_timeout, upstream.ready()) => opened,
        _ = watch.sentenced(Verdict::Abort) => return Outcome::Shutdown.into(),
    };
    match opened {
        Ok(Ok(upstream)) => {
            Running::new(client, upstream, observer, websocket).run(idle_timeout, watch).await
        }
        Ok(Err(error)) => Ended::because(error.outcome(), error),
        Err(_) => Outcome::IdleTimeout.into(),
    }
}

/// A tunnel with both its ends.
struct Running {
    client: Watched,
    upstream: TokioIo<Box<dyn Io>>,
    observer: Arc<dyn TunnelObserver>,
    up: Pipe,
    down: Pipe,
    /// The frames that the client gets, if it speaks WebSocket.
    frames: Option<Frames>,
    going: bool,
    moved: bool,
}

impl Running {
    fn new(
        client: Client,
        upstream: Box<dyn Io>,
        observer: Arc<dyn TunnelObserver>,
        websocket: bool,
    ) -> Self {
        Self {
            up: Pipe::holding(&client.unread),
            client: client.io,
            upstream: TokioIo::new(upstream),
            observer,
            down: Pipe::default(),
            frames: websocket.then(Frames::default),
            going: false,
            moved: false,
        }
    }

    async fn run(mut self, idle_timeout: Duration, watch: &Watch) -> Ended {
        // Armed once per idle period, not per byte: what has moved is seen when it fires.
        let mut idle = pin!(tokio::time::sleep(idle_timeout));
        poll_fn(|cx| {
            watch.register(cx);
            match watch.verdict() {
                Verdict::Abort => return Poll::Ready(Outcome::Shutdown.into()),
                Verdict::GoAway if self.frames.is_none() => return Poll::Ready(Outcome::Shutdown.into()),
                Verdict::GoAway => self.going = true,
                Verdict::None | Verdict::Close | Verdict::HeadTimeout => {}
            }
            match (self.poll_up(cx), self.poll_down(cx)) {
                (Poll::Ready(Err(broken)), _) | (_, Poll::Ready(Err(broken))) => Poll::Ready(broken),
                (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => {
                    let ended = if self.going { Outcome::Shutdown } else { Outcome::Ok };
                    Poll::Ready(ended.into())
                }
                _ => self.poll_idle(cx, idle.as_mut(), idle_timeout),
            }
        })
        .await
    }

    fn poll_up(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        let (observer, moved) = (&self.observer, &mut self.moved);
        let polled = self.up.poll(cx, &mut self.client, &mut self.upstream, |bytes| {
            *moved = true;
            observer.on_bytes(true, bytes.len() as u64);
        });
        polled.map_err(|broken| match broken {
            Broken::Reader(error) => Ended::because(Outcome::ClientClosed, error),
            Broken::Writer(error) => Ended::because(Outcome::UpstreamReset, error),
        })
    }

    fn poll_down(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        loop {
            if let (true, Some(frames)) = (self.going, &self.frames) {
                let at_boundary = frames.at_boundary();
                self.down.end_after(|pending| frames.until_boundary(pending), &GOING_AWAY, at_boundary);
            }
            let (observer, moved, frames) = (&self.observer, &mut self.moved, &mut self.frames);
            let polled = self.down.poll(cx, &mut self.upstream, &mut self.client, |bytes| {
                *moved = true;
                observer.on_bytes(false, bytes.len() as u64);
                if let Some(frames) = frames {
                    frames.advance(bytes);
                }
            });
            // The poll may have reached the boundary that the end waits for; nothing else would wake us there.
            let reached = self.going && self.frames.as_ref().is_some_and(Frames::at_boundary);
            if polled.is_ready() || !reached || !self.down.is_copying() {
                return polled.map_err(|broken| match broken {
                    Broken::Reader(error) => Ended::because(Outcome::UpstreamReset, error),
                    Broken::Writer(error) => Ended::because(Outcome::ClientClosed, error),
                });
            }
        }
    }

    fn poll_idle(
        &mut self,
        cx: &mut Context<'_>,
        mut idle: Pin<&mut Sleep>,
        idle_timeout: Duration,
    ) -> Poll<Ended> {
        while idle.as_mut().poll(cx).is_ready() {
            if !std::mem::take(&mut self.moved) {
                return Poll::Ready(Outcome::IdleTimeout.into());
            }
            idle.as_mut().reset(Instant::now() + idle_timeout);
        }
        Poll::Pending
    }
}
