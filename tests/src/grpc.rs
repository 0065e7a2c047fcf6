//! gRPC by hand over HTTP/2: its frames, an upstream and a client. Messages are bytes; nothing here knows protobuf.
//!
//! Source: the gRPC project's `PROTOCOL-HTTP2` document.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http::HeaderMap;

pub use caller::{GrpcAnswer, GrpcCaller, GrpcStream};
pub use origin::GrpcOrigin;

mod caller;
mod origin;

/// Bytes before a message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// A message with its prefix.
pub fn frame(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(PREFIX + message.len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).expect("a message has less than 4 GiB"));
    frame.put_slice(message);
    frame.freeze()
}

/// Cuts messages out of a body.
#[derive(Debug, Default)]
pub(crate) struct Frames(BytesMut);

impl Frames {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn next(&mut self) -> Option<Bytes> {
        let mut prefix = self.0.get(..PREFIX)?;
        let compressed = prefix.get_u8();
        assert_eq!(compressed, 0, "nobody asked for compression");
        let len = prefix.get_u32() as usize;
        (self.0.len() >= PREFIX + len).then(|| {
            self.0.advance(PREFIX);
            self.0.split_to(len).freeze()
        })
    }
}

/// The trailers of an outcome.
pub(crate) fn status(code: u16, message: &str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", code.into());
    if !message.is_empty() {
        trailers.insert("grpc-message", message.parse().expect("visible ASCII"));
    }
    trailers
}
