//! The body of an answer, which reads the connection itself.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use gw_core::{Io, Outcome};
use gw_h1::{BodyDecoder, Decoded, Framing, Underscores};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper_util::rt::TokioIo;

use super::duplex::Duplex;
use super::upgraded::Upgraded;
use super::{Conn, Error, Upload};

/// The body of an answer, with its connection.
pub(crate) struct Incoming {
    source: Source,
    decoder: BodyDecoder,
    reusable: bool,
}

/// Who has the connection.
enum Source {
    /// The answer alone.
    Own(Box<Conn>),
    /// The rest of the request too.
    Shared(Duplex),
    /// The pool, again.
    Gone,
}

pub(super) type Polled = Poll<Option<Result<Frame<Bytes>, Error>>>;

impl Incoming {
    pub(super) fn new(mut conn: Box<Conn>, upload: Upload, framing: Framing, reusable: bool) -> Self {
        let decoder = BodyDecoder::new(framing, Underscores::Keep);
        conn.bodiless = framing == Framing::Empty;
        let sent = upload.is_done() && conn.write.is_empty();
        if sent || decoder.is_done() {
            conn.write.release();
            return Self { source: Source::Own(conn), decoder, reusable: reusable && sent };
        }
        Self { source: Source::Shared(Duplex::start(conn, upload)), decoder, reusable }
    }

    /// The whole body, if it has come with its head.
    pub(crate) fn take_whole(&mut self) -> Option<Bytes> {
        let Source::Own(conn) = &mut self.source else { return None };
        self.decoder.whole(conn.read.bytes())
    }

    /// The connection, if it may serve again: both messages have ended in order, and nothing came after the answer.
    pub(crate) fn take_idle(&mut self) -> Option<Box<Conn>> {
        let mut conn = match std::mem::replace(&mut self.source, Source::Gone) {
            Source::Own(conn) => conn,
            Source::Shared(duplex) => duplex.into_conn()?,
            Source::Gone => return None,
        };
        if !self.reusable || !self.decoder.is_done() || !conn.read.is_empty() {
            return None;
        }
        conn.read.release();
        conn.write.release();
        Some(conn)
    }

    /// The connection after a 101, as raw bytes; what came behind the head comes first.
    #[expect(clippy::unused_async, reason = "the other half waits")]
    pub(crate) async fn into_io(self) -> Result<Box<dyn Io>, gw_core::Error> {
        let Source::Own(mut conn) = self.source else { return Err(gw_core::Error::new(Outcome::Internal)) };
        let lead = conn.read.bytes().split().freeze();
        let Conn { stream, .. } = *conn;
        Ok(Box::new(Upgraded::new(lead, TokioIo::new(stream))))
    }
}

/// Reads the next piece.
fn poll_piece(conn: &mut Conn, decoder: &mut BodyDecoder, cx: &mut Context<'_>) -> Polled {
    loop {
        match decoder.decode(conn.read.bytes())? {
            Decoded::Data(data) => return Poll::Ready(Some(Ok(Frame::data(data)))),
            Decoded::Trailers(trailers) => return Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            Decoded::End => return Poll::Ready(None),
            Decoded::More => {}
        }
        match ready!(conn.read.poll_fill(Pin::new(&mut conn.stream), cx)) {
            Ok(0) if decoder.close() => return Poll::Ready(None),
            Ok(0) => return Poll::Ready(Some(Err(Error::Cut(None)))),
            Ok(_) => {}
            Err(error) => return Poll::Ready(Some(Err(Error::Cut(Some(error))))),
        }
    }
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let Self { source, decoder, .. } = &mut *self;
        match source {
            Source::Own(conn) => poll_piece(conn, decoder, cx),
            Source::Shared(duplex) => duplex.poll_piece(cx, |conn, cx| poll_piece(conn, decoder, cx)),
            Source::Gone => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.decoder.is_done()
    }

    fn size_hint(&self) -> SizeHint {
        self.decoder.left().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
