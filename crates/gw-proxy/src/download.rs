//! The response body on its way down: counted, watched for a standstill, and the end of its exchange.
//!
//! It holds no route and no table, so that a long answer keeps no old configuration alive.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gw_core::{AnswerForm, Body, Error, Outcome};
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Sleep, sleep_until};

use crate::exchange::Exchange;
use crate::grpc;

/// What bounds a response body in time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyLimits {
    /// How long it may stand still.
    pub(crate) idle: Option<Duration>,
    /// When a gRPC call is over.
    pub(crate) deadline: Option<Instant>,
}

/// Puts the end of `exchange` at the end of `body`.
pub(crate) fn track(body: Body, mut exchange: Box<Exchange>, limits: BodyLimits, no_body: bool) -> Body {
    if no_body || body.is_end_stream() {
        exchange.complete();
        return body;
    }
    Body::stream(Download { body, exchange, limits, timer: None, last_frame: None, done: false })
}

struct Download {
    body: Body,
    exchange: Box<Exchange>,
    limits: BodyLimits,
    /// Armed when the body first stands still, then reused: one timer per body.
    timer: Option<Pin<Box<Sleep>>>,
    /// Set when the body stood still; a frame resets it.
    last_frame: Option<Instant>,
    done: bool,
}

impl Download {
    /// Waits for the nearer of standstill and deadline; `Ready` when one has come.
    fn poll_limits(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = self.exchange.now();
        let still_since = *self.last_frame.get_or_insert(now);
        let idle = self.limits.idle.and_then(|idle| still_since.checked_add(idle));
        let Some(limit) = idle.into_iter().chain(self.limits.deadline).min() else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(limit.into())));
        if timer.deadline() != limit.into() {
            timer.as_mut().reset(limit.into());
        }
        timer.as_mut().poll(cx)
    }

    fn is_overdue(&self) -> bool {
        self.limits.deadline.is_some_and(|deadline| deadline <= self.exchange.now())
    }

    fn on_frame(&mut self, frame: &Frame<Bytes>) {
        self.last_frame = None;
        if let Some(data) = frame.data_ref() {
            self.exchange.add_response_bytes(data.len() as u64);
        }
        if frame.is_trailers() || self.body.is_end_stream() {
            self.exchange.complete();
        }
    }

    /// The end of a body that failed: a gRPC client is told why in trailers, any other sees the stream cut off.
    fn fail(&mut self, error: Error) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.done = true;
        // Now, not when the client has taken the rest: the upstream works for nobody.
        self.body = Body::empty();
        self.exchange.fail(error.outcome());
        if self.exchange.form() != AnswerForm::Grpc {
            return Poll::Ready(Some(Err(error)));
        }
        let facts = error.outcome().facts();
        let mut trailers = HeaderMap::with_capacity(2);
        trailers.insert("grpc-status", HeaderValue::from(u16::from(facts.grpc_status)));
        let message = HeaderValue::try_from(grpc::encode_message(facts.title));
        trailers.extend(message.map(|message| (HeaderName::from_static("grpc-message"), message)));
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }
}

impl HttpBody for Download {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.done {
            return Poll::Ready(None);
        }
        match Pin::new(&mut self.body).poll_frame(cx) {
            // A body that never stands still would never meet the timer.
            Poll::Ready(Some(Ok(frame))) if frame.is_data() && self.is_overdue() => {
                self.fail(Error::new(Outcome::UpstreamTimeout))
            }
            Poll::Ready(Some(Ok(frame))) => {
                self.on_frame(&frame);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => self.fail(error),
            Poll::Ready(None) => {
                self.done = true;
                self.exchange.complete();
                Poll::Ready(None)
            }
            Poll::Pending => match self.poll_limits(cx) {
                Poll::Ready(()) => self.fail(Error::new(Outcome::UpstreamTimeout)),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.done || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
