//! The body of an answer, which reads the connection itself.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use gw_core::{Io, Outcome};
use gw_h1::{BodyDecoder, Decoded, Framing, Underscores};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper_util::rt::TokioIo;

use super::upgraded::Upgraded;
use super::{Conn, Error, Upload};

/// The body of an answer, with its connection and with what is left of the request.
pub(crate) struct Incoming {
    /// None once the connection went back to the pool.
    conn: Option<Box<Conn>>,
    upload: Upload,
    decoder: BodyDecoder,
    reusable: bool,
}

impl Incoming {
    pub(super) fn new(conn: Box<Conn>, upload: Upload, framing: Framing, reusable: bool) -> Self {
        let decoder = BodyDecoder::new(framing, Underscores::Keep);
        Self { conn: Some(conn), upload, decoder, reusable }
    }

    /// The connection, if it may serve again: both messages have ended in order, and nothing came after the answer.
    pub(crate) fn take_idle(&mut self) -> Option<Box<Conn>> {
        let mut conn = self.conn.take()?;
        let ended = self.decoder.is_done() && self.upload.is_done();
        if !self.reusable || !ended || !conn.read.is_empty() || !conn.write.is_empty() {
            return None;
        }
        conn.read.release();
        conn.write.release();
        Some(conn)
    }

    /// The connection after a 101, as raw bytes; what came behind the head comes first.
    #[expect(clippy::unused_async, reason = "the other half waits")]
    pub(crate) async fn into_io(mut self) -> Result<Box<dyn Io>, gw_core::Error> {
        let mut conn = self.conn.take().ok_or_else(|| gw_core::Error::new(Outcome::Internal))?;
        let lead = conn.read.bytes().split().freeze();
        let Conn { stream, .. } = *conn;
        Ok(Box::new(Upgraded::new(lead, TokioIo::new(stream))))
    }

    /// Goes on with the request. An upstream that takes no more of it may still end its answer.
    fn send_on(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        let Some(conn) = &mut self.conn else { return Ok(()) };
        if self.upload.is_done() && conn.write.is_empty() {
            return Ok(());
        }
        match self.upload.poll_send(conn, cx) {
            Poll::Ready(Err(Error::Silent(_))) => self.reusable = false,
            Poll::Ready(Err(error)) => return Err(error),
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        Ok(())
    }
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let me = &mut *self;
        me.send_on(cx)?;
        let Some(conn) = &mut me.conn else { return Poll::Ready(None) };
        loop {
            match me.decoder.decode(conn.read.bytes())? {
                Decoded::Data(data) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Decoded::Trailers(trailers) => return Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
                Decoded::End => return Poll::Ready(None),
                Decoded::More => {}
            }
            match ready!(conn.read.poll_fill(Pin::new(&mut conn.stream), cx)) {
                Ok(0) if me.decoder.close() => return Poll::Ready(None),
                Ok(0) => return Poll::Ready(Some(Err(Error::Cut(None)))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(Error::Cut(Some(error))))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.decoder.is_done()
    }

    fn size_hint(&self) -> SizeHint {
        self.decoder.left().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
