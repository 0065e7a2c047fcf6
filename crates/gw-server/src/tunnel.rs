//! An upgraded connection: bytes both ways with back-pressure, until both sides have ended or one has failed.
//!
//! A half-close travels on. When the server goes away, a WebSocket client is told so between two frames
//! (Close 1001, RFC 6455 §7.4.1); whatever else is tunnelled is closed.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use gw_core::{Io, Tunnel, TunnelObserver};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, Sleep};

use crate::frames::Frames;
use crate::pipe::Pipe;
use crate::service::Connection;
use crate::stats::ListenerStats;
use crate::tasks::Kind;
use crate::watch::{Phase, Verdict, Watch};

/// A Close frame with the code 1001, as a server sends it: unmasked.
const GOING_AWAY: [u8; 4] = [0x88, 0x02, 0x03, 0xe9];

/// Takes the connection over once hyper has written the 101.
pub(crate) fn spawn(connection: &Connection, upgrade: OnUpgrade, tunnel: Tunnel, websocket: bool) {
    let watch = Arc::clone(&connection.watch);
    watch.enter(Phase::Tunnel);
    connection.worker.tasks.spawn(Kind::Tunnel, async move {
        let stats = Arc::clone(&watch.listener.stats);
        ListenerStats::add(&stats.tunnels);
        if let Err(error) = open_and_run(upgrade, tunnel, websocket, &watch).await {
            tracing::debug!(client.addr = %watch.peer, %error, "tunnel ended with an error");
        }
        ListenerStats::take(&stats.tunnels);
    });
}

async fn open_and_run(
    upgrade: OnUpgrade,
    tunnel: Tunnel,
    websocket: bool,
    watch: &Watch,
) -> Result<(), gw_core::BoxError> {
    let Tunnel { upstream, observer, idle_timeout } = tunnel;
    let open = async {
        let client = upgrade.await?;
        let upstream = upstream.ready().await?;
        Ok::<_, gw_core::BoxError>((client, upstream))
    };
    let (client, upstream) = tokio::select! {
        opened = tokio::time::timeout(idle_timeout, open) => opened??,
        _ = watch.sentenced(Verdict::Abort) => return Ok(()),
    };
    let mut running = Running::new(client, upstream, observer, websocket);
    running.run(idle_timeout, watch).await.map_err(Into::into)
}

/// A tunnel with both its ends.
struct Running {
    client: TokioIo<Upgraded>,
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
        client: Upgraded,
        upstream: Box<dyn Io>,
        observer: Arc<dyn TunnelObserver>,
        websocket: bool,
    ) -> Self {
        Self {
            client: TokioIo::new(client),
            upstream: TokioIo::new(upstream),
            observer,
            up: Pipe::default(),
            down: Pipe::default(),
            frames: websocket.then(Frames::default),
            going: false,
            moved: false,
        }
    }

    async fn run(&mut self, idle_timeout: Duration, watch: &Watch) -> io::Result<()> {
        // Armed once per idle period, not per byte: what has moved is seen when it fires.
        let mut idle = pin!(tokio::time::sleep(idle_timeout));
        poll_fn(|cx| {
            watch.register(cx);
            match watch.verdict() {
                Verdict::Abort => return Poll::Ready(Ok(())),
                Verdict::GoAway if self.frames.is_none() => return Poll::Ready(Ok(())),
                Verdict::GoAway => self.going = true,
                Verdict::None | Verdict::Close | Verdict::HeadTimeout => {}
            }
            let up = self.poll_up(cx)?;
            let down = self.poll_down(cx)?;
            if up.is_ready() && down.is_ready() {
                return Poll::Ready(Ok(()));
            }
            self.poll_idle(cx, idle.as_mut(), idle_timeout)
        })
        .await
    }

    fn poll_up(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (observer, moved) = (&self.observer, &mut self.moved);
        self.up.poll(cx, &mut self.client, &mut self.upstream, |bytes| {
            *moved = true;
            observer.on_bytes(true, bytes.len() as u64);
        })
    }

    fn poll_down(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
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
                return polled;
            }
        }
    }

    fn poll_idle(
        &mut self,
        cx: &mut Context<'_>,
        mut idle: Pin<&mut Sleep>,
        idle_timeout: Duration,
    ) -> Poll<io::Result<()>> {
        while idle.as_mut().poll(cx).is_ready() {
            if !std::mem::take(&mut self.moved) {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            idle.as_mut().reset(Instant::now() + idle_timeout);
        }
        Poll::Pending
    }
}
