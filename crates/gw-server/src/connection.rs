//! A connection from accept to close: TLS, which protocol, then that under the watch of the sweeper.
//!
//! The task ends with the connection or, after an upgrade, hands the socket to the tunnel's task.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use gw_core::{ConnContext, TlsInfo};
use hyper::server::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tracing::Instrument;

use crate::Limits;
use crate::h1;
use crate::io::{Stream, Watched};
use crate::listener::{Settings, tls_info};
use crate::service::{Connection, Service};
use crate::spans;
use crate::stats::ListenerStats;
use crate::tasks::{Kind, Tasks};
use crate::watch::{Phase, Verdict, Watch};
use crate::worker::{Registration, Shared, Socket, Worker};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What an HTTP/2 client may send before we take it: per stream, and over the connection.
const WINDOW: u32 = 1 << 20;
/// What is buffered per HTTP/2 stream for a slow client.
const SEND_BUFFER: usize = 64 << 10;
/// How often an HTTP/2 client must show that it is alive, and how long it may take.
const PING: Duration = Duration::from_secs(20);

/// Serves `socket` on this worker, which counts it already.
pub(crate) fn spawn(shared: &Arc<Shared>, worker: &Arc<Worker>, socket: Socket<TcpStream>) {
    let settings = socket.listener.settings();
    let watch = Arc::new(Watch::new(
        Arc::clone(&socket.listener),
        Arc::clone(&settings.limits),
        Arc::clone(&worker.ticks),
        socket.peer,
    ));
    let registration = Registration::new(shared, worker, &watch, socket.slot);
    let (shared, on) = (Arc::clone(shared), Arc::clone(worker));
    let (tcp, bound) = (socket.stream, socket.listener.local);
    // Boxed, since a runtime moves what it is given eight times before it is a task.
    worker.tasks.spawn(
        Kind::Connection,
        Box::pin(async move {
            // A failure means that the client is gone already.
            let Ok(local) = local_address(&tcp, bound) else { return };
            let span = spans::connection(watch.peer, local);
            let inside = span.clone();
            // In one expression: what has a name besides is stored twice.
            async {
                let Some((stream, tls)) = secure(tcp, &settings, &watch).await else { return };
                let h2_agreed = tls.as_ref().map(|tls| tls.h2);
                let context = ConnContext::new(on.index, Arc::clone(&settings.name), watch.peer, local);
                let context = context.with_tls(tls).trusting(Arc::clone(&settings.trusted_proxies));
                let context = Arc::new(context);
                let io = Watched::new(stream, Arc::clone(&watch), registration);
                let agreed = Mutex::default();
                let connection = Arc::new(Connection { shared, worker: on, watch, context, span, agreed });
                serve(io, &connection, settings.http2, h2_agreed).await;
            }
            .instrument(inside)
            .await;
        }),
    );
}

/// The connection's own address. That of the listener, unless it listens on all: then the system has to be asked.
fn local_address(tcp: &TcpStream, bound: SocketAddr) -> io::Result<SocketAddr> {
    if bound.ip().is_unspecified() { tcp.local_addr() } else { Ok(bound) }
}

/// The TLS handshake, if the listener has one; none if it failed.
async fn secure(tcp: TcpStream, settings: &Settings, watch: &Watch) -> Option<(Stream, Option<TlsInfo>)> {
    let Some(tls) = &settings.tls else { return Some((Stream::Plain(tcp), None)) };
    watch.enter(Phase::Handshake);
    let shaken = tokio::select! {
        // Boxed, like HTTP/2: an idle connection would hold the room for it.
        shaken = Box::pin(tls.accept(tcp)) => shaken,
        _ = watch.sentenced(Verdict::Abort) => return None,
    };
    match shaken {
        Ok(stream) => {
            watch.enter(Phase::First);
            let info = tls_info(stream.get_ref().1);
            Some((Stream::Tls(Box::new(stream)), Some(info)))
        }
        Err(error) => {
            ListenerStats::add(&watch.listener.stats.handshakes_failed);
            tracing::debug!(client.addr = %watch.peer, %error, "TLS handshake failed");
            None
        }
    }
}

async fn serve(mut io: Watched, connection: &Arc<Connection>, http2: bool, h2_agreed: Option<bool>) {
    let h2 = match h2_agreed {
        Some(agreed) if agreed && !http2 => return,
        Some(agreed) => agreed,
        None => match sniff(&mut io, &connection.watch, http2).await {
            Ok(h2) => h2,
            // The client is gone, or was silent for too long.
            Err(_) => return,
        },
    };
    if !h2 {
        return h1::serve(io, connection).await;
    }
    if let Err(error) = Box::pin(serve_h2(io, connection)).await {
        tracing::debug!(client.addr = %connection.watch.peer, %error, "connection ended with an error");
    }
}

/// Whether the client speaks HTTP/2 by prior knowledge: its first bytes say.
///
/// Fails when the client goes or says nothing for too long; what it began to say is HTTP/1.1 then. Waits even where
/// HTTP/2 is off, so that a silent client costs no buffer.
async fn sniff(io: &mut Watched, watch: &Watch, http2: bool) -> io::Result<bool> {
    std::future::poll_fn(|cx| {
        loop {
            watch.register(cx);
            match watch.verdict() {
                Verdict::None => {}
                Verdict::HeadTimeout if watch.bytes_seen() => return Poll::Ready(Ok(false)),
                Verdict::HeadTimeout => return Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                Verdict::Close | Verdict::GoAway | Verdict::Abort => {
                    return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
                }
            }
            let (lead, closed) = ready!(io.poll_peek(cx))?;
            if http2 && lead.starts_with(PREFACE) {
                return Poll::Ready(Ok(true));
            }
            if !http2 || closed || !PREFACE.starts_with(lead) {
                return Poll::Ready(Ok(false));
            }
        }
    })
    .await
}

/// Where a connection stands with its watch.
pub(crate) enum Step {
    Go,
    /// To be ended where no request is lost.
    End,
    Abort,
}

/// Whether the connection is to end, and can be told so now without losing a request that is on its way.
pub(crate) fn may_end(watch: &Watch) -> bool {
    if !watch.should_end() {
        return false;
    }
    if watch.is_h2() {
        return true;
    }
    match watch.phase() {
        // Until it is sentenced, it may still send a last request.
        Phase::Handshake | Phase::First => watch.verdict() == Verdict::Close,
        Phase::Idle => watch.verdict() == Verdict::Close && watch.is_quiet(),
        // What has come of it would be dropped.
        Phase::Head => false,
        Phase::Busy | Phase::Closing | Phase::Tunnel => true,
    }
}

/// What is to be done next. `ending` is whether it was told to end.
pub(crate) fn step(watch: &Watch, cx: &Context<'_>, ending: &mut bool) -> Step {
    watch.register(cx);
    if watch.verdict() == Verdict::Abort {
        return Step::Abort;
    }
    if *ending || !may_end(watch) {
        return Step::Go;
    }
    *ending = true;
    watch.set_ending();
    Step::End
}

async fn serve_h2(io: Watched, connection: &Arc<Connection>) -> hyper::Result<()> {
    let service = Service::new(Arc::clone(connection));
    let watch = &connection.watch;
    watch.speak_h2();
    let builder = h2_builder(&watch.limits, connection.worker.tasks.clone());
    let mut connection = pin!(builder.serve_connection(TokioIo::new(io), service));
    let mut ending = false;
    std::future::poll_fn(|cx| {
        match step(watch, cx, &mut ending) {
            Step::Abort => return Poll::Ready(Ok(())),
            Step::End => connection.as_mut().graceful_shutdown(),
            Step::Go => {}
        }
        connection.as_mut().poll(cx)
    })
    .await
}

fn h2_builder(limits: &Limits, tasks: Tasks) -> http2::Builder<Streams> {
    let mut builder = http2::Builder::new(Streams(tasks));
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.http2_streams)
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING);
    builder
}

/// Spawns the streams of HTTP/2 connections.
#[derive(Clone)]
struct Streams(Tasks);

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        self.0.spawn(Kind::Stream, stream);
    }
}
