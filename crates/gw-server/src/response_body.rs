//! The body of an answer on its way to the client: it ends the exchange, contains panics, and lets go of the
//! upstream when an HTTP/2 client takes nothing.
//!
//! Frames pass unchanged and unbuffered; the connection flushes whenever the body has none ready.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use gw_core::{Body, Error, Outcome};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tracing::Span;

use crate::stall::Stall;
use crate::watch::Watch;
use crate::worker::Worker;

type Polled = Poll<Option<Result<Frame<Bytes>, Error>>>;

/// An exchange: begun with the head of the request, ended by its drop.
pub(crate) struct Exchange {
    watch: Arc<Watch>,
    /// What is logged of the answer's body stands in there.
    pub(crate) span: Span,
}

impl Exchange {
    pub(crate) fn begin(watch: &Arc<Watch>) -> Self {
        watch.begin_exchange();
        Self { watch: Arc::clone(watch), span: Span::none() }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.watch.end_exchange();
    }
}

/// The body of an answer.
pub(crate) struct ResponseBody {
    source: Source,
    exchange: Exchange,
    /// Whether a cut would look like the end: the answer is delimited by the close of the connection.
    close_delimited: bool,
}

enum Source {
    /// HTTP/1: the socket tells whether the client takes anything.
    Own(Body),
    /// HTTP/2: only the stream's window does, and it shows as nobody asking for the next frame.
    Watched(Arc<Stall>, SizeHint),
    Ended,
}

impl ResponseBody {
    pub(crate) fn http1(body: Body, exchange: Exchange, close_delimited: bool) -> Self {
        Self { source: Source::Own(body), exchange, close_delimited }
    }

    /// `paced` if the client has to take it at the least rate.
    pub(crate) fn http2(body: Body, exchange: Exchange, worker: &Worker, paced: bool) -> Self {
        let source = if body.is_end_stream() || body.size_hint().exact().is_some_and(|size| size <= SMALL) {
            Source::Own(body)
        } else {
            let hint = body.size_hint();
            let stall = Arc::new(Stall::writing(Arc::clone(&exchange.watch), body, paced));
            worker.add_stall(&stall);
            Source::Watched(stall, hint)
        };
        Self { source, exchange, close_delimited: false }
    }

    fn failed(&mut self, error: Error) -> Polled {
        let Exchange { watch, span } = &self.exchange;
        span.in_scope(|| tracing::debug!(client.addr = %watch.peer, %error, "answer cut"));
        if self.close_delimited {
            self.exchange.watch.set_reset();
        }
        self.source = Source::Ended;
        Poll::Ready(Some(Err(error)))
    }
}

/// Not worth watching: it holds no upstream once it is read.
const SMALL: u64 = 4096;

/// A body that panics is a body that fails.
fn poll_contained(body: &mut Body, cx: &mut Context<'_>) -> Polled {
    catch_unwind(AssertUnwindSafe(|| Pin::new(body).poll_frame(cx))).unwrap_or_else(|_| {
        tracing::error!("the body of an answer panicked");
        Poll::Ready(Some(Err(Error::new(Outcome::Internal).with_detail("panic"))))
    })
}

fn poll_watched(stall: &Stall, cx: &mut Context<'_>) -> Polled {
    stall.stop();
    let Some(polled) = stall.with_answer(|body| poll_contained(body, cx)) else {
        return Poll::Ready(Some(Err(Error::new(Outcome::ClientTimeout))));
    };
    if let Poll::Ready(Some(Ok(frame))) = &polled {
        stall.add(frame.data_ref().map_or(0, Bytes::len));
        // Until the next frame is asked for, it is the client that is waited for.
        stall.start();
    }
    polled
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let me = &mut *self;
        let inside = me.exchange.span.enter();
        let polled = match &mut me.source {
            Source::Own(body) => poll_contained(body, cx),
            Source::Watched(stall, _) => poll_watched(stall, cx),
            Source::Ended => Poll::Ready(None),
        };
        drop(inside);
        match polled {
            Poll::Ready(Some(Err(error))) => self.failed(error),
            other => other,
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Own(body) => body.is_end_stream(),
            Source::Watched(stall, _) => stall.with_answer(|body| body.is_end_stream()).unwrap_or(false),
            Source::Ended => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Own(body) => body.size_hint(),
            Source::Watched(_, hint) => *hint,
            Source::Ended => SizeHint::with_exact(0),
        }
    }
}
