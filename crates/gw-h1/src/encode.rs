//! Heads, written. Framing fields are written from [`Framing`], whatever the fields say.

use bytes::{BufMut, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::uri::{PathAndQuery, Uri};
use http::{Request, Version, response};

use crate::Framing;

/// What a head needs at least, so that most are written without growing the buffer.
const USUAL: usize = 1024;

/// The most that framing and the blank line take.
const FRAMING: usize = b"content-length: 18446744073709551615\r\n\r\n".len();

/// Writes the head of a request, as HTTP/1.1: in absolute form, as proxies want it, if the target has a scheme; in
/// authority form, as CONNECT wants it, if it has an authority alone; else in origin form (RFC 9112 §3.2).
///
/// `Content-Length` and `Transfer-Encoding` are those of `framing`. With [`Framing::Empty`], a length among the fields
/// stays, and none is written.
pub fn encode_request<B>(request: &Request<B>, framing: Framing, out: &mut BytesMut) {
    out.reserve(USUAL);
    out.put_slice(request.method().as_str().as_bytes());
    out.put_u8(b' ');
    encode_target(request.uri(), out);
    out.put_slice(b" HTTP/1.1\r\n");
    encode_fields(request.headers(), framing, out);
}

fn encode_target(uri: &Uri, out: &mut BytesMut) {
    if let Some(scheme) = uri.scheme_str() {
        out.put_slice(scheme.as_bytes());
        out.put_slice(b"://");
    }
    if let Some(authority) = uri.authority() {
        out.put_slice(authority.as_str().as_bytes());
    }
    let path = uri.path_and_query().map(PathAndQuery::as_str);
    match (uri.authority(), path) {
        // The whole server is meant, which absolute form says with no path at all (RFC 9112 §3.2.4).
        (Some(_), None | Some("*")) => {}
        (_, path) => {
            let path = path.unwrap_or("/");
            if !path.starts_with(['/', '*']) {
                out.put_u8(b'/');
            }
            out.put_slice(path.as_bytes());
        }
    }
}

/// Writes the head of an answer, with the version it has; an interim one too. No field is added but those of
/// `framing`: no `Date`, no `Connection`.
///
/// `Content-Length` and `Transfer-Encoding` are those of `framing`. With [`Framing::Empty`], a length among the fields
/// stays, since answers to HEAD have one (RFC 9110 §8.6).
pub fn encode_response(head: &response::Parts, framing: Framing, out: &mut BytesMut) {
    encode_answer(head, framing, &[], out);
}

/// The same, with field lines of the server's own.
pub(crate) fn encode_answer(head: &response::Parts, framing: Framing, own: &[&[u8]], out: &mut BytesMut) {
    out.reserve(USUAL);
    out.put_slice(if head.version == Version::HTTP_10 { b"HTTP/1.0 " } else { b"HTTP/1.1 " });
    out.put_slice(head.status.as_str().as_bytes());
    out.put_u8(b' ');
    out.put_slice(head.status.canonical_reason().unwrap_or_default().as_bytes());
    out.put_slice(b"\r\n");
    own.iter().for_each(|line| out.put_slice(line));
    encode_fields(&head.headers, framing, out);
}

fn encode_fields(fields: &HeaderMap, framing: Framing, out: &mut BytesMut) {
    // Room for all at once: to ask for it piece by piece costs more than the copies do.
    let (start, most) =
        (out.len(), FRAMING + fields.iter().map(|(name, value)| length(name, value)).sum::<usize>());
    out.resize(start + most, 0);
    let mut room = Room { bytes: &mut out[start..], filled: 0 };
    for (name, value) in fields {
        let framed = name == CONTENT_LENGTH && framing != Framing::Empty || name == TRANSFER_ENCODING;
        if !framed {
            room.put_field(name, value);
        }
    }
    match framing {
        Framing::Length(length) => {
            room.put(b"content-length: ");
            room.put(itoa::Buffer::new().format(length).as_bytes());
            room.put(b"\r\n\r\n");
        }
        Framing::Chunked => room.put(b"transfer-encoding: chunked\r\n\r\n"),
        Framing::Empty | Framing::UntilClose => room.put(b"\r\n"),
    }
    let end = start + room.filled;
    out.truncate(end);
}

/// The bytes that a field's line takes.
fn length(name: &HeaderName, value: &HeaderValue) -> usize {
    name.as_str().len() + value.len() + b": \r\n".len()
}

/// Room for what is written.
struct Room<'b> {
    bytes: &'b mut [u8],
    filled: usize,
}

impl Room<'_> {
    fn put(&mut self, piece: &[u8]) {
        self.bytes[self.filled..][..piece.len()].copy_from_slice(piece);
        self.filled += piece.len();
    }

    fn put_field(&mut self, name: &HeaderName, value: &HeaderValue) {
        self.put(name.as_str().as_bytes());
        self.put(b": ");
        self.put(value.as_bytes());
        self.put(b"\r\n");
    }
}

/// Writes a field's line.
pub(crate) fn encode_field(name: &HeaderName, value: &HeaderValue, out: &mut BytesMut) {
    let start = out.len();
    out.resize(start + length(name, value), 0);
    Room { bytes: &mut out[start..], filled: 0 }.put_field(name, value);
}
