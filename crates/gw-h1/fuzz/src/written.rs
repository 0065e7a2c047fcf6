//! What we write: it is read as what it was.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use gw_h1::{
    BodyDecoder, BufferPool, Decoded, Framing, Noted, RequestParser, ResponseParser, Underscores, WriteQueue,
    encode_request, encode_response, request_framing, response_framing,
};
use http::{HeaderMap, Method};
use tokio::io::AsyncWrite;

use super::message::{self, Message};
use super::request::{LIMITS, one_form};
use super::response::without;

/// A message is read, written anew with its body in other pieces, through a socket that takes little at a time, and read
/// again. The first byte says how large the pieces are and how often a body is repeated that may be of any length, the
/// second what the socket takes.
///
/// # Panics
/// When the second message is not the first.
pub fn written(input: &[u8]) -> bool {
    let [pieces, taken, input @ ..] = input else { return false };
    let cut = Cut {
        piece: 1 + 128 * usize::from(pieces % 32),
        times: 1 << (pieces / 32),
        taken: 1 + 16 * usize::from(*taken),
    };
    if input.starts_with(b"HTTP/") { response(input, cut).is_some() } else { request(input, cut).is_some() }
}

#[derive(Clone, Copy)]
struct Cut {
    piece: usize,
    times: usize,
    taken: usize,
}

impl Cut {
    /// How often a body is repeated whose head says no length.
    fn times(self, framing: Framing) -> usize {
        if matches!(framing, Framing::Chunked | Framing::UntilClose) { self.times } else { 1 }
    }
}

/// None for what is no request.
fn request(input: &[u8], cut: Cut) -> Option<()> {
    let mut first = message::request(&[input], LIMITS, Underscores::Keep).ok()??;
    let mut bytes = BytesMut::from(input);
    let mut head = RequestParser::new(LIMITS, Underscores::Keep).parse(&mut bytes).ok()??;
    let noted = Noted::of(head.headers());
    let framing = request_framing(&mut head, noted).ok()?;
    let mut written = Written::default();
    written.queue.encode(|out| encode_request(&head, framing, out));
    written.body(&mut bytes, framing, cut);
    let again = written.flush(cut.taken);
    first.body = first.body.repeat(cut.times(framing));
    // We speak HTTP/1.1, whatever was spoken to us.
    let first = Message { line: first.line.replace(" HTTP/1.0", " HTTP/1.1"), ..first };
    same(first, message::request(&[&again], LIMITS_AGAIN, Underscores::Keep), input, &again);
    Some(())
}

/// None for what is no answer.
fn response(input: &[u8], cut: Cut) -> Option<()> {
    let method = Method::GET;
    let mut first = message::response(&[input], LIMITS, &method).ok()??;
    let mut bytes = BytesMut::from(input);
    let mut head = ResponseParser::new(LIMITS).parse(&mut bytes).ok()??;
    let noted = Noted::of(head.headers());
    let (framing, _) = response_framing(&method, &mut head, noted).ok()?;
    let mut written = Written::default();
    let (parts, ()) = head.into_parts();
    written.queue.encode(|out| encode_response(&parts, framing, out));
    written.body(&mut bytes, framing, cut);
    let again = written.flush(cut.taken);
    first.body = first.body.repeat(cut.times(framing));
    same(first, message::response(&[&again], LIMITS_AGAIN, &method), input, &again);
    Some(())
}

/// What we write may be longer than what we read: a space after each colon.
const LIMITS_AGAIN: gw_h1::HeadLimits = gw_h1::HeadLimits { bytes: 2 * LIMITS.bytes, ..LIMITS };

fn same(first: Message, second: message::Verdict, input: &[u8], again: &[u8]) {
    let shown = format!("{}\nagain: {}", input.escape_ascii(), again.escape_ascii());
    let Ok(Some(second)) = second else { panic!("{second:?}: {shown}") };
    assert!(second.rest.is_empty(), "{second:?}: {shown}");
    let compared = |message: Message| {
        // The coding is written our way, and not at all where no body follows.
        let fields = without("transfer-encoding: ", &one_form(&message.fields));
        Message { fields, rest: Vec::new(), reusable: false, ..message }
    };
    assert_eq!(compared(second), compared(first), "{shown}");
}

/// Something to be written.
pub(crate) struct Written {
    pub(crate) queue: WriteQueue,
}

impl Default for Written {
    fn default() -> Self {
        Self { queue: WriteQueue::new(BufferPool::new(4)) }
    }
}

impl Written {
    /// Writes the body at the front of `bytes` otherwise than it was read.
    fn body(&mut self, bytes: &mut BytesMut, framing: Framing, cut: Cut) {
        let mut decoder = BodyDecoder::new(framing, Underscores::Keep);
        let (mut data, mut trailers) = (Vec::new(), HeaderMap::new());
        loop {
            match decoder.decode(bytes) {
                Ok(Decoded::Data(piece)) => data.extend_from_slice(&piece),
                Ok(Decoded::Trailers(fields)) => trailers = fields,
                Ok(Decoded::More) if !decoder.close() => panic!("the body was whole"),
                Ok(Decoded::More | Decoded::End) => break,
                Err(error) => panic!("the body was read before: {error}"),
            }
        }
        let mut data = Bytes::from(data.repeat(cut.times(framing)));
        while !data.is_empty() {
            self.push(data.split_to(data.len().min(cut.piece)), framing);
        }
        if framing == Framing::Chunked {
            self.queue.push_last_chunk(Some(&trailers));
        }
    }

    fn push(&mut self, data: Bytes, framing: Framing) {
        if framing == Framing::Chunked { self.queue.push_chunk(data) } else { self.queue.push(data) }
    }

    /// What comes out of a socket that takes so much at a time.
    pub(crate) fn flush(mut self, taken: usize) -> BytesMut {
        let before = self.queue.len();
        let mut socket = Socket { bytes: BytesMut::new(), taken };
        let mut cx = Context::from_waker(Waker::noop());
        let flushed = self.queue.poll_flush(Pin::new(&mut socket), &mut cx);
        assert!(matches!(flushed, Poll::Ready(Ok(()))) && self.queue.is_empty());
        assert_eq!(socket.bytes.len(), before);
        socket.bytes
    }
}

struct Socket {
    bytes: BytesMut,
    taken: usize,
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let taken = data.len().min(self.taken);
        self.bytes.extend_from_slice(&data[..taken]);
        Poll::Ready(Ok(taken))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut left = self.taken;
        for slice in slices {
            let now = slice.len().min(left);
            self.bytes.extend_from_slice(&slice[..now]);
            left -= now;
        }
        Poll::Ready(Ok(self.taken - left))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
