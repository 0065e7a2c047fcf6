//! The body of a request on its way to the handler: counted, timed, and with errors that say whose fault they are; one that
//! came with its head needs none of that.
//!
//! Nothing is buffered. `100 Continue` is sent when the first frame is asked for, and not before.

use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::stall::Stall;
use crate::watch::Watch;
use crate::worker::Worker;
use bytes::Bytes;
use gw_core::{Body, Error, Outcome};
use gw_h1::server::BodyError;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite};

/// How the content types of gRPC begin.
const GRPC: &[u8] = b"application/grpc";

/// What a connection reads of a body.
pub(crate) trait Incoming: HttpBody<Data = Bytes, Error: Blame> + Send + Unpin + 'static {
    /// All of it, if it came with its head.
    fn whole(&mut self) -> Option<Bytes>;
}

impl<I: AsyncRead + AsyncWrite + Send + Unpin + 'static> Incoming for gw_h1::server::RequestBody<I> {
    fn whole(&mut self) -> Option<Bytes> {
        self.take_whole()
    }
}

impl Incoming for hyper::body::Incoming {
    fn whole(&mut self) -> Option<Bytes> {
        None
    }
}

/// Wraps what a connection reads; a body of no bytes costs nothing, nor does one that is there already, since it cannot
/// stand still.
///
/// The body of a gRPC call may stand still: it is a stream whose client speaks when it has something to say, and how
/// long that may last is the handler's to know.
pub(crate) fn request_body(
    mut incoming: impl Incoming,
    headers: &HeaderMap,
    watch: &Arc<Watch>,
    worker: &Arc<Worker>,
) -> Body {
    if incoming.is_end_stream() {
        return Body::empty();
    }
    // It has a length: one above the limit was refused with its head.
    if let Some(whole) = incoming.whole() {
        return Body::from(whole);
    }
    watch.begin_body();
    Body::stream(RequestBody {
        incoming: Some(incoming),
        failed: None,
        left: watch.limits.body_bytes.unwrap_or(u64::MAX),
        stall: None,
        timed: !is_grpc(headers),
        watch: Arc::clone(watch),
        worker: Arc::clone(worker),
    })
}

struct RequestBody<I: Incoming> {
    /// None at the end of the body, good or bad.
    incoming: Option<I>,
    /// How it failed: said to everybody who asks, so that half a body never passes for a whole one.
    failed: Option<Outcome>,
    left: u64,
    stall: Option<Arc<Stall>>,
    /// Whether it may not stand still.
    timed: bool,
    watch: Arc<Watch>,
    worker: Arc<Worker>,
}

/// Whether a message with these fields is one of gRPC, whose streams may stand still.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    content_type
        .and_then(|value| value.get(..GRPC.len()))
        .is_some_and(|value| value.eq_ignore_ascii_case(GRPC))
}

impl<I: Incoming> RequestBody<I> {
    fn fail(&mut self, error: Error) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.watch.set_unread();
        self.failed = Some(error.outcome());
        self.end();
        Poll::Ready(Some(Err(error)))
    }

    fn end(&mut self) {
        if self.incoming.take().is_some() {
            self.watch.end_body();
        }
        self.stall = None;
    }

    fn count(&mut self, frame: &Frame<Bytes>) -> Result<(), Error> {
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        if let Some(stall) = &self.stall {
            stall.stop();
            stall.add(bytes);
        }
        self.left = self.left.checked_sub(bytes as u64).ok_or_else(|| Error::new(Outcome::TooLarge))?;
        Ok(())
    }

    /// Starts the clock of the client; whoever waits is woken when it has run out.
    fn wait(&mut self, cx: &Context<'_>) {
        if !self.timed {
            return;
        }
        let stall = self.stall.get_or_insert_with(|| {
            let stall = Arc::new(Stall::reading(Arc::clone(&self.watch)));
            self.worker.add_stall(&stall);
            stall
        });
        stall.start();
        stall.register(cx.waker());
    }
}

impl<I: Incoming> HttpBody for RequestBody<I> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let me = &mut *self;
        let Some(incoming) = &mut me.incoming else {
            return Poll::Ready(me.failed.map(|outcome| Err(Error::new(outcome))));
        };
        let polled = Pin::new(incoming).poll_frame(cx);
        match polled {
            Poll::Pending if me.stall.as_ref().is_some_and(|stall| stall.is_cut()) => {
                me.fail(Error::new(Outcome::ClientTimeout))
            }
            Poll::Pending => {
                me.wait(cx);
                Poll::Pending
            }
            Poll::Ready(Some(Ok(frame))) => {
                // From hyper: it tells of trailers only where a trailer section began. With no field in it, its first
                // line was a bare LF, which ends nothing (RFC 9112 erratum 7633).
                if !me.watch.is_h2() && frame.trailers_ref().is_some_and(HeaderMap::is_empty) {
                    me.watch.set_broken();
                    return me
                        .fail(Error::new(Outcome::ClientMalformed).with_detail("a bare LF ends the body"));
                }
                match me.count(&frame) {
                    Ok(()) => Poll::Ready(Some(Ok(frame))),
                    Err(error) => me.fail(error),
                }
            }
            Poll::Ready(Some(Err(error))) => {
                let blamed = Error::new(error.blame()).with_source(error);
                me.fail(blamed)
            }
            Poll::Ready(None) => {
                me.end();
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().map_or(self.failed.is_none(), HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl<I: Incoming> Drop for RequestBody<I> {
    fn drop(&mut self) {
        if self.incoming.as_ref().is_some_and(|incoming| !incoming.is_end_stream()) {
            self.watch.set_unread();
        }
        self.end();
    }
}

/// An error of a body that says whose fault it is.
pub(crate) trait Blame: StdError + Send + Sync + 'static {
    /// The client's going away is the common case, and the one to assume of what cannot be told.
    fn blame(&self) -> Outcome;
}

fn blame_io(error: &io::Error) -> Outcome {
    match error.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => Outcome::ClientMalformed,
        io::ErrorKind::TimedOut => Outcome::ClientTimeout,
        _ => Outcome::ClientClosed,
    }
}

impl Blame for BodyError {
    fn blame(&self) -> Outcome {
        match self {
            Self::Protocol(_) => Outcome::ClientMalformed,
            Self::Cut | Self::Gone => Outcome::ClientClosed,
            Self::Io(error) => blame_io(error),
        }
    }
}

impl Blame for hyper::Error {
    fn blame(&self) -> Outcome {
        let mut cause: Option<&(dyn StdError + 'static)> = self.source();
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<io::Error>() {
                return blame_io(error);
            }
            if let Some(error) = error.downcast_ref::<h2::Error>() {
                // Ours to the client: a frame or a length that breaks the protocol.
                let malformed = (error.is_reset() || error.is_go_away()) && error.is_library();
                return if malformed { Outcome::ClientMalformed } else { Outcome::ClientClosed };
            }
            cause = error.source();
        }
        if self.is_parse() { Outcome::ClientMalformed } else { Outcome::ClientClosed }
    }
}

#[cfg(test)]
mod tests;
