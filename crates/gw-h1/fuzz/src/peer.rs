//! hyper's halves, in memory: what they make of the same bytes.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::service::service_fn;
use hyper::{client, server};

use super::message::{Message, text};

/// A socket from which `input` comes, and then the end; what is written to it is gone.
struct Socket<'a> {
    input: &'a [u8],
    /// Nothing comes before something was written.
    silent: bool,
}

impl Read for Socket<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.silent {
            return Poll::Pending;
        }
        let (now, later) = self.input.split_at(self.input.len().min(buffer.remaining()));
        buffer.put_slice(now);
        self.input = later;
        Poll::Ready(Ok(()))
    }
}

impl Write for Socket<'_> {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.silent = false;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Polls until it is ready: all of its input is there, so that nothing would wake it.
fn run<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    (0..100_000).find_map(|_| match future.as_mut().poll(&mut cx) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    })
}

async fn read(line: String, fields: &HeaderMap, body: Incoming) -> Option<Message> {
    let body = body.collect().await.ok()?;
    let trailers = body.trailers().map(kept).unwrap_or_default();
    let body = body.to_bytes().to_vec();
    Some(Message { line, fields: text(fields), body, trailers, ..Message::default() })
}

/// Of these trailers, those that we would send on; we drop the others when they come.
fn kept(trailers: &HeaderMap) -> String {
    let mut written = super::written::Written::default();
    written.queue.push_last_chunk(Some(trailers));
    let mut decoder = gw_h1::BodyDecoder::new(gw_h1::Framing::Chunked, gw_h1::Underscores::Keep);
    match decoder.decode(&mut written.flush(usize::MAX)) {
        Ok(gw_h1::Decoded::Trailers(kept)) => text(&kept),
        _ => String::new(),
    }
}

/// The first request that hyper's server takes, with its whole body.
pub(crate) fn request(input: &[u8]) -> Option<Message> {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let kept = Rc::clone(&seen);
    let service = service_fn(move |request: Request<Incoming>| {
        let seen = Rc::clone(&kept);
        async move {
            let (head, body) = request.into_parts();
            let line = format!("{} {} {:?}", head.method, head.uri, head.version);
            let message = read(line, &head.headers, body).await;
            seen.borrow_mut().push(message);
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let socket = Socket { input, silent: false };
    let served = server::conn::http1::Builder::new().half_close(true).serve_connection(socket, service);
    let _ = run(served);
    seen.take().into_iter().next().flatten()
}

/// The answer that hyper's client takes, with its whole body.
pub(crate) fn response(input: &[u8], method: &Method) -> Option<Message> {
    let socket = Socket { input, silent: true };
    let (mut sender, connection) = run(client::conn::http1::handshake(socket))?.ok()?;
    let request = Request::builder().method(method).uri("/").header("host", "a").body(Empty::<Bytes>::new());
    let exchange = async {
        let (head, body) = sender.send_request(request.ok()?).await.ok()?.into_parts();
        let line = format!("{} {:?}", head.status.as_str(), head.version);
        read(line, &head.headers, body).await
    };
    let (mut exchange, mut connection) = (pin!(exchange), pin!(connection));
    let mut ended = false;
    run(std::future::poll_fn(|cx| {
        ended = ended || connection.as_mut().poll(cx).is_ready();
        exchange.as_mut().poll(cx)
    }))?
}
