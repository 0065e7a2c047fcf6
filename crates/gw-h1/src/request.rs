//! The heads of requests, as a server reads them.

use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use http::{Method, Request, Uri, Version};

use crate::head_reader::{Head, HeadReader};
use crate::{BufferPool, HeadLimits, Noted, ProtocolError, Underscores};

/// The longest target that `http::Uri` takes.
const LONGEST_TARGET: usize = u16::MAX as usize - 1;

/// Takes the heads of requests off what has been read, one after the other.
///
/// What it leaves to the caller: which forms of target are served, the rules of Host, and everything that the fields
/// say.
#[derive(Debug)]
pub struct RequestParser {
    heads: HeadReader,
    noted: Noted,
    /// The one empty line before the head has come (RFC 9112 §2.2).
    begun: bool,
}

impl RequestParser {
    /// A parser for a connection.
    pub fn new(limits: HeadLimits, underscores: Underscores) -> Self {
        Self { heads: HeadReader::new(limits, underscores), noted: Noted::NONE, begun: false }
    }

    /// The same, which keeps the last head of its connection beside the buffers of `pool`, so that fields that come again
    /// are not read again.
    #[must_use]
    pub fn keeping(mut self, pool: Arc<BufferPool>) -> Self {
        self.heads.keep(pool);
        self
    }

    /// Takes the next head off the front of `bytes`, which are those of the last call and what has come since; none
    /// if its end has not come. What follows the head stays.
    ///
    /// # Errors
    /// For a head that is malformed or beyond the limits; not to be called again after that.
    pub fn parse(&mut self, bytes: &mut BytesMut) -> Result<Option<Request<()>>, ProtocolError> {
        if !self.begun {
            match &bytes[..] {
                [] | [b'\r'] => return Ok(None),
                [b'\r', b'\n', ..] => bytes.advance(2),
                _ => {}
            }
            self.begun = true;
        }
        let Some(head) = self.heads.take(bytes)? else { return Ok(None) };
        self.begun = false;
        self.read(head).map(Some)
    }

    /// What the last head has of the fields that say how its message is to be read.
    pub fn noted(&self) -> Noted {
        self.noted
    }

    fn read(&mut self, head: Head) -> Result<Request<()>, ProtocolError> {
        let (method, rest) = word(head.section().line(0))?;
        let (target, version) = word(rest)?;
        let mut request = Request::new(());
        *request.version_mut() = match version {
            b"HTTP/1.1" => Version::HTTP_11,
            b"HTTP/1.0" => Version::HTTP_10,
            other => return Err(refused(other)),
        };
        *request.method_mut() =
            Method::from_bytes(method).map_err(|_| ProtocolError::Malformed("a method that is no token"))?;
        *request.uri_mut() = self.target(head.section().slice(target))?;
        (*request.headers_mut(), self.noted) = self.heads.fields(head)?;
        Ok(request)
    }

    /// The target, byte for byte.
    fn target(&self, target: Bytes) -> Result<Uri, ProtocolError> {
        if target.len() > self.heads.limits.target_bytes.min(LONGEST_TARGET) {
            return Err(ProtocolError::TargetTooLong);
        }
        // `http::Uri` would drop it in silence; no form of target has one (RFC 9112 §3.2).
        if target.contains(&b'#') {
            return Err(ProtocolError::Malformed("a fragment in the target"));
        }
        Uri::from_maybe_shared(target).map_err(|_| ProtocolError::Malformed("a target that is none"))
    }
}

/// The word at the front of a line, and what stands behind the one space after it.
fn word(line: &[u8]) -> Result<(&[u8], &[u8]), ProtocolError> {
    let space = line.iter().position(|byte| *byte == b' ');
    let (word, rest) = space.and_then(|at| line.split_at_checked(at)).unwrap_or((b"", line));
    // No control byte is a part of a word: some would take it for the space.
    if word.is_empty() || word.iter().any(u8::is_ascii_control) {
        return Err(ProtocolError::Malformed("no request line"));
    }
    Ok((word, rest.get(1..).unwrap_or_default()))
}

/// 505 for what is a version, 400 for what is none, as HTTP/0.9 has it.
fn refused(version: &[u8]) -> ProtocolError {
    match version {
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            ProtocolError::Version
        }
        _ => ProtocolError::Malformed("no HTTP version"),
    }
}
