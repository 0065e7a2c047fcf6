//! HTTP/1.1 by gw-h1. Its alternative is `hyper_h1.rs`, which offers the same to the rest of the crate.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::SystemTime;

use gw_core::Outcome;
use gw_h1::server::{self, BadRequest, Date, Error, Fault, Setup, Upgraded};
use gw_h1::{BufferPool, HeadLimits, ProtocolError, Underscores};

use crate::Limits;
use crate::check::Refusal;
use crate::connection::{Step, may_end, step};
use crate::io::Watched;
use crate::response_body::Exchange;
use crate::service::Connection;
use crate::tunnel;
use crate::watch::{Phase, Verdict, Watch};

/// The buffers of 16 KiB that a worker keeps for its connections: 4 MiB.
const BUFFERS: usize = 256;

/// What the connections of a worker share.
pub(crate) struct Kit {
    pool: Arc<BufferPool>,
    date: Arc<Date>,
}

impl Kit {
    pub(crate) fn new() -> Self {
        Self { pool: BufferPool::new(BUFFERS), date: Arc::new(Date::new(SystemTime::now())) }
    }

    /// To be called at least once a second.
    pub(crate) fn tick(&self) {
        self.date.set(SystemTime::now());
    }

    fn setup(&self, limits: &Limits) -> Setup {
        Setup {
            limits: HeadLimits {
                bytes: limits.header_bytes,
                // The rule for it is among those for heads that can be read, so that it is told whose it was.
                target_bytes: usize::MAX,
                fields: limits.header_count,
            },
            underscores: Underscores::Drop,
            pool: Arc::clone(&self.pool),
            date: Arc::clone(&self.date),
        }
    }
}

/// Serves a connection to its end.
pub(crate) async fn serve(io: Watched, connection: &Arc<Connection>) {
    let watch = &connection.watch;
    let serving = Arc::clone(connection);
    let service = move |asked: Result<_, BadRequest>| {
        let connection = Arc::clone(&serving);
        let exchange = Exchange::begin(&connection.watch);
        async move {
            match asked {
                Ok(request) => connection.serve(request, exchange).await,
                Err(BadRequest { fault, head }) => connection.refuse_head(&refusal(fault), head, exchange),
            }
        }
    };
    let mut h1 = server::Connection::new(io, &connection.worker.kit.setup(&watch.limits), service);
    let (mut ending, mut late) = (false, false);
    let ended = poll_fn(|cx| {
        loop {
            match step(watch, cx, &mut ending) {
                Step::Abort => return Poll::Ready(Ok(None)),
                Step::End => h1.end(),
                Step::Go => {}
            }
            if watch.verdict() == Verdict::HeadTimeout && !std::mem::replace(&mut late, true) {
                if !has_begun(watch) {
                    return Poll::Ready(Ok(None));
                }
                if !h1.time_out() {
                    // The head has ended, or waits behind an answer that is still leaving.
                    watch.pardon(Verdict::HeadTimeout);
                    late = false;
                }
            }
            if watch.take_look() && h1.with_io(|io| io.is_gone()) == Some(true) {
                return Poll::Ready(Err(Error::Closed));
            }
            let polled = Pin::new(&mut h1).poll(cx);
            // It came with the request before, so that no read told of it.
            if h1.is_midway() && watch.phase() == Phase::Idle {
                watch.enter(Phase::Head);
            }
            // The poll may have made way for the end, and nothing else would wake us to see it.
            if polled.is_ready() || ending || !may_end(watch) {
                return polled;
            }
        }
    })
    .await;
    let client = ended.unwrap_or_else(|error| {
        tracing::debug!(client.addr = %watch.peer, %error, "connection ended with an error");
        None
    });
    tunnel::begin(connection, client.map(|Upgraded { io, unread }| tunnel::Client { io, unread }));
}

/// Whether a part of a head has come.
fn has_begun(watch: &Watch) -> bool {
    watch.phase() == Phase::Head || watch.bytes_seen()
}

fn refusal(fault: Fault) -> Refusal {
    let error = match fault {
        Fault::Late => return Refusal::new(Outcome::ClientTimeout, "the head took too long"),
        Fault::Protocol(error) => error,
    };
    let (outcome, detail) = match error {
        ProtocolError::Malformed(detail) => (Outcome::ClientMalformed, detail),
        ProtocolError::Version => (Outcome::ClientMalformed, "the version of HTTP is not served"),
        ProtocolError::Coding => (Outcome::ClientMalformed, "Transfer-Encoding other than chunked"),
        ProtocolError::TargetTooLong => (Outcome::TargetTooLong, "the target has too many bytes"),
        ProtocolError::HeadTooLarge => (Outcome::HeadersTooLarge, "the head has too many bytes"),
        ProtocolError::TooManyFields => (Outcome::HeadersTooLarge, "too many fields"),
        ProtocolError::TrailersTooLarge => (Outcome::HeadersTooLarge, "the trailers have too many bytes"),
    };
    Refusal { status: error.status(), ..Refusal::new(outcome, detail) }
}
