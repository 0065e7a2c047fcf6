//! The heads of responses, as a client reads them.

use std::sync::Arc;

use bytes::BytesMut;
use http::{Response, StatusCode, Version};

use crate::head_reader::{Head, HeadReader};
use crate::{BufferPool, HeadLimits, Noted, ProtocolError, Underscores};

/// The interim answers before an answer: a request may have any number of them (RFC 9110 §15.2), but who reads them is
/// not to be kept busy for ever.
const INTERIM: u8 = 16;

/// Takes the heads of responses off what has been read, one after the other.
#[derive(Debug)]
pub struct ResponseParser {
    heads: HeadReader,
    noted: Noted,
    /// The interim answers since the last other one.
    interim: u8,
}

impl ResponseParser {
    /// A parser for a connection; of the limits, that of the target has no meaning.
    pub fn new(limits: HeadLimits) -> Self {
        Self { heads: HeadReader::new(limits, Underscores::Keep), noted: Noted::NONE, interim: 0 }
    }

    /// The same, which keeps the last head of its connection beside the buffers of `pool`, so that fields that come again
    /// are not read again.
    #[must_use]
    pub fn keeping(mut self, pool: Arc<BufferPool>) -> Self {
        self.heads.keep(pool);
        self
    }

    /// Takes the next head off the front of `bytes`, which are those of the last call and what has come since; none
    /// if its end has not come. What follows the head stays. The reason phrase is dropped (RFC 9112 §4).
    ///
    /// # Errors
    /// For a head that is malformed or beyond the limits, and for the 17th interim answer in a row, of which 101 is
    /// none; not to be called again after that.
    pub fn parse(&mut self, bytes: &mut BytesMut) -> Result<Option<Response<()>>, ProtocolError> {
        if bytes.is_empty() {
            return Ok(None);
        }
        // No head, so that what no end will ever come of is an error at once.
        if !b"HTTP/1.".starts_with(&bytes[..bytes.len().min(7)]) {
            return Err(ProtocolError::Malformed("no status line"));
        }
        match self.heads.take(bytes) {
            Ok(Some(head)) => {
                let head = self.read(head)?;
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

    /// What the last head has of the fields that say how its message is to be read.
    pub fn noted(&self) -> Noted {
        self.noted
    }

    fn read(&mut self, head: Head) -> Result<Response<()>, ProtocolError> {
        let (version, status) = status_line(head.section().line(0))?;
        let mut response = Response::new(());
        (*response.version_mut(), *response.status_mut()) = (version, status);
        (*response.headers_mut(), self.noted) = self.heads.fields(head)?;
        Ok(response)
    }
}

/// The version and the status; a reason may be missing with its space.
fn status_line(line: &[u8]) -> Result<(Version, StatusCode), ProtocolError> {
    let (version, rest) = match line {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1', b' ', rest @ ..] => (Version::HTTP_11, rest),
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0', b' ', rest @ ..] => (Version::HTTP_10, rest),
        _ => return Err(ProtocolError::Malformed("no HTTP version")),
    };
    let (code, reason) = match rest {
        [a, b, c] => ([*a, *b, *c], &[][..]),
        [a, b, c, b' ', reason @ ..] => ([*a, *b, *c], reason),
        _ => return Err(STATUS),
    };
    if reason.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Err(ProtocolError::Malformed("a reason with a control byte"));
    }
    Ok((version, StatusCode::from_bytes(&code).map_err(|_| STATUS)?))
}

const STATUS: ProtocolError = ProtocolError::Malformed("a status that is not three digits");
