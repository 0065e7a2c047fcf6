//! What the heads of requests and responses have in common: where they end, and their fields.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use httparse::Header;
use memchr::{memchr, memchr_iter};

use crate::ProtocolError;

/// So many fields are parsed without an allocation.
const FREE_FIELDS: usize = 128;

/// So many fields can be added without moving all: a gateway adds what it says of itself.
const ROOM: usize = 6;

/// What a head may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of the head, its blank line included.
    pub bytes: usize,
    /// Bytes of a request's target. More than 65,534 are always too many.
    pub target_bytes: usize,
    /// Fields, those included that are dropped.
    pub fields: usize,
}

/// What becomes of fields whose name has an underscore: some upstreams take it for a hyphen, so that
/// `Transfer_Encoding` frames their messages and `X_Forwarded_For` names their client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Underscores {
    /// They pass.
    Keep,
    /// They are left out.
    Drop,
}

/// Looks for the blank line that ends a head or a trailer section, at every byte once.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    seen: usize,
}

impl Scan {
    /// The length of the section at the front of `bytes`, its blank line included; none if its end has not come.
    /// `bytes` are those of the last call and what has come since.
    pub(crate) fn find(&mut self, bytes: &[u8]) -> Result<Option<usize>, ProtocolError> {
        let unseen = bytes.get(self.seen..).unwrap_or_default();
        for lf in memchr_iter(b'\n', unseen) {
            let line = &bytes[..self.seen + lf];
            match line {
                [.., b'\n', b'\r'] | [b'\r'] => return Ok(Some(line.len() + 1)),
                [.., b'\r'] => {}
                _ => return Err(ProtocolError::Malformed("a bare LF")),
            }
        }
        self.seen = bytes.len();
        Ok(None)
    }

    /// Takes the head off the front of `bytes` once it is whole.
    pub(crate) fn take(
        &mut self,
        bytes: &mut BytesMut,
        limits: &HeadLimits,
    ) -> Result<Option<Bytes>, ProtocolError> {
        let within = bytes.len().min(limits.bytes);
        if let Some(length) = self.find(&bytes[..within])? {
            self.seen = 0;
            return Ok(Some(bytes.split_to(length).freeze()));
        }
        if bytes.len() < limits.bytes {
            return Ok(None);
        }
        // Not even the first line ends within the limit: it is the target that is too long.
        let lines = memchr(b'\n', &bytes[..within]).is_some();
        Err(if lines { ProtocolError::HeadTooLarge } else { ProtocolError::TargetTooLong })
    }
}

/// Room for `count` fields.
pub(crate) fn with_room<'b, R>(count: usize, parse: impl FnOnce(&mut [MaybeUninit<Header<'b>>]) -> R) -> R {
    if count > FREE_FIELDS {
        let mut room: Vec<_> = std::iter::repeat_with(MaybeUninit::uninit).take(count).collect();
        return parse(&mut room);
    }
    let mut room = [const { MaybeUninit::uninit() }; FREE_FIELDS];
    parse(&mut room[..count])
}

/// The fields of a head, as slices of it.
pub(crate) fn fields(
    head: &Bytes,
    parsed: &[Header<'_>],
    underscores: Underscores,
) -> Result<HeaderMap, ProtocolError> {
    let room = parsed.len() + ROOM;
    let mut fields = HeaderMap::try_with_capacity(room).map_err(|_| ProtocolError::TooManyFields)?;
    for Header { name, value } in parsed {
        if underscores == Underscores::Drop && name.as_bytes().contains(&b'_') {
            continue;
        }
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| ProtocolError::Malformed("a field name that is no token"))?;
        let value = HeaderValue::from_maybe_shared(head.slice_ref(value))
            .map_err(|_| ProtocolError::Malformed("a field value with a control byte"))?;
        fields.try_append(name, value).map_err(|_| ProtocolError::TooManyFields)?;
    }
    Ok(fields)
}

/// What the parser of heads found, in our words.
pub(crate) fn malformed(error: httparse::Error) -> ProtocolError {
    ProtocolError::Malformed(match error {
        httparse::Error::TooManyHeaders => return ProtocolError::TooManyFields,
        httparse::Error::Version => "no HTTP version",
        httparse::Error::HeaderName => "a field name that is no token",
        httparse::Error::HeaderValue => "a field value with a control byte",
        httparse::Error::NewLine => "a bare CR",
        httparse::Error::Status => "a status that is not three digits",
        httparse::Error::Token => "a first line that is none",
    })
}
