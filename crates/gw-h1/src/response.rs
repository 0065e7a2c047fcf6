//! The heads of responses, as a client reads them.

use bytes::{Bytes, BytesMut};
use http::{Response, StatusCode, Version};
use httparse::{ParserConfig, Status};

use crate::head::{Scan, fields, malformed, with_room};
use crate::{HeadLimits, ProtocolError, Underscores};

/// Takes the heads of responses off what has been read, one after the other.
#[derive(Debug)]
pub struct ResponseParser {
    limits: HeadLimits,
    scan: Scan,
}

impl ResponseParser {
    /// A parser for a connection; of the limits, that of the target has no meaning.
    pub fn new(limits: HeadLimits) -> Self {
        Self { limits, scan: Scan::default() }
    }

    /// Takes the next head off the front of `bytes`, which are those of the last call and what has come since; none
    /// if its end has not come. What follows the head stays. The reason phrase is dropped (RFC 9112 §4).
    ///
    /// # Errors
    /// For a head that is malformed or beyond the limits; not to be called again after that.
    pub fn parse(&mut self, bytes: &mut BytesMut) -> Result<Option<Response<()>>, ProtocolError> {
        // No head, so that what no end will ever come of is an error at once.
        if !b"HTTP/1.".starts_with(&bytes[..bytes.len().min(7)]) {
            return Err(ProtocolError::Malformed("no status line"));
        }
        match self.scan.take(bytes, &self.limits) {
            Ok(Some(head)) => self.read(&head).map(Some),
            Ok(None) => Ok(None),
            Err(ProtocolError::TargetTooLong) => Err(ProtocolError::HeadTooLarge),
            Err(error) => Err(error),
        }
    }

    fn read(&self, head: &Bytes) -> Result<Response<()>, ProtocolError> {
        with_room(self.limits.fields, |room| {
            let mut parsed = httparse::Response::new(&mut []);
            let config = ParserConfig::default();
            match config.parse_response_with_uninit_headers(&mut parsed, head, room) {
                Ok(Status::Complete(length)) if length == head.len() => {}
                Ok(_) => return Err(ProtocolError::Malformed("no end of the head")),
                Err(error) => return Err(malformed(error)),
            }
            let mut response = Response::new(());
            *response.status_mut() = parsed
                .code
                .and_then(|code| StatusCode::from_u16(code).ok())
                .ok_or(ProtocolError::Malformed("a status that is none"))?;
            *response.version_mut() =
                if parsed.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
            *response.headers_mut() = fields(head, parsed.headers, Underscores::Keep)?;
            Ok(response)
        })
    }
}
