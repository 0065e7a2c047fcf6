//! One direction of a tunnel: a bounded buffer between a reader and a writer.
//!
//! The reader is asked only when the buffer is empty: the writer's pace is the reader's. The buffer is given back
//! while nothing moves.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes under way in one direction at most.
const BUFFER: usize = 16 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Copying,
    /// Nothing more is read; what is in the buffer is written, then the writer is shut down.
    Ending,
    Done,
}

/// Which end of a direction failed, and how.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The one that is read.
    Reader(io::Error),
    /// The one that is written.
    Writer(io::Error),
}

/// One direction.
#[derive(Debug)]
pub(crate) struct Pipe {
    buffer: Vec<u8>,
    written: usize,
    /// Bytes of ours after those that were read.
    ours: usize,
    flushed: bool,
    state: State,
}

impl Default for Pipe {
    fn default() -> Self {
        Self { buffer: Vec::new(), written: 0, ours: 0, flushed: true, state: State::Copying }
    }
}

impl Pipe {
    /// With bytes of the reader that were read already.
    pub(crate) fn holding(read: &[u8]) -> Self {
        Self { buffer: read.to_vec(), ..Self::default() }
    }

    /// Moves bytes until one side is not ready; `moved` sees those that the writer took. Ready when the reader has
    /// ended and the writer has been told.
    pub(crate) fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
        mut moved: impl FnMut(&[u8]),
    ) -> Poll<Result<(), Broken>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            ready!(self.poll_drain(cx, writer, &mut moved)).map_err(Broken::Writer)?;
            match self.state {
                State::Copying => match self.poll_fill(cx, reader).map_err(Broken::Reader)? {
                    Poll::Ready(()) => {}
                    Poll::Pending => {
                        ready!(self.poll_flush(cx, writer)).map_err(Broken::Writer)?;
                        return Poll::Pending;
                    }
                },
                State::Ending => {
                    ready!(self.poll_flush(cx, writer)).map_err(Broken::Writer)?;
                    // All bytes are written: a writer that went without waiting for the end lacks none.
                    let _ = ready!(Pin::new(&mut *writer).poll_shutdown(cx));
                    self.state = State::Done;
                }
                State::Done => return Poll::Ready(Ok(())),
            }
        }
    }

    /// Whether the end is not in sight.
    pub(crate) fn is_copying(&self) -> bool {
        self.state == State::Copying
    }

    /// Ends this direction at the next boundary: what lies in the buffer beyond it is dropped, `last` follows.
    ///
    /// `until` says how many of the bytes that are read and not written belong before the boundary. Where the
    /// boundary has not been read yet, nothing happens: ask again. `at_boundary` is whether the writer stands at one.
    pub(crate) fn end_after(&mut self, until: impl Fn(&[u8]) -> usize, last: &[u8], at_boundary: bool) {
        if self.state != State::Copying {
            return;
        }
        let pending = &self.buffer[self.written..];
        let keep = if at_boundary { 0 } else { until(pending) };
        if !at_boundary && keep == pending.len() {
            return;
        }
        self.buffer.truncate(self.written + keep);
        self.buffer.extend_from_slice(last);
        self.ours = last.len();
        self.state = State::Ending;
    }

    fn poll_drain<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        writer: &mut W,
        moved: &mut impl FnMut(&[u8]),
    ) -> Poll<io::Result<()>> {
        while self.written < self.buffer.len() {
            let wrote = ready!(Pin::new(&mut *writer).poll_write(cx, &self.buffer[self.written..]))?;
            if wrote == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.flushed = false;
            let read_bytes = self.buffer.len() - self.ours;
            let end = self.written + wrote;
            moved(&self.buffer[self.written.min(read_bytes)..end.min(read_bytes)]);
            self.written = end;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_fill<R: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut R,
    ) -> Poll<io::Result<()>> {
        self.buffer.resize(BUFFER, 0);
        self.written = 0;
        let mut into = ReadBuf::new(&mut self.buffer);
        let polled = Pin::new(reader).poll_read(cx, &mut into);
        let read = into.filled().len();
        self.buffer.truncate(read);
        match polled {
            Poll::Ready(Ok(())) if read == 0 => self.state = State::Ending,
            Poll::Pending => self.buffer = Vec::new(),
            Poll::Ready(_) => {}
        }
        polled
    }

    fn poll_flush<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        writer: &mut W,
    ) -> Poll<io::Result<()>> {
        if !self.flushed {
            ready!(Pin::new(writer).poll_flush(cx))?;
            self.flushed = true;
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn bytes_pass_and_the_end_travels_on() {
        let (mut source, mut reader) = duplex(64);
        let (mut writer, mut sink) = duplex(64);
        let mut pipe = Pipe::default();
        let mut count = 0;
        source.write_all(b"hello").await.unwrap();
        drop(source);
        poll_fn(|cx| pipe.poll(cx, &mut reader, &mut writer, |bytes| count += bytes.len())).await.unwrap();
        let mut got = String::new();
        sink.read_to_string(&mut got).await.unwrap();
        assert_eq!((got.as_str(), count), ("hello", 5));
    }

    #[tokio::test]
    async fn a_slow_writer_stops_the_reader() {
        let (mut source, mut reader) = duplex(1 << 20);
        let (mut writer, _sink) = duplex(10);
        let mut pipe = Pipe::default();
        let mut count = 0;
        source.write_all(&vec![1; 100_000]).await.unwrap();
        let polled =
            poll_fn(|cx| Poll::Ready(pipe.poll(cx, &mut reader, &mut writer, |bytes| count += bytes.len())))
                .await;
        assert!(polled.is_pending());
        assert_eq!(count, 10);
        assert!(pipe.buffer.len() <= BUFFER);
    }

    #[tokio::test]
    async fn ours_comes_after_the_boundary_and_is_not_counted() {
        let (mut source, mut reader) = duplex(64);
        let (mut writer, mut sink) = duplex(4);
        let mut pipe = Pipe::default();
        let mut count = 0;
        source.write_all(b"aaaaaabbb").await.unwrap();
        let _ =
            poll_fn(|cx| Poll::Ready(pipe.poll(cx, &mut reader, &mut writer, |bytes| count += bytes.len())))
                .await;
        // Four of the six a's are written; the frame of a's ends two bytes on.
        pipe.end_after(|pending| pending.iter().take_while(|byte| **byte == b'a').count(), b"END", false);
        let run = poll_fn(|cx| pipe.poll(cx, &mut reader, &mut writer, |bytes| count += bytes.len()));
        let mut got = String::new();
        let (ran, _) = tokio::join!(run, async { sink.read_to_string(&mut got).await });
        ran.unwrap();
        assert_eq!((got.as_str(), count), ("aaaaaaEND", 6));
    }
}
