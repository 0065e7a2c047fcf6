//! The fields after a chunked body (RFC 9112 §7.1.2).

use bytes::BytesMut;
use http::header::{self, HeaderMap, HeaderName};

use crate::head::{Scan, Section};
use crate::{ProtocolError, Underscores};

/// The bytes of a trailer section.
const BYTES: usize = 16 * 1024;

/// Its fields.
const FIELDS: usize = 128;

/// What may not come so late: fields that frame or route the message, say who sends it, change how it is handled, or
/// say what its content is (RFC 9110 §6.5.1). Dropped, since whoever merges trailers would take them for the head's.
const HEAD_ONLY: [HeaderName; 31] = [
    header::TRANSFER_ENCODING,
    header::CONTENT_LENGTH,
    header::TE,
    header::TRAILER,
    header::CONNECTION,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::HOST,
    header::FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-real-ip"),
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::COOKIE,
    header::SET_COOKIE,
    header::WWW_AUTHENTICATE,
    header::PROXY_AUTHENTICATE,
    HeaderName::from_static("proxy-authentication-info"),
    header::EXPECT,
    header::MAX_FORWARDS,
    header::RANGE,
    header::CACHE_CONTROL,
    header::AGE,
    header::EXPIRES,
    header::VARY,
    header::CONTENT_ENCODING,
    header::CONTENT_TYPE,
    header::CONTENT_RANGE,
];

/// Whether a field may stand in a trailer section.
pub(crate) fn may_trail(name: &HeaderName) -> bool {
    !HEAD_ONLY.contains(name)
}

/// Takes a trailer section off the front of what has been read.
#[derive(Debug)]
pub(crate) struct Trailers {
    underscores: Underscores,
    scan: Scan,
}

impl Trailers {
    pub(crate) fn new(underscores: Underscores) -> Self {
        Self { underscores, scan: Scan::default() }
    }

    pub(crate) fn take(&mut self, bytes: &mut BytesMut) -> Result<Option<HeaderMap>, ProtocolError> {
        let within = bytes.len().min(BYTES);
        let Some(ends) = self.scan.find(&bytes[..within])? else {
            let full = bytes.len() >= BYTES;
            return if full { Err(ProtocolError::TrailersTooLarge) } else { Ok(None) };
        };
        let read = Section::take(bytes, ends).read(0, FIELDS, self.underscores);
        let (all, _) = read.map_err(|error| match error {
            ProtocolError::TooManyFields => ProtocolError::TrailersTooLarge,
            error => error,
        })?;
        // Rare enough to be copied.
        let mut trailers = HeaderMap::new();
        for (name, value) in all.iter().filter(|(name, _)| may_trail(name)) {
            trailers.append(name.clone(), value.clone());
        }
        Ok(Some(trailers))
    }
}
