//! A request on its way up: its body becomes the one message of a gRPC call (gRPC over HTTP/2, "Requests").

use bytes::BytesMut;
use gw_core::{Body, Error, Outcome, Request, Result};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, request};
use http_body::Body as _;
use http_body_util::BodyExt as _;

use crate::frame;

const GRPC: &[u8] = b"application/grpc";
/// The kind of a body whose type is not said.
const DEFAULT_KIND: &str = "json";
const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// In a request's extensions: it was transcoded, and its caller reads answers of this type.
#[derive(Clone, Debug)]
pub(crate) struct Transcoded(pub(crate) HeaderValue);

/// Whether a request is to become a gRPC call. One that speaks gRPC or gRPC-Web is one already, and methods that ask
/// about the resource or the connection are none.
pub(crate) fn is_transcoded(req: &Request) -> bool {
    !is_grpc(req.headers())
        && !matches!(*req.method(), Method::HEAD | Method::OPTIONS | Method::TRACE | Method::CONNECT)
}

/// Whether the content type is `application/grpc` or one of its kin.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let prefix = content_type.and_then(|content_type| content_type.get(..GRPC.len()));
    prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(GRPC))
}

/// Reads the body and frames it, and says what type the caller reads. The method stays the caller's: it decides what
/// may be repeated.
///
/// # Errors
/// When the type of the body names no codec, the body is larger than `max_bytes`, or it fails.
pub(crate) async fn frame(req: Request, max_bytes: u32) -> Result<(Request, HeaderValue)> {
    let kind = kind(req.headers())?;
    let (mut head, body) = req.into_parts();
    let mut framed = BytesMut::zeroed(frame::PREFIX);
    read(body, max_bytes as usize, &mut framed).await?;
    if framed.len() == frame::PREFIX && kind == DEFAULT_KIND {
        // Without a body a caller means the message without fields, and that is how JSON spells it: codecs refuse an
        // empty text. Differs from kratos, which sends the empty text.
        framed.extend_from_slice(b"{}");
    }
    frame::seal(&mut framed);
    let accepts = value(&format!("application/{kind}"))?;
    let sends = value(&format!("application/grpc+{kind}"))?;
    set_fields(&mut head, sends, framed.len());
    head.extensions.insert(Transcoded(accepts.clone()));
    Ok((Request::from_parts(head, Body::from(framed.freeze())), accepts))
}

/// Appends the body to `framed`.
async fn read(mut body: Body, max_bytes: usize, framed: &mut BytesMut) -> Result<()> {
    let too_large = || Error::reject(Outcome::TooLarge);
    if body.size_hint().lower() > max_bytes as u64 {
        return Err(too_large());
    }
    while let Some(frame) = body.frame().await {
        // A call has no trailers of its caller.
        let Ok(data) = frame?.into_data() else { continue };
        if framed.len() - frame::PREFIX + data.len() > max_bytes {
            return Err(too_large());
        }
        framed.extend_from_slice(&data);
    }
    Ok(())
}

/// What stands after `application/` in the type of the body, in lower case and without parameters.
fn kind(headers: &HeaderMap) -> Result<String> {
    let refuse = |detail| Err(Error::reject(Outcome::UnsupportedMedia).with_detail(detail));
    if headers.contains_key(header::CONTENT_ENCODING) {
        return refuse("a body with a Content-Encoding cannot be passed on as a gRPC message");
    }
    let Some(given) = headers.get(header::CONTENT_TYPE) else { return Ok(DEFAULT_KIND.to_owned()) };
    let text = given.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let text = text.to_ascii_lowercase();
    match text.strip_prefix("application/").filter(|kind| is_token(kind)) {
        Some(kind) => Ok(kind.to_owned()),
        None => refuse("the Content-Type is not application/<codec>, such as application/json"),
    }
}

/// RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn value(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(|error| Error::unsent(Outcome::Internal).with_source(error))
}

fn set_fields(head: &mut request::Parts, content_type: HeaderValue, length: usize) {
    let headers = &mut head.headers;
    for name in [header::TRANSFER_ENCODING, header::TRAILER, header::ACCEPT_ENCODING, GRPC_ENCODING] {
        headers.remove(name);
    }
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CONTENT_LENGTH, length.into());
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
    headers.insert(GRPC_ACCEPT_ENCODING, HeaderValue::from_static("identity"));
}
