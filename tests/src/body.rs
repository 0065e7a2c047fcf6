//! Bodies: whole, chunk by chunk under the test's control, or a long pattern that proves itself.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use tokio::sync::mpsc;

/// Any failure.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// Every body that the harness sends.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// No bytes.
pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// One chunk.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body that sends what its [`Chunks`] are told to send.
pub fn chunks() -> (Chunks, Body) {
    let (sender, mut receiver) = mpsc::channel(1);
    let frames = stream::poll_fn(move |cx| receiver.poll_recv(cx));
    (Chunks(sender), StreamBody::new(frames).boxed_unsync())
}

/// The test's end of a body; dropping it ends the body.
pub struct Chunks(mpsc::Sender<Result<Frame<Bytes>, BoxError>>);

impl Chunks {
    /// Sends a chunk, once the one before was taken.
    ///
    /// # Errors
    /// When the body was dropped: the peer cancelled, or its connection broke.
    pub async fn send(&mut self, bytes: impl Into<Bytes>) -> Result<(), BoxError> {
        self.frame(Ok(Frame::data(bytes.into()))).await
    }

    /// Sends the trailers.
    ///
    /// # Errors
    /// When the body was dropped.
    pub async fn trailers(&mut self, trailers: HeaderMap) -> Result<(), BoxError> {
        self.frame(Ok(Frame::trailers(trailers))).await
    }

    /// Breaks the body off: over h1 the connection is closed in the middle, over h2 the stream is reset.
    ///
    /// # Errors
    /// When the body was dropped.
    pub async fn abort(self) -> Result<(), BoxError> {
        self.frame(Err("broken off by the test".into())).await
    }

    /// Waits until the body is dropped.
    pub async fn dropped(&self) {
        self.0.closed().await;
    }

    async fn frame(&self, frame: Result<Frame<Bytes>, BoxError>) -> Result<(), BoxError> {
        self.0.send(frame).await.map_err(|_| "the body was dropped".into())
    }
}

/// A byte sequence that is cheap to make and to check, and in which a lost, doubled or moved part shows: its period is
/// a prime, which no buffer size shares.
#[derive(Clone, Debug)]
pub struct Pattern {
    block: Bytes,
    at: u64,
}

const PERIOD: usize = 65_521;
const CHUNK: usize = 65_536;

impl Default for Pattern {
    fn default() -> Self {
        let block: Vec<u8> = (0..PERIOD + CHUNK).map(|at| ((at % PERIOD) % 251) as u8).collect();
        Self { block: block.into(), at: 0 }
    }
}

impl Pattern {
    /// A body of the first `len` bytes.
    pub fn body(len: u64) -> Body {
        PatternBody { block: Self::default().block, at: 0, len }.boxed_unsync()
    }

    /// Takes the next bytes that arrived.
    ///
    /// # Panics
    /// When they are not the pattern's next bytes.
    pub fn take(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(CHUNK) {
            let start = (self.at % PERIOD as u64) as usize;
            // Compared as slices, which is fast in debug builds too.
            let right = self.block[start..start + part.len()] == *part;
            assert!(right, "wrong bytes in the {} after {}", part.len(), self.at);
            self.at += part.len() as u64;
        }
    }

    /// How many bytes have arrived.
    pub fn len(&self) -> u64 {
        self.at
    }

    /// Whether none has arrived.
    pub fn is_empty(&self) -> bool {
        self.at == 0
    }
}

struct PatternBody {
    block: Bytes,
    at: u64,
    len: u64,
}

impl http_body::Body for PatternBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let left = self.len - self.at;
        if left == 0 {
            return Poll::Ready(None);
        }
        let start = (self.at % PERIOD as u64) as usize;
        let len = left.min(CHUNK as u64) as usize;
        self.at += len as u64;
        Poll::Ready(Some(Ok(Frame::data(self.block.slice(start..start + len)))))
    }

    fn is_end_stream(&self) -> bool {
        self.at == self.len
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len - self.at)
    }
}
