//! A gRPC upstream: HTTP/2 by prior knowledge, the same message and trailers for every call.
//!
//! What a call says is not looked at, so that nothing has to be decompressed. Answers are so small that a caller who
//! gives windows back at all never lets one be exceeded.

use std::io::{Read, Write};
use std::net::TcpStream;

const PREFACE: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
const HEAD: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;

/// Of data and headers: the last frame of its direction. Of settings and pings: an acknowledgement.
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// How much is received before the connection's window is given back.
const GIVE_BACK: u32 = 16 << 10;

/// A message of 20 bytes, as requests and answers carry one.
pub(crate) const MESSAGE: &[u8; 25] = b"\0\0\0\0\x14\x0a\x12hello from origin!";

/// `:status: 200`, `content-type: application/grpc`, without the dynamic table (RFC 7541 §6.1, §6.2.2).
const FIELDS: &[u8] = b"\x88\x0f\x10\x10application/grpc";
/// `grpc-status: 0`.
const TRAILERS: &[u8] = b"\0\x0bgrpc-status\x010";

/// Serves a connection until its other end goes.
pub(super) fn connection(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.read_exact(&mut [0; PREFACE])?;
    let mut answers = Vec::new();
    frame(&mut answers, SETTINGS, 0, 0, &[]);
    let mut buffer = vec![0; 64 << 10];
    let (mut filled, mut received) = (0, 0);
    loop {
        let mut taken = 0;
        while let Some((frame, length)) = Frame::of(&buffer[taken..filled]) {
            frame.answer(&mut received, &mut answers);
            taken += length;
        }
        buffer.copy_within(taken..filled, 0);
        filled -= taken;
        stream.write_all(&answers)?;
        answers.clear();
        match stream.read(&mut buffer[filled..])? {
            0 => return Ok(()),
            read => filled += read,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Frame<'a> {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The first frame of `bytes` and its length, once it is there.
    fn of(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let (&[a, b, c, kind, flags, s, t, u, v], rest) = bytes.split_first_chunk::<HEAD>()?;
        let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).ok()?;
        let frame =
            Self { kind, flags, stream: u32::from_be_bytes([s, t, u, v]), payload: rest.get(..length)? };
        Some((frame, HEAD + length))
    }

    fn answer(&self, received: &mut u32, answers: &mut Vec<u8>) {
        let last = self.flags & END_STREAM != 0;
        match self.kind {
            SETTINGS if !last => frame(answers, SETTINGS, END_STREAM, 0, &[]),
            PING if !last => frame(answers, PING, END_STREAM, 0, self.payload),
            DATA => *received += u32::try_from(self.payload.len()).unwrap_or(0),
            _ => {}
        }
        if matches!(self.kind, DATA | HEADERS) && last {
            frame(answers, HEADERS, END_HEADERS, self.stream, FIELDS);
            frame(answers, DATA, 0, self.stream, MESSAGE);
            frame(answers, HEADERS, END_HEADERS | END_STREAM, self.stream, TRAILERS);
        }
        if *received > GIVE_BACK {
            frame(answers, WINDOW_UPDATE, 0, 0, &received.to_be_bytes());
            *received = 0;
        }
    }
}

fn frame(to: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    to.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(0).to_be_bytes()[1..]);
    to.extend_from_slice(&[kind, flags]);
    to.extend_from_slice(&stream.to_be_bytes());
    to.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_answered_once_its_end_is_there() {
        let (mut call, mut answers) = (Vec::new(), Vec::new());
        frame(&mut call, HEADERS, END_HEADERS, 7, b"anything");
        frame(&mut call, DATA, END_STREAM, 7, MESSAGE);
        let (head, length) = Frame::of(&call).unwrap();
        assert_eq!((head.stream, head.payload, length), (7, b"anything".as_slice(), HEAD + 8));
        head.answer(&mut 0, &mut answers);
        assert!(answers.is_empty());
        assert_eq!(Frame::of(&call[length..call.len() - 1]), None);
        let mut received = GIVE_BACK;
        Frame::of(&call[length..]).unwrap().0.answer(&mut received, &mut answers);
        let mut kinds = Vec::new();
        let mut rest = answers.as_slice();
        while let Some((frame, length)) = Frame::of(rest) {
            kinds.push((frame.kind, frame.flags, frame.stream));
            rest = &rest[length..];
        }
        assert_eq!(kinds, [(1, 4, 7), (0, 0, 7), (1, 5, 7), (8, 0, 0)]);
        assert_eq!((rest.len(), received), (0, 0));
    }

    #[test]
    fn the_message_has_the_length_that_it_says() {
        assert_eq!(
            (usize::from(MESSAGE[4]), usize::from(MESSAGE[6])),
            (MESSAGE.len() - 5, MESSAGE.len() - 7)
        );
    }
}
