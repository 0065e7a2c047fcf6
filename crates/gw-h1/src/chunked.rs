//! The chunked coding, taken off (RFC 9112 §7.1).
//!
//! Strict where parsers differ, since a byte that two of them read in two ways smuggles a request: sizes are 1 to 16
//! hex digits and nothing else, lines end in CRLF, data is followed by CRLF at once. Chunk extensions are read over.

use bytes::{Buf, BytesMut};

use crate::body::Decoded;
use crate::trailers::Trailers;
use crate::{ProtocolError, Underscores};

/// A piece up to this size is moved to the one before it, so that what was cut small leaves in one piece.
const JOINED: usize = 4096;

/// The bytes of all of a body's extensions.
const EXTENSIONS: usize = 16 * 1024;

/// 64 bits.
const DIGITS: u8 = 16;

#[derive(Clone, Copy, Debug)]
enum State {
    Size { size: u64, digits: u8 },
    Extension { size: u64 },
    SizeLf { size: u64 },
    Data { left: u64 },
    DataCr,
    DataLf,
    Trailers,
    Done,
}

const START: State = State::Size { size: 0, digits: 0 };

/// Takes a chunked body off the front of what has been read.
#[derive(Debug)]
pub(crate) struct Chunks {
    state: State,
    extensions: usize,
    trailers: Trailers,
    /// What is wrong, perhaps after data that was handed out first. It stays wrong, whatever comes.
    failed: Option<ProtocolError>,
}

impl Chunks {
    pub(crate) fn new(underscores: Underscores) -> Self {
        Self { state: START, extensions: 0, trailers: Trailers::new(underscores), failed: None }
    }

    pub(crate) fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    pub(crate) fn decode(&mut self, bytes: &mut BytesMut) -> Result<Decoded, ProtocolError> {
        let mut at = 0;
        let mut data = 0..0;
        while self.failed.is_none() {
            match self.state {
                State::Data { left } => {
                    let here = bytes.len() - at;
                    let piece = usize::try_from(left).map_or(here, |left| left.min(here));
                    if piece == 0 || !data.is_empty() && piece > JOINED {
                        break;
                    }
                    if data.is_empty() {
                        data = at..at;
                    } else {
                        bytes.copy_within(at..at + piece, data.end);
                    }
                    data.end += piece;
                    at += piece;
                    let left = left - piece as u64;
                    self.state = if left == 0 { State::DataCr } else { State::Data { left } };
                }
                State::Trailers if bytes[at..].starts_with(b"\r\n") => {
                    at += 2;
                    self.state = State::Done;
                }
                State::Trailers | State::Done => break,
                _ => {
                    let Some(byte) = bytes.get(at) else { break };
                    match self.step(*byte) {
                        Ok(next) => self.state = next,
                        Err(error) => self.failed = Some(error),
                    }
                    at += 1;
                }
            }
        }
        if !data.is_empty() {
            bytes.advance(data.start);
            let joined = bytes.split_to(data.len()).freeze();
            bytes.advance(at - data.end);
            return Ok(Decoded::Data(joined));
        }
        bytes.advance(at);
        match (self.failed, self.state) {
            (Some(error), _) => Err(error),
            (None, State::Done) => Ok(Decoded::End),
            (None, State::Trailers) => self.take_trailers(bytes),
            _ => Ok(Decoded::More),
        }
    }

    /// A byte of the framing.
    fn step(&mut self, byte: u8) -> Result<State, ProtocolError> {
        Ok(match (self.state, byte) {
            (State::Size { size, digits }, _) if byte.is_ascii_hexdigit() && digits < DIGITS => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                State::Size { size: size << 4 | u64::from(digit), digits: digits + 1 }
            }
            (State::Size { size, digits: 1.. } | State::Extension { size }, b'\r') => State::SizeLf { size },
            (State::Size { size, digits: 1.. }, b';') => State::Extension { size },
            (State::Size { .. }, _) => return Err(ProtocolError::Malformed("a chunk size that is none")),
            (State::Extension { size }, _) => {
                self.extensions += 1;
                if self.extensions > EXTENSIONS || byte.is_ascii_control() && byte != b'\t' {
                    return Err(ProtocolError::Malformed("a chunk extension that is none"));
                }
                State::Extension { size }
            }
            (State::SizeLf { size: 0 }, b'\n') => State::Trailers,
            (State::SizeLf { size }, b'\n') => State::Data { left: size },
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => START,
            (State::SizeLf { .. }, _) => {
                return Err(ProtocolError::Malformed("a bare CR after a chunk size"));
            }
            _ => return Err(ProtocolError::Malformed("a chunk longer than its size")),
        })
    }

    fn take_trailers(&mut self, bytes: &mut BytesMut) -> Result<Decoded, ProtocolError> {
        let taken = self.trailers.take(bytes).inspect_err(|error| self.failed = Some(*error));
        let Some(trailers) = taken? else { return Ok(Decoded::More) };
        self.state = State::Done;
        Ok(if trailers.is_empty() { Decoded::End } else { Decoded::Trailers(trailers) })
    }
}
