//! The heads of requests, as a server reads them.

use bytes::{Buf, Bytes, BytesMut};
use http::{Method, Request, Uri, Version};
use httparse::Status;
use memchr::memchr;

use crate::head::{Scan, fields, malformed, with_room};
use crate::{HeadLimits, ProtocolError, Underscores};

/// The longest target that `http::Uri` takes.
const LONGEST_TARGET: usize = u16::MAX as usize - 1;

/// Takes the heads of requests off what has been read, one after the other.
///
/// What it leaves to the caller: which forms of target are served, the rules of Host, and everything that the fields
/// say.
#[derive(Debug)]
pub struct RequestParser {
    limits: HeadLimits,
    underscores: Underscores,
    scan: Scan,
    /// The one empty line before the head has come (RFC 9112 §2.2).
    begun: bool,
}

impl RequestParser {
    /// A parser for a connection.
    pub fn new(limits: HeadLimits, underscores: Underscores) -> Self {
        Self { limits, underscores, scan: Scan::default(), begun: false }
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
        let Some(head) = self.scan.take(bytes, &self.limits)? else { return Ok(None) };
        self.begun = false;
        self.read(&head).map(Some)
    }

    fn read(&self, head: &Bytes) -> Result<Request<()>, ProtocolError> {
        // httparse would skip empty lines.
        if head.first().is_none_or(u8::is_ascii_control) {
            return Err(ProtocolError::Malformed("no request line"));
        }
        with_room(self.limits.fields, |room| {
            let mut parsed = httparse::Request::new(&mut []);
            match parsed.parse_with_uninit_headers(head, room) {
                Ok(Status::Complete(length)) if length == head.len() => {}
                Ok(_) => return Err(ProtocolError::Malformed("no end of the head")),
                Err(httparse::Error::Version) => return Err(version(head)),
                Err(error) => return Err(malformed(error)),
            }
            let (Some(method), Some(path)) = (parsed.method, parsed.path) else {
                return Err(ProtocolError::Malformed("no request line"));
            };
            let mut request = Request::new(());
            *request.method_mut() = Method::from_bytes(method.as_bytes())
                .map_err(|_| ProtocolError::Malformed("a method that is no token"))?;
            *request.uri_mut() = self.target(head, path)?;
            *request.version_mut() =
                if parsed.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
            *request.headers_mut() = fields(head, parsed.headers, self.underscores)?;
            Ok(request)
        })
    }

    /// The target, byte for byte.
    fn target(&self, head: &Bytes, path: &str) -> Result<Uri, ProtocolError> {
        if path.len() > self.limits.target_bytes.min(LONGEST_TARGET) {
            return Err(ProtocolError::TargetTooLong);
        }
        // `http::Uri` would drop it in silence; no form of target has one (RFC 9112 §3.2).
        if memchr(b'#', path.as_bytes()).is_some() {
            return Err(ProtocolError::Malformed("a fragment in the target"));
        }
        Uri::from_maybe_shared(head.slice_ref(path.as_bytes()))
            .map_err(|_| ProtocolError::Malformed("a target that is none"))
    }
}

/// 505 for what is a version, 400 for what is none, as HTTP/0.9 has it.
fn version(head: &Bytes) -> ProtocolError {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ').skip(2);
    match (words.next(), words.next()) {
        (Some([b'H', b'T', b'T', b'P', b'/', major, b'.', minor]), None)
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            ProtocolError::Version
        }
        _ => ProtocolError::Malformed("no HTTP version"),
    }
}
