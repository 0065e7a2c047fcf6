//! A request's body on its way out.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use gw_core::{Body, Outcome};
use gw_h1::{Framing, WriteQueue};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::{Conn, Error};

/// The bytes that wait for the socket before more is asked of the body.
const QUEUED: usize = 64 * 1024;

/// A request's body on its way out.
pub(super) struct Upload {
    /// None at its end.
    body: Option<Body>,
    /// The bytes left, if the request says how many there are; else they leave in chunks.
    left: Option<u64>,
    first: First,
}

/// The first data of a body, which leaves with the head. It is kept until something was written, so that the request
/// can be handed back.
enum First {
    Unread,
    Kept(Bytes),
    /// Something was written, or cannot be put back.
    Gone,
}

impl Upload {
    pub(super) fn new(body: Body, framing: Framing) -> Self {
        let left = match framing {
            Framing::Empty => Some(0),
            Framing::Length(length) => Some(length),
            Framing::Chunked | Framing::UntilClose => None,
        };
        // A body is asked even if it is to have no bytes, unless it says itself that it has none.
        let body = Some(body).filter(|body| left != Some(0) || !body.is_end_stream());
        Self { body, left, first: First::Unread }
    }

    pub(super) fn is_done(&self) -> bool {
        self.body.is_none()
    }

    /// Writes what is at hand of head and body; ready when all of the request has left.
    pub(super) fn poll_send(&mut self, conn: &mut Conn, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            let pulled = self.poll_pull(&mut conn.write, cx)?;
            let before = conn.write.written();
            let flushed = conn.write.poll_flush(Pin::new(&mut conn.stream), cx);
            if conn.write.written() > before {
                self.first = First::Gone;
            }
            ready!(flushed).map_err(|error| Error::Silent(Some(error)))?;
            if self.is_done() {
                return Poll::Ready(Ok(()));
            }
            ready!(pulled);
        }
    }

    /// Pulls; a body that fails is spent, so that the request is not handed back as if it were whole.
    fn poll_pull(&mut self, queue: &mut WriteQueue, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let pulled = self.poll_body(queue, cx);
        if matches!(pulled, Poll::Ready(Err(_))) {
            self.first = First::Gone;
        }
        pulled
    }

    /// Moves what is at hand into the queue, as much as it should hold; pending if the body has no more.
    fn poll_body(&mut self, queue: &mut WriteQueue, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while let Some(body) = &mut self.body {
            if queue.len() >= QUEUED || matches!(self.first, First::Kept(_)) {
                break;
            }
            match ready!(Pin::new(body).poll_frame(cx)) {
                Some(Ok(frame)) => self.push(frame, queue)?,
                Some(Err(error)) => return Poll::Ready(Err(Error::Upload(error))),
                None => self.end(None, queue)?,
            }
        }
        Poll::Ready(Ok(()))
    }

    fn push(&mut self, frame: Frame<Bytes>, queue: &mut WriteQueue) -> Result<(), Error> {
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => {
                self.first = First::Gone;
                return self.end(frame.into_trailers().ok().as_ref(), queue);
            }
        };
        if matches!(self.first, First::Unread) {
            self.first = First::Kept(data.clone());
        }
        match &mut self.left {
            Some(left) => {
                *left = left.checked_sub(data.len() as u64).ok_or_else(|| wrong_length("longer"))?;
                queue.push(data);
            }
            None => queue.push_chunk(data),
        }
        let ended = self.left == Some(0) || self.body.as_ref().is_some_and(HttpBody::is_end_stream);
        if ended { self.end(None, queue) } else { Ok(()) }
    }

    fn end(&mut self, trailers: Option<&http::HeaderMap>, queue: &mut WriteQueue) -> Result<(), Error> {
        self.body = None;
        match self.left {
            None => queue.push_last_chunk(trailers),
            Some(0) => {}
            Some(_) => return Err(wrong_length("shorter")),
        }
        Ok(())
    }

    /// The body as it was, if nothing of it was written.
    pub(super) fn into_body(self) -> Option<Body> {
        match (self.first, self.body) {
            (First::Unread, body) => Some(body.unwrap_or_default()),
            (First::Kept(first), None) => Some(Body::from(first)),
            (First::Kept(first), Some(rest)) => Some(Body::stream(PutBack { first: Some(first), rest })),
            (First::Gone, _) => None,
        }
    }
}

/// Some middleware changed the body and not the length, or the length and not the body.
fn wrong_length(than: &'static str) -> Error {
    let source = format!("the request's body is {than} than its Content-Length");
    Error::Upload(gw_core::Error::new(Outcome::Internal).with_source(source))
}

/// A body whose first data was taken out and put back.
struct PutBack {
    first: Option<Bytes>,
    rest: Body,
}

impl HttpBody for PutBack {
    type Data = Bytes;
    type Error = gw_core::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, gw_core::Error>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(Frame::data(first)))),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let first = self.first.as_ref().map_or(0, Bytes::len) as u64;
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + first);
        }
        hint.set_lower(rest.lower() + first);
        hint
    }
}
