//! HTTP/2 frame by frame, for what no library would send.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::within;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The kinds of frames (RFC 9113 §6).
pub mod kind {
    #![allow(missing_docs, reason = "they are the RFC's")]
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PUSH_PROMISE: u8 = 5;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// The flag of the last frame of a stream; of SETTINGS and PING, that they answer.
pub const END_STREAM: u8 = 1;
/// The flag of a whole field block.
pub const END_HEADERS: u8 = 4;

/// A frame.
#[derive(Clone, Debug)]
pub struct Frame {
    /// One of [`kind`].
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream; 0 is the connection.
    pub stream: u32,
    /// What it carries.
    pub payload: Vec<u8>,
}

impl Frame {
    /// The bytes of a frame, whatever they mean.
    pub fn bytes(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut bytes = length[1..].to_vec();
        bytes.extend([kind, flags]);
        bytes.extend(stream.to_be_bytes());
        bytes.extend(payload);
        bytes
    }

    /// The status with which a field block of an answer begins, if it does.
    pub fn status(&self) -> Option<u16> {
        // The names and some values have numbers (RFC 7541, appendix A); other values are text, digits by 5 or 6 bits.
        match self.payload[..] {
            [0x88, ..] => Some(200),
            [0x89, ..] => Some(204),
            [0x8b, ..] => Some(304),
            [0x8c, ..] => Some(400),
            [0x8d, ..] => Some(404),
            [0x8e, ..] => Some(500),
            [0x48 | 0x08, length, ref rest @ ..] if length & 0x80 != 0 => digits(rest),
            _ => None,
        }
    }
}

/// Three digits in the code of HPACK (RFC 7541, appendix B).
fn digits(code: &[u8]) -> Option<u16> {
    let mut bits = code.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    let mut number = 0;
    for _ in 0..3 {
        let mut take = |code: u8| bits.next().map(|bit| code << 1 | bit);
        let mut code = 0;
        for _ in 0..5 {
            code = take(code)?;
        }
        let digit = match code {
            0..=2 => code,
            _ => (take(code)?).checked_sub(0b01_1001 - 3)?,
        };
        number = number * 10 + u16::from(digit);
    }
    Some(number)
}

/// A field block: each field by its text, without the tables.
pub fn block<N: AsRef<[u8]>, V: AsRef<[u8]>>(fields: &[(N, V)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0x10);
        for text in [name.as_ref(), value.as_ref()] {
            integer(text.len(), &mut block);
            block.extend(text);
        }
    }
    block
}

/// A number with a prefix of 7 bits (RFC 7541 §5.1).
fn integer(mut number: usize, block: &mut Vec<u8>) {
    let byte = |number: usize| u8::try_from(number).unwrap();
    if number < 127 {
        return block.push(byte(number));
    }
    block.push(127);
    number -= 127;
    while number >= 128 {
        block.push(byte(number % 128 + 128));
        number /= 128;
    }
    block.push(byte(number));
}

/// How far a flood came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flood {
    /// All of it was taken.
    Taken,
    /// The gateway has cut the connection.
    Cut,
    /// The gateway takes no more.
    Stuck,
}

/// Who takes nothing for so long takes nothing any more.
const STUCK: Duration = Duration::from_secs(2);

/// A client with one connection.
pub struct Frames {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Frames {
    /// Connects, with no settings of its own.
    ///
    /// # Panics
    /// When nobody listens.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the gateway takes connections");
        stream.set_nodelay(true).unwrap();
        let mut frames = Self { stream, unread: Vec::new() };
        frames.write(&[PREFACE, &Frame::bytes(kind::SETTINGS, 0, 0, b"")].concat()).await;
        frames
    }

    /// Writes bytes. False if the gateway has cut the connection.
    pub async fn write(&mut self, bytes: &[u8]) -> bool {
        within("bytes were taken, or the connection was cut", self.stream.write_all(bytes)).await.is_ok()
    }

    /// Writes bytes and reads nothing meanwhile.
    ///
    /// That no more is taken can only be watched for a while: on a very slow machine this may end early and hide a
    /// fault, but it never invents one.
    pub async fn flood(&mut self, bytes: &[u8]) -> Flood {
        match tokio::time::timeout(STUCK, self.stream.write_all(bytes)).await {
            Ok(Ok(())) => Flood::Taken,
            Ok(Err(_)) => Flood::Cut,
            Err(_) => Flood::Stuck,
        }
    }

    /// Writes a frame, as [`write`](Self::write) does.
    pub async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        self.write(&Frame::bytes(kind, flags, stream, payload)).await
    }

    /// The next frame; none at the end of the connection.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            if let [a, b, c, kind, flags, s, t, r, m, ..] = self.unread[..] {
                let length = u32::from_be_bytes([0, a, b, c]) as usize;
                if self.unread.len() >= 9 + length {
                    let rest = self.unread.split_off(9 + length);
                    let frame = std::mem::replace(&mut self.unread, rest);
                    let stream = u32::from_be_bytes([s, t, r, m]);
                    return Some(Frame { kind, flags, stream, payload: frame[9..].to_vec() });
                }
            }
            let read = within("a frame, or the end", self.stream.read_buf(&mut self.unread)).await;
            if read.ok()? == 0 {
                return None;
            }
        }
    }
}
