//! HTTP/1.1 by hyper: the alternative to `h1`, with the same names, behind the feature `hyper-h1`.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use gw_core::Outcome;
use http::{HeaderMap, StatusCode};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;

use crate::connection::{Step, may_end, step};
use crate::io::Watched;
use crate::service::{Connection, Service};
use crate::tunnel;
use crate::watch::{Phase, Verdict, Watch};
use crate::{Limits, Rejection};

/// Sent when a request head was begun and not finished in time.
const TIMEOUT_ANSWER: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: 43\r\n\r\nThe client did not send the request in time";
/// hyper's least.
const LEAST_BUFFER: usize = 8 << 10;
/// hyper parses so many fields without allocating.
const FREE_FIELDS: usize = 100;

/// hyper shares nothing.
pub(crate) struct Kit;

impl Kit {
    pub(crate) fn new() -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "ours has a clock")]
    pub(crate) fn tick(&self) {}
}

enum Ended {
    Aborted,
    /// A head took too long.
    Late,
    ByItself(hyper::Result<()>),
}

/// Serves a connection to its end.
pub(crate) async fn serve(io: Watched, connection: &Arc<Connection>) {
    let watch = &connection.watch;
    let service = Service::new(Arc::clone(connection));
    let mut h1 = builder(&watch.limits).serve_connection(TokioIo::new(io), service);
    let mut ending = false;
    let ended = poll_fn(|cx| {
        loop {
            match step(watch, cx, &mut ending) {
                Step::Abort => return Poll::Ready(Ended::Aborted),
                Step::End => Pin::new(&mut h1).graceful_shutdown(),
                Step::Go => {}
            }
            if watch.verdict() == Verdict::HeadTimeout && watch.phase() != Phase::Busy {
                return Poll::Ready(Ended::Late);
            }
            let polled = h1.poll_without_shutdown(cx);
            // The poll may have made way for the end, and nothing else would wake us to see it.
            if polled.is_ready() || ending || !may_end(watch) {
                return polled.map(Ended::ByItself);
            }
        }
    })
    .await;
    let parts = h1.into_parts();
    let io = parts.io.into_inner();
    match ended {
        Ended::Aborted => {}
        Ended::Late => give_up(io, connection).await,
        Ended::ByItself(Ok(())) if connection.agreed.lock().is_some() => {
            return tunnel::begin(connection, Some(tunnel::Client { io, unread: parts.read_buf }));
        }
        Ended::ByItself(Ok(())) => close(io, watch, b"").await,
        Ended::ByItself(Err(error)) => {
            tracing::debug!(client.addr = %watch.peer, %error, "connection ended with an error");
            if report(connection, &error) {
                close(io, watch, b"").await;
            }
        }
    }
    tunnel::begin(connection, None);
}

fn builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .keep_alive(true)
        // Timeouts are the sweeper's: a timer here costs 15 % per request.
        .header_read_timeout(None)
        .max_buf_size(limits.header_bytes.max(LEAST_BUFFER))
        .max_header_size(limits.header_bytes);
    if limits.header_count > FREE_FIELDS {
        builder.max_headers(limits.header_count);
    }
    builder
}

/// Closes in order, after some last bytes.
async fn close(mut io: Watched, watch: &Watch, last: &[u8]) {
    let closing = async {
        let _ = io.write_all(last).await;
        let _ = io.flush().await;
        let _ = io.shutdown().await;
    };
    tokio::select! {
        () = closing => {}
        _ = watch.sentenced(Verdict::Abort) => {}
    }
}

/// Answers 408, if a head was begun and the client takes answers.
async fn give_up(io: Watched, connection: &Connection) {
    let watch = &connection.watch;
    if watch.phase() == Phase::Head || watch.bytes_seen() {
        reject(connection, StatusCode::REQUEST_TIMEOUT, Outcome::ClientTimeout, "the head took too long");
        if !watch.write_blocked() {
            close(io, watch, TIMEOUT_ANSWER).await;
        }
    }
}

/// Tells of heads that hyper itself refused.
fn report(connection: &Connection, error: &hyper::Error) -> bool {
    if error.is_parse_too_large() {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        reject(connection, status, Outcome::HeadersTooLarge, "the head has too many bytes or fields");
    } else if error.is_parse() {
        reject(connection, StatusCode::BAD_REQUEST, Outcome::ClientMalformed, "the head is not valid");
    }
    error.is_parse()
}

fn reject(connection: &Connection, status: StatusCode, outcome: Outcome, detail: &'static str) {
    let rejection =
        Rejection { status, outcome, detail, method: None, target: None, version: None, handled: false };
    connection.shared.observer.on_rejected(&rejection, &HeaderMap::new(), &connection.context);
}
