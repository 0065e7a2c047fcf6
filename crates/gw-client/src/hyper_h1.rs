//! HTTP/1.1 towards an upstream by hyper: the alternative to `h1`, with the same names, behind the feature `hyper-h1`.
//!
//! hyper drives a connection in a task of its own, which tells the pool when the connection has ended.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gw_core::{Body, Io, Outcome, Request};
use gw_h1::Noted;
use http::{Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::client::conn::http1;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::task::AbortHandle;

use crate::blame;
use crate::connect::End;
use crate::pool::{H1Lease, Opening};
use crate::stream::Stream;

pub(crate) use hyper::Error;

/// The longest answer head, and how far hyper's read buffer grows: what a slow client can make us hold.
const BUFFER: usize = 64 * 1024;
/// How long a connection may take to become ready after its answer has ended, the request body still being sent.
const SETTLE: Duration = Duration::from_secs(1);

/// What the error says of the upstream.
pub(crate) fn outcome(error: &Error) -> Outcome {
    blame::upstream(error)
}

/// Whether the connection just ended, without a word of an answer.
pub(crate) fn is_silent(error: &Error) -> bool {
    blame::is_silent(error)
}

/// A connection.
pub(crate) struct Conn {
    sender: http1::SendRequest<Body>,
    driver: AbortHandle,
}

impl Drop for Conn {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A request that was not answered.
pub(crate) struct Failed {
    pub(crate) error: Error,
    /// No byte of the request left, and it is as it was.
    pub(crate) unsent: bool,
}

impl Conn {
    /// Whether a request that failed still has its head: hyper takes that.
    pub(crate) const KEEPS_HEAD: bool = false;

    pub(crate) async fn open(stream: Stream, opening: &Opening) -> Result<Box<Self>, gw_core::Error> {
        let pool = opening.pool();
        let end = End { pool: Arc::downgrade(pool), worker: opening.worker(), id: opening.id() };
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(BUFFER)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| gw_core::Error::unsent(Outcome::UpstreamReset).with_source(error))?;
        let driver = pool.tasks().spawn(async move {
            end.note(connection.with_upgrades().await);
        });
        Ok(Box::new(Self { sender, driver }))
    }

    pub(crate) fn is_ready(&mut self) -> bool {
        self.sender.is_ready()
    }

    /// Closes an idle connection.
    pub(crate) fn close(self) {
        drop(self);
    }

    /// Goes back to the pool: its answer has ended `now`, and its request will have soon.
    pub(crate) fn settle(mut self: Box<Self>, lease: H1Lease, now: Instant) {
        if self.sender.is_ready() {
            return lease.give_back(self, now);
        }
        lease.pool().tasks().clone().spawn(async move {
            let ready = tokio::time::timeout(SETTLE, self.sender.ready()).await;
            if matches!(ready, Ok(Ok(()))) {
                let now = lease.pool().now();
                lease.give_back(self, now);
            }
        });
    }

    pub(crate) async fn send(
        mut self: Box<Self>,
        request: &mut Request,
        _: Noted,
    ) -> Result<Response<Incoming>, Failed> {
        let mut answer = match self.sender.try_send_request(std::mem::take(request)).await {
            Ok(answer) => answer,
            Err(mut failed) => {
                let message = failed.take_message();
                let unsent = message.is_some();
                *request = message.unwrap_or_default();
                return Err(Failed { error: failed.into_error(), unsent });
            }
        };
        let switched = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
        let upgrade = switched.then(|| hyper::upgrade::on(&mut answer));
        Ok(answer.map(|body| Incoming { body, upgrade, conn: Some(self) }))
    }
}

/// The body of an answer, with its connection.
pub(crate) struct Incoming {
    body: hyper::body::Incoming,
    upgrade: Option<OnUpgrade>,
    conn: Option<Box<Conn>>,
}

impl Incoming {
    /// hyper does not say what it has read.
    #[expect(clippy::unused_self, reason = "the other half has it")]
    pub(crate) fn take_whole(&mut self) -> Option<Bytes> {
        None
    }

    pub(crate) fn take_idle(&mut self) -> Option<Box<Conn>> {
        self.conn.take().filter(|conn| !conn.sender.is_closed())
    }

    /// The connection after a 101, as raw bytes.
    pub(crate) async fn into_io(self) -> Result<Box<dyn Io>, gw_core::Error> {
        let upgrade = self.upgrade.ok_or_else(|| gw_core::Error::new(Outcome::Internal))?;
        match upgrade.await {
            Ok(io) => Ok(Box::new(io)),
            Err(error) => Err(gw_core::Error::new(Outcome::UpstreamReset).with_source(error)),
        }
    }
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
