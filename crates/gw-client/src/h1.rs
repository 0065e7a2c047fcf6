//! HTTP/1.1 towards an upstream: a connection that whoever uses it drives.
//!
//! No task and no channel stands between a request and its socket: the future of [`Conn::send`] writes the request and
//! reads the head of the answer; the answer's body, [`Incoming`], reads the rest. Only a request that has not ended when
//! its answer begins goes on in a task. Dropping either closes the connection, which is how an upstream sees that a request
//! was cancelled. Between two requests nobody looks at a connection but the pool, at checkout and now and then.

mod duplex;
mod error;
mod idle;
mod incoming;
mod upgraded;
mod upload;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use gw_core::{Outcome, Request};
use gw_h1::{
    BufferPool, Framing, HeadLimits, Noted, ProtocolError, ReadBuffer, ResponseParser, WriteQueue,
    encode_request, is_persistent, request_framing, response_framing,
};
use http::{Method, Response, StatusCode};
use http_body::Body as HttpBody;

pub(crate) use error::{Error, is_silent, outcome};
pub(crate) use incoming::Incoming;
use upload::Upload;

use crate::pool::{H1Lease, Opening};
use crate::stream::Stream;
use crate::tasks::Tasks;

/// The head of an answer: 64 KiB. hyper's half refused more than 100 fields; so does this one.
const LIMITS: HeadLimits = HeadLimits { bytes: 64 * 1024, target_bytes: 0, fields: 100 };

/// A connection.
pub(crate) struct Conn {
    stream: Stream,
    read: ReadBuffer,
    write: WriteQueue,
    parser: ResponseParser,
    tasks: Tasks,
    /// Its last answer had no body by the rules, whatever its head said (RFC 9112 §6.3).
    bodiless: bool,
}

/// A request that was not answered.
pub(crate) struct Failed {
    pub(crate) error: Error,
    /// No byte of the request left, and it is as it was.
    pub(crate) unsent: bool,
}

impl Conn {
    /// Whether a request that failed still has its head.
    pub(crate) const KEEPS_HEAD: bool = true;

    #[expect(clippy::unused_async, reason = "the other half shakes hands")]
    pub(crate) async fn open(stream: Stream, opening: &Opening) -> Result<Box<Self>, gw_core::Error> {
        Ok(Self::on(stream, opening.buffers(), opening.pool().tasks().clone()))
    }

    /// One allocation per connection: it moves from guard to guard with every request.
    fn on(stream: Stream, buffers: &Arc<BufferPool>, tasks: Tasks) -> Box<Self> {
        let (read, write) = (ReadBuffer::new(Arc::clone(buffers)), WriteQueue::new(Arc::clone(buffers)));
        let parser = ResponseParser::new(LIMITS).keeping(Arc::clone(buffers));
        Box::new(Self { stream, read, write, parser, tasks, bodiless: false })
    }

    /// Whether an idle connection may be used: the upstream has neither closed it nor sent anything unasked. A broken one
    /// sends a body where there is none: after such an answer, the system call is worth its price.
    pub(crate) fn is_ready(&mut self) -> bool {
        idle::is_quiet(&mut self.stream) && !(self.bodiless && idle::has_bytes(&self.stream))
    }

    /// Closes an idle connection.
    pub(crate) fn close(self) {
        idle::close(self.stream);
    }

    /// Goes back to the pool: its answer has ended `now`.
    pub(crate) fn settle(self: Box<Self>, lease: H1Lease, now: Instant) {
        lease.give_back(self, now);
    }

    /// Sends a request in origin form, whose fields are `noted`, and reads the head of its answer, which may come before
    /// the request's end. The request keeps its head, but that equal lengths become one; its body is taken.
    ///
    /// # Errors
    /// With the body put back, if no byte of the request left and another connection may take it.
    pub(crate) async fn send(
        self: Box<Self>,
        request: &mut Request,
        noted: Noted,
    ) -> Result<Response<Incoming>, Failed> {
        let framing = match upload_framing(request, noted) {
            Ok(framing) => framing,
            // Nor would it leave over another connection.
            Err(error) => return Err(Failed { error, unsent: false }),
        };
        let upload = Upload::new(std::mem::take(request.body_mut()), framing);
        let mut sending = Sending::new(self, upload, request, framing);
        // The request itself must not be in there: its body is not `Sync`.
        let method = request.method();
        match std::future::poll_fn(|cx| sending.poll(method, cx)).await {
            Ok((answer, reusable)) => {
                let persistent = reusable && is_persistent(request.version(), request.headers(), noted);
                Ok(sending.into_response(answer, persistent))
            }
            Err(error) => {
                let body = sending.take_back();
                let unsent = body.is_some();
                *request.body_mut() = body.unwrap_or_default();
                Err(Failed { error, unsent })
            }
        }
    }
}

/// What the fields say of the request's body, else what the body says of itself.
fn upload_framing(request: &mut Request, noted: Noted) -> Result<Framing, Error> {
    let said = request_framing(request, noted).map_err(|error| {
        Error::Upload(gw_core::Error::unsent(Outcome::ClientMalformed).with_source(error))
    })?;
    let body = request.body();
    Ok(match said {
        // RFC 9110 §8.6: a method that expects a body says when there is none.
        Framing::Empty if body.is_end_stream() => match *request.method() {
            Method::POST | Method::PUT | Method::PATCH => Framing::Length(0),
            _ => Framing::Empty,
        },
        Framing::Empty => body.size_hint().exact().map_or(Framing::Chunked, Framing::Length),
        said => said,
    })
}

/// A request on its way, until the head of its answer has come.
struct Sending {
    conn: Box<Conn>,
    upload: Upload,
    /// What had been written before this request.
    before: u64,
    /// A byte of an answer has come.
    answered: bool,
}

impl Sending {
    fn new(mut conn: Box<Conn>, upload: Upload, request: &Request, framing: Framing) -> Self {
        conn.write.encode(|out| encode_request(request, framing, out));
        let before = conn.write.written();
        Self { conn, upload, before, answered: false }
    }

    fn poll(&mut self, method: &Method, cx: &mut Context<'_>) -> Poll<Result<Answer, Error>> {
        let sent = self.upload.poll_send(&mut self.conn, cx);
        let broken = match sent {
            Poll::Ready(Err(Error::Silent(broken))) => Some(broken),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            _ => None,
        };
        if broken.is_some() && self.conn.write.written() == self.before {
            return Poll::Ready(Err(Error::Silent(broken.flatten())));
        }
        if self.upload.is_done() {
            self.conn.read.adopt(&mut self.conn.write);
        }
        // An upstream that has closed its reading half may have answered before.
        match self.poll_head(method, cx) {
            Poll::Ready(Err(Error::Silent(None))) => Poll::Ready(Err(Error::Silent(broken.flatten()))),
            polled => polled,
        }
    }

    /// Reads until the head of the answer has come. Interim answers are skipped (RFC 9110 §15.2).
    fn poll_head(&mut self, method: &Method, cx: &mut Context<'_>) -> Poll<Result<Answer, Error>> {
        let Conn { stream, read, parser, .. } = &mut *self.conn;
        loop {
            while let Some(mut head) = parser.parse(read.bytes())? {
                self.answered = true;
                let (framing, reusable) = response_framing(method, &mut head, parser.noted())?;
                let status = head.status();
                if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
                    if !reusable {
                        // RFC 9110 §8.6, RFC 9112 §6.1: what follows would be anybody's guess.
                        return Poll::Ready(Err(
                            ProtocolError::Malformed("an interim answer with a body").into()
                        ));
                    }
                    continue;
                }
                let reusable = reusable && is_persistent(head.version(), head.headers(), parser.noted());
                return Poll::Ready(Ok((head.map(|()| framing), reusable)));
            }
            match ready!(read.poll_fill(Pin::new(stream), cx)) {
                Ok(0) => return Poll::Ready(Err(self.lost(None))),
                Ok(_) => self.answered = true,
                Err(error) => return Poll::Ready(Err(self.lost(Some(error)))),
            }
        }
    }

    fn lost(&self, error: Option<std::io::Error>) -> Error {
        if self.answered { Error::Cut(error) } else { Error::Silent(error) }
    }

    /// The request's body as it was, if no byte of the request left. What TLS took may have left in part.
    fn take_back(self) -> Option<gw_core::Body> {
        let unsent = self.conn.write.written() == self.before && matches!(self.conn.stream, Stream::Plain(_));
        if unsent { self.upload.into_body() } else { None }
    }

    fn into_response(self, answer: Response<Framing>, reusable: bool) -> Response<Incoming> {
        let (head, framing) = answer.into_parts();
        Response::from_parts(head, Incoming::new(self.conn, self.upload, framing, reusable))
    }
}

/// The head of an answer, what follows it, and whether the connection may serve again after that.
type Answer = (Response<Framing>, bool);

#[cfg(test)]
mod tests;
