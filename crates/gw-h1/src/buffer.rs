//! The buffers of a worker, lent to connections that have something to read or to write.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use parking_lot::Mutex;
use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

use crate::WriteQueue;
use crate::head_cache::HeadCache;

/// The bytes of a lent buffer: a head, or a small body.
const LENT: usize = 16 * 1024;

/// How far the reads of a body grow, doubling with every read that fills its room.
const LARGEST: usize = 256 * 1024;

/// What has more room is freed instead of being kept.
const KEPT: usize = 64 * 1024;

/// Less room than this is not worth a read.
const LEAST: usize = 2 * 1024;

/// So many returned buffers are asked whether anybody still reads in them before a new one is made.
const TRIED: usize = 4;

/// Buffers of 16 KiB that nobody uses at the moment. One for each worker, so that its lock is never contended.
#[derive(Debug)]
pub struct BufferPool {
    free: Mutex<Vec<BytesMut>>,
    most: usize,
    heads: HeadCache,
}

impl BufferPool {
    /// A pool that keeps `most` buffers at the most; what is given back beyond that is freed.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { free: Mutex::default(), most, heads: HeadCache::default() })
    }

    /// The buffers that are kept.
    pub fn kept(&self) -> usize {
        self.free.lock().len()
    }

    /// The last heads of the connections that take their buffers here.
    pub(crate) fn heads(&self) -> &HeadCache {
        &self.heads
    }

    /// A buffer without content and with room for at least 16 KiB.
    pub(crate) fn take(&self) -> BytesMut {
        let mut free = self.free.lock();
        for at in (0..free.len()).rev().take(TRIED) {
            // Slices of it may still be alive.
            if free[at].try_reclaim(LENT) {
                return free.swap_remove(at);
            }
        }
        drop(free);
        BytesMut::with_capacity(LENT)
    }

    pub(crate) fn give(&self, mut bytes: BytesMut) {
        bytes.clear();
        let mut free = self.free.lock();
        if free.len() < self.most && bytes.capacity() <= KEPT {
            free.push(bytes);
        }
    }
}

/// What has been read of a connection and not been taken.
#[derive(Debug)]
pub struct ReadBuffer {
    bytes: BytesMut,
    /// The room for the next read, when it has to be made.
    next: usize,
    pool: Arc<BufferPool>,
}

impl ReadBuffer {
    /// A buffer that holds no memory before the first read.
    pub fn new(pool: Arc<BufferPool>) -> Self {
        Self { bytes: BytesMut::new(), next: LENT, pool }
    }

    /// What has been read, to be taken off its front.
    pub fn bytes(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Reads once; ready with the count of bytes that have come, zero at the end. Without any, an empty buffer's
    /// memory is given back, so that a connection may wait here for as long as it likes.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn poll_fill<R>(&mut self, io: Pin<&mut R>, cx: &mut Context<'_>) -> Poll<io::Result<usize>>
    where
        R: AsyncRead + ?Sized,
    {
        let polled = self.poll_ahead(io, cx);
        if polled.is_pending() {
            self.rest();
        }
        polled
    }

    /// Reads once like [`poll_fill`](Self::poll_fill), and keeps its memory: for a wait that ends with the message
    /// whose slices are in it.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn poll_ahead<R>(&mut self, io: Pin<&mut R>, cx: &mut Context<'_>) -> Poll<io::Result<usize>>
    where
        R: AsyncRead + ?Sized,
    {
        self.make_room();
        let room = self.bytes.capacity() - self.bytes.len();
        let read = ready!(poll_read_buf(io, cx, &mut self.bytes))?;
        if read == room {
            self.next = LARGEST.min(self.next * 2);
        } else if read < room / 4 {
            self.next = LENT.max(self.next / 2);
        }
        Poll::Ready(Ok(read))
    }

    /// Reads next into the memory of what was written, if nothing is left in either: an answer comes when its request
    /// has left, and to give back one buffer and take another is a lock each.
    pub fn adopt(&mut self, written: &mut WriteQueue) {
        if self.next == LENT && self.bytes.capacity() == 0 {
            self.bytes = written.take_spare();
        }
    }

    fn make_room(&mut self) {
        if self.bytes.capacity() - self.bytes.len() >= LEAST {
            return;
        }
        if !self.bytes.is_empty() {
            self.bytes.reserve(self.next);
        } else if self.next == LENT && self.bytes.capacity() == 0 {
            self.bytes = self.pool.take();
        } else if !self.bytes.try_reclaim(self.next) {
            self.bytes = BytesMut::with_capacity(self.next);
        }
    }

    /// Gives the memory back that it grew to for a big body, if nothing is left in it.
    pub fn shrink(&mut self) {
        if self.next > LENT {
            self.release();
        }
    }

    /// Gives the memory back if nothing is left in it, and begins small again: to be called between two messages.
    pub fn release(&mut self) {
        self.rest();
        self.next = LENT;
    }

    fn rest(&mut self) {
        if !self.bytes.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.bytes);
        // What grew for a big body would hold more than a head is worth, wherever its front is by now.
        if self.next == LENT && bytes.capacity() > 0 {
            self.pool.give(bytes);
        }
    }
}

impl Drop for ReadBuffer {
    fn drop(&mut self) {
        self.bytes.clear();
        self.release();
    }
}

#[cfg(test)]
mod tests;
