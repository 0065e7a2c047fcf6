//! The heads of responses, as a client reads them.

use bytes::{Bytes, BytesMut};
use http::{Response, StatusCode, Version};
use httparse::{ParserConfig, Status};

use crate::head::{Scan, fields, malformed, with_room};
use crate::{HeadLimits, ProtocolError, Underscores};

/// The interim answers before an answer: a request may have any number of them (RFC 9110 §15.2), but who reads them is
/// not to be kept busy for ever.
const INTERIM: u8 = 16;

/// Takes the heads of responses off what has been read, one after the other.
#[derive(Debug)]
pub struct ResponseParser {
    limits: HeadLimits,
    scan: Scan,
    /// The interim answers since the last other one.
    interim: u8,
}

impl ResponseParser {
    /// A parser for a connection; of the limits, that of the target has no meaning.
    pub fn new(limits: HeadLimits) -> Self {
        Self { limits, scan: Scan::default(), interim: 0 }
    }

    /// Takes the next head off the front of `bytes`, which are those of the last call and what has come since; none
    /// if its end has not come. What follows the head stays. The reason phrase is dropped (RFC 9112 §4).
    ///
    /// # Errors
    /// For a head that is malformed or beyond the limits, and for the 17th interim answer in a row, of which 101 is
    /// none; not to be called again after that.
    pub fn parse(&mut self, bytes: &mut BytesMut) -> Result<Option<Response<()>>, ProtocolError> {
        // No head, so that what no end will ever come of is an error at once.
        if !b"HTTP/1.".starts_with(&bytes[..bytes.len().min(7)]) {
            return Err(ProtocolError::Malformed("no status line"));
        }
        match self.scan.take(bytes, &self.limits) {
            Ok(Some(head)) => {
                let head = self.read(&head)?;
                self.count(head.status())?;
                Ok(Some(head))
            }
            Ok(None) => Ok(None),
            Err(ProtocolError::TargetTooLong) => Err(ProtocolError::HeadTooLarge),
            Err(error) => Err(error),
        }
    }

    fn count(&mut self, status: StatusCode) -> Result<(), ProtocolError> {
        let interim = status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS;
        self.interim = if interim { self.interim + 1 } else { 0 };
        if self.interim > INTERIM {
            return Err(ProtocolError::Malformed("interim answers without end"));
        }
        Ok(())
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
