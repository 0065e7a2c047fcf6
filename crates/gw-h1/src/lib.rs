//! HTTP/1.1 on one connection, for both of its ends: heads, framing, chunked bodies, and the buffers between them and
//! the socket.
//!
//! Nothing here opens a socket, waits or spawns. Bytes that have come lie in a [`ReadBuffer`]; a [`RequestParser`] or
//! [`ResponseParser`] takes a head off its front, [`request_framing`] or [`response_framing`] says what follows it,
//! and a [`BodyDecoder`] takes that off piece by piece. What is to be sent goes through [`encode_request`] or
//! [`encode_response`] and the chunks of a [`WriteQueue`], which writes as much as there is at a time. [`server`] makes
//! of these the server's end.
//!
//! Invariants:
//! - what has two meanings is an error, never a guess (RFC 9112 §2.2, §6.3, §7.1): bare CR or LF, obs-fold, lists of
//!   lengths that differ, codings other than `chunked`;
//! - the same bytes mean the same however they were cut into reads;
//! - field values, targets and data are slices of the bytes as they were read: they are not copied, and keep the
//!   buffer alive; only chunks too small to be worth a slice are moved together;
//! - fields that are byte for byte those of the connection's last head are not read again, and mean the same;
//! - every length that a peer chooses has a limit, or is the caller's to count;
//! - an idle connection holds no buffer.

mod body;
mod buffer;
mod chunked;
mod encode;
mod error;
mod framing;
mod head;
mod head_cache;
mod head_reader;
mod names;
mod noted;
mod queue;
mod request;
mod response;
pub mod server;
mod trailers;

pub use body::{BodyDecoder, Decoded};
pub use buffer::{BufferPool, ReadBuffer};
pub use encode::{encode_request, encode_response};
pub use error::ProtocolError;
pub use framing::{Framing, is_persistent, request_framing, response_framing};
pub use head::{HeadLimits, Underscores};
pub use noted::Noted;
pub use queue::WriteQueue;
pub use request::RequestParser;
pub use response::ResponseParser;

// The tests share some of their code with the fuzz targets, to which this is another crate.
#[cfg(test)]
extern crate self as gw_h1;
#[cfg(test)]
mod tests;
