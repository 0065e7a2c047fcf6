//! The answer of an upstream: its head is checked, and its body carries the node and the connection to their end.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use gw_core::{Body, Clock, Error, Io, OnUpgrade, Outcome, RequestContext, Response, Result};
use gw_h1::Noted;
use gw_selector::Picked;
use http::header::{self, HeaderValue};
use http::{Method, StatusCode, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::pool::Lease;
use crate::transport::{Incoming, TransportError};
use crate::{blame, h1};

/// What an answer holds until its end.
pub(crate) struct Held {
    /// The node's in-flight guard.
    pub(crate) picked: Option<Picked>,
    /// The connection.
    pub(crate) lease: Lease,
}

impl Held {
    /// The answer has ended in order; its connection may serve again, if there is one.
    fn end(self, conn: Option<Box<h1::Conn>>, now: impl FnOnce() -> Instant) {
        if let Some(conn) = conn {
            self.lease.finish(conn, now());
        }
    }
}

/// The head, if it may be passed on.
///
/// # Errors
/// For a 101 that was not asked for, or that names a protocol which was not (RFC 9110 §7.8), and for framing fields
/// that have no one meaning, even where hyper does not look at them since no body follows (RFC 9112 §6).
pub(crate) fn checked(
    mut head: http::Response<Incoming>,
    lease: &Lease,
    upgrade: Option<&HeaderValue>,
) -> Result<http::Response<Incoming>> {
    if head.status() == StatusCode::SWITCHING_PROTOCOLS {
        let agreed = head.headers().get(header::UPGRADE);
        let asked = upgrade.zip(agreed).is_some_and(|(asked, agreed)| names(asked, agreed));
        if lease.is_h2() || !asked {
            return Err(Error::new(Outcome::UpstreamMalformed).with_source("a 101 that was not asked for"));
        }
    }
    // `h1` has done that already.
    if cfg!(feature = "hyper-h1") || lease.is_h2() {
        let noted = Noted::of(head.headers());
        gw_h1::response_framing(&Method::GET, &mut head, noted)
            .map_err(|what| Error::new(Outcome::UpstreamMalformed).with_source(what))?;
    }
    // The version is between us and the upstream (RFC 9110 §2.5).
    *head.version_mut() = Version::HTTP_11;
    Ok(head)
}

/// Whether the list `asked` has the token `agreed`.
fn names(asked: &HeaderValue, agreed: &HeaderValue) -> bool {
    let (Ok(asked), Ok(agreed)) = (asked.to_str(), agreed.to_str()) else {
        return false;
    };
    asked.split(',').any(|token| token.trim().eq_ignore_ascii_case(agreed.trim()))
}

/// The response for the layers above, whose head has come `now`.
pub(crate) fn response(
    head: http::Response<Incoming>,
    held: Held,
    context: &Arc<RequestContext>,
    clock: &Clock,
    now: Instant,
) -> Response {
    if head.status() == StatusCode::SWITCHING_PROTOCOLS {
        let (head, incoming) = head.into_parts();
        let mut response = Response::from_parts(head, Body::empty());
        response.extensions_mut().insert(on_upgrade(incoming, held));
        return response;
    }
    head.map(|mut incoming| {
        if incoming.is_end_stream() {
            held.end(incoming.take_idle(), || now);
            return Body::empty();
        }
        if let Some(whole) = incoming.take_whole() {
            held.end(incoming.take_idle(), || now);
            return Body::from(whole);
        }
        let (context, clock) = (Arc::clone(context), clock.clone());
        Body::stream(UpstreamBody { incoming, held: Some(held), context, clock })
    })
}

fn on_upgrade(incoming: Incoming, held: Held) -> OnUpgrade {
    OnUpgrade::new(Box::pin(async move {
        // HTTP/2 has no upgrades.
        let Incoming::H1(incoming) = incoming else { return Err(Error::new(Outcome::Internal)) };
        let io = incoming.into_io().await?;
        Ok(Box::new(Tunnel { io, _held: held }) as Box<dyn Io>)
    }))
}

/// An upgraded connection. It counts for the node and against the limit until it is dropped.
struct Tunnel {
    io: Box<dyn Io>,
    _held: Held,
}

impl hyper::rt::Read for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl hyper::rt::Write for Tunnel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }
}

/// The body of an answer. At its end the connection goes back to the pool; dropped earlier, it is closed.
struct UpstreamBody {
    incoming: Incoming,
    held: Option<Held>,
    context: Arc<RequestContext>,
    clock: Clock,
}

impl UpstreamBody {
    fn end(&mut self) {
        if let Some(held) = self.held.take() {
            held.end(self.incoming.take_idle(), || self.clock.now());
        }
    }

    fn fail(&mut self, error: TransportError) -> Error {
        let outcome = blame::outcome(&error, &self.context);
        if let Some(Held { picked: Some(mut picked), .. }) = self.held.take() {
            picked.respond(self.clock.now(), outcome);
        }
        Error::new(outcome).with_source(error)
    }
}

impl HttpBody for UpstreamBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(cx));
        Poll::Ready(match frame {
            Some(Ok(frame)) => {
                if frame.is_trailers() || self.incoming.is_end_stream() {
                    self.end();
                }
                Some(Ok(frame))
            }
            Some(Err(error)) => Some(Err(self.fail(error))),
            None => {
                self.end();
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
