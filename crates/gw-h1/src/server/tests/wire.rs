//! A socket in memory that tells what was written to it at a time, and a connection on it that is polled by hand.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::stream::poll_fn;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::server::{BadRequest, Connection, Date, Error, Fault, RequestBody, Setup, Upgraded};
use crate::{BufferPool, HeadLimits, Underscores};

pub(super) type AnyBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;
pub(super) type Asked = Result<Request<RequestBody<Wire>>, BadRequest>;
type Served = Pin<Box<dyn Future<Output = Response<AnyBody>>>>;
type Server = Connection<Wire, Box<dyn FnMut(Asked) -> Served>, Served, AnyBody>;

#[derive(Debug, Default)]
pub(super) struct Ends {
    input: Vec<u8>,
    /// The client has closed its half.
    closed: bool,
    /// The socket takes nothing.
    full: bool,
    writes: Vec<Vec<u8>>,
    shut: bool,
    waker: Option<Waker>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Wire(Arc<Mutex<Ends>>);

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut ends = self.0.lock();
        if ends.input.is_empty() && !ends.closed {
            ends.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let taken = ends.input.len().min(buf.remaining());
        buf.put_slice(&ends.input[..taken]);
        ends.input.drain(..taken);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut ends = self.0.lock();
        if ends.full {
            return Poll::Pending;
        }
        let write: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        let written = write.len();
        ends.writes.push(write);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.lock().shut = true;
        Poll::Ready(Ok(()))
    }
}

/// A connection and its client.
pub(super) struct Bench {
    pub(super) wire: Wire,
    pub(super) pool: Arc<BufferPool>,
    pub(super) server: Option<Server>,
    pub(super) ended: Option<Result<Option<Upgraded<Wire>>, Error>>,
}

impl Bench {
    /// Serves with `service`; bad requests are answered by their status and what is wrong.
    pub(super) fn new<F>(mut service: impl FnMut(Request<RequestBody<Wire>>) -> F + 'static) -> Self
    where
        F: Future<Output = Response<AnyBody>> + 'static,
    {
        let (wire, pool) = (Wire::default(), BufferPool::new(8));
        let setup = Setup {
            limits: HeadLimits { bytes: 8192, target_bytes: 1000, fields: 20 },
            underscores: Underscores::Drop,
            pool: Arc::clone(&pool),
            date: Arc::new(Date::new(SystemTime::UNIX_EPOCH)),
        };
        let service = move |asked: Asked| -> Served {
            match asked {
                Ok(request) => Box::pin(service(request)),
                Err(bad) => Box::pin(std::future::ready(refused(&bad))),
            }
        };
        let server = Connection::new(wire.clone(), &setup, Box::new(service) as Box<_>);
        Self { wire, pool, server: Some(server), ended: None }
    }

    pub(super) fn poll(&mut self) -> &mut Self {
        let mut cx = Context::from_waker(Waker::noop());
        if let Some(server) = &mut self.server
            && let Poll::Ready(ended) = Pin::new(server).poll(&mut cx)
        {
            self.server = None;
            self.ended = Some(ended);
        }
        self
    }

    pub(super) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let waker = {
            let mut ends = self.wire.0.lock();
            ends.input.extend(bytes.as_ref());
            ends.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
        self.poll()
    }

    pub(super) fn close(&mut self) -> &mut Self {
        self.wire.0.lock().closed = true;
        self.poll()
    }

    pub(super) fn set_full(&mut self, full: bool) -> &mut Self {
        self.wire.0.lock().full = full;
        self.poll()
    }

    /// What was written since the last time, one text for each write; without the date.
    pub(super) fn writes(&mut self) -> Vec<String> {
        let writes = std::mem::take(&mut self.wire.0.lock().writes);
        let text = |write| String::from_utf8(write).unwrap();
        writes.into_iter().map(|write| text(write).replace(DATE, "")).collect()
    }

    pub(super) fn text(&mut self) -> String {
        self.writes().concat()
    }

    /// Whether it has ended in order.
    pub(super) fn is_shut(&self) -> bool {
        self.wire.0.lock().shut && matches!(self.ended, Some(Ok(None)))
    }

    #[track_caller]
    pub(super) fn expect(&mut self, text: &str) -> &mut Self {
        assert_eq!(self.text(), text);
        self
    }
}

pub(super) const DATE: &str = "date: Thu, 01 Jan 1970 00:00:00 GMT\r\n";

fn refused(bad: &BadRequest) -> Response<AnyBody> {
    let (status, text) = match bad.fault {
        Fault::Protocol(error) => (error.status(), error.to_string()),
        Fault::Late => (http::StatusCode::REQUEST_TIMEOUT, "late".to_owned()),
    };
    let head = bad.head.as_ref().map(|head| format!("{} {}: ", head.method(), head.uri()));
    let mut response = full(head.unwrap_or_default() + &text);
    *response.status_mut() = status;
    response
}

pub(super) fn full(text: impl Into<String>) -> Response<AnyBody> {
    Response::new(Full::new(Bytes::from(text.into())).map_err(Into::into).boxed_unsync())
}

/// An answer whose body is what comes by the channel; the drop of its sender is the end.
pub(super) fn fed() -> (Feed, Response<AnyBody>) {
    let (feed, mut frames) = tokio::sync::mpsc::unbounded_channel();
    let stream = poll_fn(move |cx| frames.poll_recv(cx));
    (feed, Response::new(BodyExt::boxed_unsync(StreamBody::new(stream))))
}

pub(super) type Feed =
    tokio::sync::mpsc::UnboundedSender<Result<Frame<Bytes>, Box<dyn std::error::Error + Send + Sync>>>;

pub(super) fn data(text: &'static str) -> Result<Frame<Bytes>, Box<dyn std::error::Error + Send + Sync>> {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

/// Reads a body to its end: its text and trailers, or what is wrong.
pub(super) async fn read(body: RequestBody<Wire>) -> String {
    match body.collect().await {
        Ok(collected) => {
            let trailers = collected.trailers().map(|fields| format!(" {fields:?}")).unwrap_or_default();
            String::from_utf8(collected.to_bytes().to_vec()).unwrap() + &trailers
        }
        Err(error) => error.to_string(),
    }
}
