//! The body of a request, read off the connection when it is asked for.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite};

use super::shared::{Cell, Inbound};
use crate::ProtocolError;

/// Why the body of a request has no end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is no body.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The client closed its half in the midst of it.
    #[error("the client closed in the midst of its request")]
    Cut,
    /// The connection has ended.
    #[error("the connection has ended")]
    Gone,
    /// The socket failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The body of a request. Whoever asks for its first frame lets a client go on that waits for `100 Continue`.
///
/// It may outlive the answer: then the connection waits for its end or its drop, unless it came with its head. What is left
/// then is read over if it is at hand; else the connection closes.
pub struct RequestBody<I> {
    /// All of it, until it is taken, if it came with its head.
    whole: Option<Bytes>,
    /// None at the end, good or bad.
    cell: Option<Arc<Cell<I>>>,
    /// Bytes left, if known.
    left: Option<u64>,
}

impl<I> RequestBody<I> {
    pub(super) fn empty() -> Self {
        Self { whole: None, cell: None, left: Some(0) }
    }

    pub(super) fn whole(data: Bytes) -> Self {
        Self { left: Some(data.len() as u64), whole: Some(data), cell: None }
    }

    pub(super) fn new(cell: Arc<Cell<I>>, length: Option<u64>) -> Self {
        Self { whole: None, cell: Some(cell), left: length }
    }

    /// All of it, if it came with its head: what is left is an empty body, that of a connection that serves on.
    pub fn take_whole(&mut self) -> Option<Bytes> {
        let whole = self.whole.take()?;
        self.left = Some(0);
        Some(whole)
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> Body for RequestBody<I> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(cell) = &self.cell else {
            return Poll::Ready(self.take_whole().map(|data| Ok(Frame::data(data))));
        };
        let polled = cell.with(|shared| (shared.poll_body(cx), matches!(shared.inbound, Inbound::Held(_))));
        let (polled, goes_on) = polled.unwrap_or((Poll::Ready(Some(Err(BodyError::Gone))), false));
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
            self.left = self.left.map(|left| left.saturating_sub(bytes));
        }
        if !goes_on {
            self.cell = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.cell.is_none() && self.whole.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl<I> Drop for RequestBody<I> {
    fn drop(&mut self) {
        let Some(cell) = &self.cell else { return };
        cell.with(|shared| match std::mem::replace(&mut shared.inbound, Inbound::Lost) {
            Inbound::Held(decoder) => shared.settle(Inbound::Dropped(decoder)),
            other => shared.inbound = other,
        });
    }
}

impl<I> std::fmt::Debug for RequestBody<I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestBody").field("left", &self.left).finish_non_exhaustive()
    }
}
