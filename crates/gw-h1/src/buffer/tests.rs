//! Lending, growing, giving back.

use std::task::Waker;

use bytes::Bytes;

use super::*;

fn fill(buffer: &mut ReadBuffer, mut input: &[u8]) -> Poll<usize> {
    let mut cx = Context::from_waker(Waker::noop());
    buffer.poll_fill(Pin::new(&mut input), &mut cx).map(Result::unwrap)
}

/// Never has anything.
struct Silent;

impl AsyncRead for Silent {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

#[test]
fn an_idle_connection_holds_no_buffer() {
    let pool = BufferPool::new(4);
    let mut buffer = ReadBuffer::new(Arc::clone(&pool));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(buffer.poll_fill(Pin::new(&mut Silent), &mut cx).is_pending());
    assert_eq!((pool.kept(), buffer.bytes.capacity()), (1, 0));
    assert_eq!(fill(&mut buffer, b"ab"), Poll::Ready(2));
    assert_eq!(pool.kept(), 0);
    assert!(buffer.poll_fill(Pin::new(&mut Silent), &mut cx).is_pending());
    assert_eq!((pool.kept(), &buffer.bytes[..]), (0, &b"ab"[..]), "what was read stays");
    buffer.bytes().clear();
    buffer.release();
    assert_eq!((pool.kept(), buffer.bytes.capacity()), (1, 0));
}

/// One loan for a request and its answer.
#[test]
fn an_answer_is_read_into_what_its_request_was_written_from() {
    let pool = BufferPool::new(4);
    let (mut read, mut write) = (ReadBuffer::new(Arc::clone(&pool)), WriteQueue::new(Arc::clone(&pool)));
    write.push(Bytes::from_static(b"request"));
    read.adopt(&mut write);
    assert_eq!(read.bytes.capacity(), 0, "it is yet to be written");
    let mut cx = Context::from_waker(Waker::noop());
    assert!(write.poll_flush(Pin::new(&mut tokio::io::sink()), &mut cx).is_ready());
    read.adopt(&mut write);
    assert!(read.bytes.is_empty() && read.bytes.capacity() > LENT / 2);
    write.release();
    assert_eq!(fill(&mut read, b"answer"), Poll::Ready(6));
    read.adopt(&mut write);
    assert_eq!((&read.bytes[..], pool.kept()), (&b"answer"[..], 0));
    read.bytes().clear();
    read.release();
    assert_eq!(pool.kept(), 1);
}

#[test]
fn reads_of_a_big_body_grow_and_the_next_message_begins_small() {
    let pool = BufferPool::new(4);
    let mut buffer = ReadBuffer::new(Arc::clone(&pool));
    let input = vec![0; 1 << 20];
    let reads: Vec<_> = (0..7)
        .map(|_| {
            let read = fill(&mut buffer, &input);
            drop(buffer.bytes().split());
            read
        })
        .collect();
    let kib = |kib: usize| Poll::Ready(kib * 1024);
    assert_eq!(reads, [kib(16), kib(32), kib(64), kib(128), kib(256), kib(256), kib(256)]);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(buffer.poll_fill(Pin::new(&mut Silent), &mut cx).is_pending());
    assert_eq!(
        (buffer.bytes.capacity(), pool.kept()),
        (0, 0),
        "it waits without, and a large one is not kept"
    );
    assert_eq!(fill(&mut buffer, &input), kib(256), "the body goes on as it was");
    buffer.bytes().clear();
    // A small read halves what the next one gets.
    for expect in [128, 64, 32, 16, 16] {
        assert_eq!(fill(&mut buffer, b"x"), Poll::Ready(1));
        assert_eq!(buffer.next, expect * 1024);
        buffer.bytes = BytesMut::new();
    }
    assert_eq!(fill(&mut buffer, &input), kib(16));
    buffer.bytes().clear();
    buffer.release();
    assert_eq!(fill(&mut buffer, &input), kib(16));
    drop(buffer.bytes().split());
    buffer.shrink();
    assert_eq!((pool.kept(), buffer.bytes.capacity()), (0, 0));
    assert_eq!(fill(&mut buffer, &input[..10]), Poll::Ready(10));
    drop(buffer.bytes().split());
    buffer.shrink();
    assert!(buffer.bytes.capacity() > 0, "a small one stays");
}

#[test]
fn a_buffer_that_is_still_read_is_not_lent() {
    let pool = BufferPool::new(4);
    let mut buffer = ReadBuffer::new(Arc::clone(&pool));
    assert_eq!(fill(&mut buffer, b"abcd"), Poll::Ready(4));
    let slice = buffer.bytes().split().freeze();
    buffer.release();
    assert_eq!(pool.kept(), 1);
    let other = pool.take();
    assert_eq!(pool.kept(), 1, "another was made");
    drop(slice);
    let again = pool.take();
    assert_eq!(pool.kept(), 0);
    assert!(again.capacity() >= LENT && other.capacity() >= LENT);
    pool.give(again);
    pool.give(other);
    assert_eq!(pool.kept(), 2);
}

#[test]
fn a_pool_keeps_no_more_than_its_bound() {
    let pool = BufferPool::new(1);
    let (first, second) = (pool.take(), pool.take());
    pool.give(first);
    pool.give(second);
    assert_eq!(pool.kept(), 1);
}
