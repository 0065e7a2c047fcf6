//! A body, taken off the front of what has been read, whatever delimits it.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

use crate::chunked::Chunks;
use crate::{Framing, ProtocolError, Underscores};

/// What came of a body.
#[derive(Debug, PartialEq, Eq)]
pub enum Decoded {
    /// Nothing: more has to be read first.
    More,
    /// Bytes of the content, never none.
    Data(Bytes),
    /// The trailers, never empty. The body has ended.
    Trailers(HeaderMap),
    /// The body has ended.
    End,
}

/// Takes a body off the front of what has been read. It counts nothing: a limit is the caller's.
#[derive(Debug)]
pub struct BodyDecoder(Kind);

#[derive(Debug)]
enum Kind {
    Length(u64),
    Chunked(Chunks),
    UntilClose { closed: bool },
}

impl BodyDecoder {
    /// A decoder for the body that `framing` delimits; `underscores` is for its trailers.
    pub fn new(framing: Framing, underscores: Underscores) -> Self {
        Self(match framing {
            Framing::Empty => Kind::Length(0),
            Framing::Length(length) => Kind::Length(length),
            Framing::Chunked => Kind::Chunked(Chunks::new(underscores)),
            Framing::UntilClose => Kind::UntilClose { closed: false },
        })
    }

    /// Takes the next piece off the front of `bytes`: all of the content that is at hand, unless joining what chunks
    /// took apart would cost more than a second piece. What follows the body stays.
    ///
    /// # Errors
    /// For chunks or trailers that are malformed or too large; the content before the error is handed out first.
    pub fn decode(&mut self, bytes: &mut BytesMut) -> Result<Decoded, ProtocolError> {
        match &mut self.0 {
            Kind::Length(0) | Kind::UntilClose { closed: true } => Ok(Decoded::End),
            Kind::Chunked(chunks) => chunks.decode(bytes),
            _ if bytes.is_empty() => Ok(Decoded::More),
            Kind::UntilClose { .. } => Ok(Decoded::Data(bytes.split().freeze())),
            Kind::Length(left) => {
                let here = bytes.len();
                let piece = usize::try_from(*left).map_or(here, |left| left.min(here));
                *left -= piece as u64;
                Ok(Decoded::Data(bytes.split_to(piece).freeze()))
            }
        }
    }

    /// All that is left of a body that has a length, if it is at hand.
    pub fn whole(&mut self, bytes: &mut BytesMut) -> Option<Bytes> {
        let Kind::Length(left) = &mut self.0 else { return None };
        let length = usize::try_from(*left).ok().filter(|length| (1..=bytes.len()).contains(length))?;
        *left = 0;
        Some(bytes.split_to(length).freeze())
    }

    /// Tells that the peer closed its half and that all of its bytes went through [`decode`](Self::decode). False if
    /// the body is cut.
    pub fn close(&mut self) -> bool {
        if let Kind::UntilClose { closed } = &mut self.0 {
            *closed = true;
        }
        self.is_done()
    }

    /// Whether nothing of the body is left, so that the next byte is no part of it.
    pub fn is_done(&self) -> bool {
        match &self.0 {
            Kind::Length(left) => *left == 0,
            Kind::Chunked(chunks) => chunks.is_done(),
            Kind::UntilClose { closed } => *closed,
        }
    }

    /// The bytes of content left, if that is known.
    pub fn left(&self) -> Option<u64> {
        match &self.0 {
            Kind::Length(left) => Some(*left),
            _ => self.is_done().then_some(0),
        }
    }
}
