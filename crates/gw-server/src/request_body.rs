//! The body of a request on its way to the handler: counted, timed, and with errors that say whose fault they are.
//!
//! Nothing is buffered. hyper sends `100 Continue` when the first frame is asked for, and not before.

use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use gw_core::{Body, Error, Outcome};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;

use crate::stall::Stall;
use crate::watch::Watch;
use crate::worker::Worker;

/// How the content types of gRPC begin.
const GRPC: &[u8] = b"application/grpc";

/// Wraps what hyper reads; a body of no bytes costs nothing.
///
/// The body of a gRPC call may stand still: it is a stream whose client speaks when it has something to say, and how
/// long that may last is the handler's to know.
pub(crate) fn request_body(
    incoming: Incoming,
    headers: &HeaderMap,
    watch: &Arc<Watch>,
    worker: &Arc<Worker>,
) -> Body {
    if incoming.is_end_stream() {
        return Body::empty();
    }
    watch.begin_body();
    Body::stream(RequestBody {
        incoming: Some(incoming),
        left: watch.limits.body_bytes.unwrap_or(u64::MAX),
        stall: None,
        timed: !is_grpc(headers),
        watch: Arc::clone(watch),
        worker: Arc::clone(worker),
    })
}

struct RequestBody {
    /// None at the end of the body, good or bad.
    incoming: Option<Incoming>,
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

impl RequestBody {
    fn fail(&mut self, error: Error) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.watch.set_unread();
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

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let me = &mut *self;
        let Some(incoming) = &mut me.incoming else { return Poll::Ready(None) };
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
                // hyper tells of trailers only where a trailer section began: with no field in it, its first line was
                // a bare LF, which ends nothing (RFC 9112 erratum 7633).
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
                let blamed = Error::new(blame(&error)).with_source(error);
                me.fail(blamed)
            }
            Poll::Ready(None) => {
                me.end();
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if self.incoming.as_ref().is_some_and(|incoming| !incoming.is_end_stream()) {
            self.watch.set_unread();
        }
        self.end();
    }
}

/// What an error of hyper's body says about the client. The connection going away is the common case, and the one
/// to assume of what cannot be told.
fn blame(error: &hyper::Error) -> Outcome {
    let mut cause: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return match error.kind() {
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => Outcome::ClientMalformed,
                io::ErrorKind::TimedOut => Outcome::ClientTimeout,
                _ => Outcome::ClientClosed,
            };
        }
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            // Ours to the client: a frame or a length that breaks the protocol.
            let malformed = (error.is_reset() || error.is_go_away()) && error.is_library();
            return if malformed { Outcome::ClientMalformed } else { Outcome::ClientClosed };
        }
        cause = error.source();
    }
    if error.is_parse() { Outcome::ClientMalformed } else { Outcome::ClientClosed }
}

#[cfg(test)]
mod tests;
