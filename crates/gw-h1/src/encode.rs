//! Heads, written. Framing fields are written from [`Framing`], whatever the fields say.

use bytes::{BufMut, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::uri::{PathAndQuery, Uri};
use http::{Request, Version, response};

use crate::Framing;

/// What a head needs at least, so that most are written without growing the buffer.
const USUAL: usize = 1024;

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
    for (name, value) in fields {
        let framed = name == CONTENT_LENGTH && framing != Framing::Empty || name == TRANSFER_ENCODING;
        if !framed {
            encode_field(name, value, out);
        }
    }
    match framing {
        Framing::Length(length) => {
            out.extend_from_slice(b"content-length: ");
            out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
            out.extend_from_slice(b"\r\n\r\n");
        }
        Framing::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n"),
        Framing::Empty | Framing::UntilClose => out.extend_from_slice(b"\r\n"),
    }
}

/// Writes a field's line.
pub(crate) fn encode_field(name: &HeaderName, value: &HeaderValue, out: &mut BytesMut) {
    // `put_slice` is not inlined without LTO, and costs twice as much for pieces as small as these; to make room once
    // for all fields costs more than it spares.
    out.extend_from_slice(name.as_str().as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}
