//! What follows a head, and whether the connection outlives it (RFC 9112 §6, §9.3).

use http::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use http::{Method, Request, Response, StatusCode, Version};

use crate::{Noted, ProtocolError};

/// Codings that exist and are not known here: what has one is not malformed.
const OTHER_CODINGS: [&[u8]; 6] = [b"gzip", b"x-gzip", b"deflate", b"compress", b"x-compress", b"identity"];

/// What a body is delimited by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    Empty,
    /// So many bytes.
    Length(u64),
    /// Chunks, and perhaps trailers.
    Chunked,
    /// The end of the connection; only answers may have that.
    UntilClose,
}

/// What follows the head of a request, which has of the fields in question those that are `noted`. Of several equal
/// lengths one is left.
///
/// # Errors
/// For a `Transfer-Encoding` other than `chunked`, beside a `Content-Length` or in HTTP/1.0, and for lengths that
/// differ or are none (RFC 9112 §6.1, §6.3). A list in one field is refused even if its members agree.
pub fn request_framing<B>(head: &mut Request<B>, noted: Noted) -> Result<Framing, ProtocolError> {
    let version = head.version();
    let fields = head.headers_mut();
    if let Some(coding) = coding(fields, noted)? {
        if version != Version::HTTP_11 {
            return Err(ProtocolError::Malformed("Transfer-Encoding belongs to HTTP/1.1"));
        }
        if noted.has(Noted::LENGTH) {
            return Err(ProtocolError::Malformed("both Transfer-Encoding and Content-Length"));
        }
        return Ok(coding);
    }
    Ok(match length(fields, noted, false)? {
        Some(length) => Framing::Length(length),
        None => Framing::Empty,
    })
}

/// What follows the head of an answer to a request with this method, and whether the connection may serve again as
/// far as framing goes ([`is_persistent`] has the rest).
///
/// `Transfer-Encoding` wins over `Content-Length`, which is then removed, and the connection does not serve again; of
/// several equal lengths one is left. The fields are held to the rules even where no body follows.
///
/// # Errors
/// For a `Transfer-Encoding` other than `chunked` or in HTTP/1.0, and for lengths that differ or are none.
pub fn response_framing<B>(
    method: &Method,
    head: &mut Response<B>,
    noted: Noted,
) -> Result<(Framing, bool), ProtocolError> {
    let (status, version) = (head.status(), head.version());
    let fields = head.headers_mut();
    let coding = coding(fields, noted)?;
    if coding.is_some() && version != Version::HTTP_11 {
        return Err(ProtocolError::Malformed("Transfer-Encoding belongs to HTTP/1.1"));
    }
    let both = coding.is_some() && noted.has(Noted::LENGTH);
    if both {
        fields.remove(CONTENT_LENGTH);
    }
    let length = length(fields, noted, true)?;
    if status.is_informational() || status == StatusCode::NO_CONTENT {
        // They must not have these fields (RFC 9110 §8.6), so the sender may believe in a body.
        let bare = coding.is_none() && length.is_none_or(|length| length == 0);
        return Ok((Framing::Empty, bare));
    }
    if *method == Method::HEAD || status == StatusCode::NOT_MODIFIED {
        return Ok((Framing::Empty, !both));
    }
    Ok(match (coding, length) {
        (Some(coding), _) => (coding, !both),
        (None, Some(length)) => (Framing::Length(length), true),
        (None, None) => (Framing::UntilClose, false),
    })
}

/// Whether the sender of this head keeps the connection open after its message (RFC 9112 §9.3).
pub fn is_persistent(version: Version, fields: &HeaderMap, noted: Noted) -> bool {
    if !noted.has(Noted::CONNECTION) {
        return version == Version::HTTP_11;
    }
    let (mut close, mut keep) = (false, false);
    for value in fields.get_all(CONNECTION) {
        for token in value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            close |= token.eq_ignore_ascii_case(b"close");
            keep |= token.eq_ignore_ascii_case(b"keep-alive");
        }
    }
    !close && (keep || version == Version::HTTP_11)
}

/// `Chunked`, if the fields say so.
fn coding(fields: &HeaderMap, noted: Noted) -> Result<Option<Framing>, ProtocolError> {
    if !noted.has(Noted::CODING) {
        return Ok(None);
    }
    let mut codings = fields.get_all(TRANSFER_ENCODING).iter();
    let Some(only) = codings.next() else { return Ok(None) };
    if codings.next().is_none() && only.as_bytes().eq_ignore_ascii_case(b"chunked") {
        return Ok(Some(Framing::Chunked));
    }
    let values = fields.get_all(TRANSFER_ENCODING).iter().map(HeaderValue::as_bytes);
    let mut tokens = values.flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    let other = tokens.any(|token| OTHER_CODINGS.iter().any(|other| token.eq_ignore_ascii_case(other)));
    Err(if other {
        ProtocolError::Coding
    } else {
        ProtocolError::Malformed("Transfer-Encoding other than chunked")
    })
}

/// The one length that the fields agree on; `lists` if a field may repeat it.
fn length(fields: &mut HeaderMap, noted: Noted, lists: bool) -> Result<Option<u64>, ProtocolError> {
    if !noted.has(Noted::LENGTH) {
        return Ok(None);
    }
    let (mut length, mut count) = (None, 0);
    for value in fields.get_all(CONTENT_LENGTH) {
        for number in value.as_bytes().split(|byte| lists && *byte == b',') {
            let number = if lists { number.trim_ascii() } else { number };
            let number = number_of(number).ok_or(ProtocolError::Malformed("Content-Length is no number"))?;
            if length.replace(number).is_some_and(|other| other != number) {
                return Err(ProtocolError::Malformed("Content-Length fields that differ"));
            }
            count += 1;
        }
    }
    if let (Some(length), true) = (length, count > 1) {
        fields.insert(CONTENT_LENGTH, length.into());
    }
    Ok(length)
}

/// Digits alone, within 64 bits.
fn number_of(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests;
