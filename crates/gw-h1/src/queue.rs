//! What is to be written: heads and chunk framing in one buffer, data in slices of its own, all in one write.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::HeaderMap;
use tokio::io::AsyncWrite;

use crate::BufferPool;
use crate::encode::encode_field;
use crate::trailers::may_trail;

/// Data up to this size is copied beside the head or the framing: cheaper than a slice of its own, which takes two
/// allocations and a write of several slices.
const COPIED: usize = 4 * 1024;

/// The slices of one write.
const SLICES: usize = 64;

/// What is to be written to a connection, in order. It takes whatever it is given: whoever fills it looks at
/// [`len`](Self::len) first.
#[derive(Debug)]
pub struct WriteQueue {
    front: VecDeque<Bytes>,
    /// What comes after all of `front`.
    back: BytesMut,
    length: usize,
    written: u64,
    writes: u64,
    /// Something was written that may still lie in a buffer of the connection's: TLS has one.
    unflushed: bool,
    pool: Arc<BufferPool>,
}

impl WriteQueue {
    /// A queue that holds no memory before it is used.
    pub fn new(pool: Arc<BufferPool>) -> Self {
        Self {
            front: VecDeque::new(),
            back: BytesMut::new(),
            length: 0,
            written: 0,
            writes: 0,
            unflushed: false,
            pool,
        }
    }

    /// An empty queue beside this one.
    pub(crate) fn another(&self) -> Self {
        Self::new(Arc::clone(&self.pool))
    }

    /// The bytes not yet written.
    pub fn len(&self) -> usize {
        self.length
    }

    /// The bytes that the connection has taken so far, of everything that ever was in the queue.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// In how many writes.
    pub fn writes(&self) -> u64 {
        self.writes
    }

    /// Whether everything was written and flushed.
    pub fn is_empty(&self) -> bool {
        self.length == 0 && !self.unflushed
    }

    /// Adds what `encode` appends to a buffer: a head.
    pub fn encode<R>(&mut self, encode: impl FnOnce(&mut BytesMut) -> R) -> R {
        if self.back.capacity() == 0 {
            self.back = self.pool.take();
        }
        let before = self.back.len();
        let returned = encode(&mut self.back);
        self.length += self.back.len().saturating_sub(before);
        returned
    }

    /// Adds data as it is.
    pub fn push(&mut self, data: Bytes) {
        if data.len() <= COPIED {
            return self.encode(|out| out.put_slice(&data));
        }
        if !self.back.is_empty() {
            self.front.push_back(self.back.split().freeze());
        }
        self.length += data.len();
        self.front.push_back(data);
    }

    /// Adds what is in a queue of which nothing was written.
    pub(crate) fn append(&mut self, mut other: Self) {
        for data in other.front.drain(..) {
            self.push(data);
        }
        self.push(other.back.split().freeze());
    }

    /// Adds data as one chunk; no data is no chunk.
    pub fn push_chunk(&mut self, data: Bytes) {
        if data.is_empty() {
            return;
        }
        // A buffer that grows takes everything.
        self.encode(|out| _ = write!(out, "{:x}\r\n", data.len()));
        self.push(data);
        self.encode(|out| out.put_slice(b"\r\n"));
    }

    /// Adds the last chunk and the trailers; those that may stand only in a head are left out.
    pub fn push_last_chunk(&mut self, trailers: Option<&HeaderMap>) {
        self.encode(|out| {
            out.put_slice(b"0\r\n");
            for (name, value) in trailers.into_iter().flatten().filter(|(name, _)| may_trail(name)) {
                encode_field(name, value, out);
            }
            out.put_slice(b"\r\n");
        });
    }

    /// Writes everything and flushes, with as few writes as the peer lets it.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn poll_flush<W>(&mut self, mut io: Pin<&mut W>, cx: &mut Context<'_>) -> Poll<io::Result<()>>
    where
        W: AsyncWrite + ?Sized,
    {
        while self.length > 0 {
            let written = ready!(self.poll_write(io.as_mut(), cx))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unflushed = true;
            self.advance(written);
        }
        if self.unflushed {
            ready!(io.poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write<W>(&self, io: Pin<&mut W>, cx: &mut Context<'_>) -> Poll<io::Result<usize>>
    where
        W: AsyncWrite + ?Sized,
    {
        if self.front.is_empty() {
            return io.poll_write(cx, &self.back);
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let all = self.front.iter().map(|data| &data[..]).chain(std::iter::once(&self.back[..]));
        let mut count = 0;
        for (slice, data) in slices.iter_mut().zip(all) {
            *slice = IoSlice::new(data);
            count += 1;
        }
        io.poll_write_vectored(cx, &slices[..count])
    }

    fn advance(&mut self, mut written: usize) {
        self.length = self.length.saturating_sub(written);
        self.written += written as u64;
        self.writes += 1;
        while let Some(first) = self.front.front_mut() {
            if written < first.len() {
                return first.advance(written);
            }
            written -= first.len();
            self.front.pop_front();
        }
        self.back.advance(written.min(self.back.len()));
    }

    /// The memory, if everything was written.
    pub(crate) fn take_spare(&mut self) -> BytesMut {
        if self.length > 0 { BytesMut::new() } else { std::mem::take(&mut self.back) }
    }

    /// Gives the memory back if everything was written.
    pub fn release(&mut self) {
        if self.length > 0 {
            return;
        }
        self.front = VecDeque::new();
        let back = std::mem::take(&mut self.back);
        if back.capacity() > 0 {
            self.pool.give(back);
        }
    }
}

impl Drop for WriteQueue {
    fn drop(&mut self) {
        self.length = 0;
        self.release();
    }
}

#[cfg(test)]
mod tests;
