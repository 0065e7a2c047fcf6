//! What leaves, and in how many writes.

use std::task::Waker;

use http::{Request, Response, StatusCode, Version};

use super::*;
use crate::{Framing, encode_request, encode_response};

/// A socket that takes so many bytes at a write.
struct Sink {
    taken: Vec<u8>,
    writes: usize,
    flushes: usize,
    room: usize,
    /// Keeps what it took to itself for now.
    holds: bool,
}

impl Sink {
    fn new(room: usize) -> Self {
        Self { taken: Vec::new(), writes: 0, flushes: 0, room, holds: false }
    }
}

impl AsyncWrite for Sink {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let before = self.taken.len();
        let room = self.room;
        self.taken.extend(slices.iter().flat_map(|slice| slice.iter()).take(room));
        self.writes += 1;
        Poll::Ready(Ok(self.taken.len() - before))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flushes += 1;
        if self.holds { Poll::Pending } else { Poll::Ready(Ok(())) }
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn flush(queue: &mut WriteQueue, sink: &mut Sink) {
    let flushed = queue.poll_flush(Pin::new(sink), &mut Context::from_waker(Waker::noop()));
    assert!(matches!(flushed, Poll::Ready(Ok(()))));
    assert!(queue.is_empty());
}

fn fill(queue: &mut WriteQueue) {
    let (mut head, ()) = Response::new(()).into_parts();
    head.headers.insert("content-length", 5.into());
    head.headers.insert("x", http::HeaderValue::from_static("a"));
    queue.encode(|out| encode_response(&head, Framing::Chunked, out));
    queue.push_chunk(Bytes::from(vec![b'a'; 10 * 1024]));
    queue.push_chunk(Bytes::new());
    queue.push_chunk(Bytes::from_static(b"small"));
    let mut trailers = HeaderMap::new();
    trailers.insert("content-length", 5.into());
    trailers.insert("grpc-status", 0.into());
    queue.push_last_chunk(Some(&trailers));
}

fn filled() -> Vec<u8> {
    let mut expect = b"HTTP/1.1 200 OK\r\nx: a\r\ntransfer-encoding: chunked\r\n\r\n2800\r\n".to_vec();
    expect.extend(std::iter::repeat_n(b'a', 10 * 1024));
    expect.extend_from_slice(b"\r\n5\r\nsmall\r\n0\r\ngrpc-status: 0\r\n\r\n");
    expect
}

#[test]
fn a_head_and_the_body_at_hand_are_one_write() {
    let mut queue = WriteQueue::new(BufferPool::new(4));
    let mut sink = Sink::new(usize::MAX);
    fill(&mut queue);
    assert_eq!(queue.len(), filled().len());
    flush(&mut queue, &mut sink);
    assert_eq!(sink.taken, filled());
    assert_eq!((sink.writes, sink.flushes), (1, 1));
    assert_eq!((queue.writes(), queue.written()), (1, filled().len() as u64));
    flush(&mut queue, &mut sink);
    assert_eq!((sink.writes, sink.flushes), (1, 1), "nothing is written or flushed twice");
}

#[test]
fn partial_writes_go_on_where_they_stopped() {
    for room in [1, 7, 100, 10_000] {
        let mut queue = WriteQueue::new(BufferPool::new(4));
        let mut sink = Sink::new(room);
        fill(&mut queue);
        flush(&mut queue, &mut sink);
        assert_eq!(sink.taken, filled(), "{room}");
    }
}

/// As TLS does when the socket is full.
#[test]
fn what_the_connection_holds_back_has_not_left() {
    let mut queue = WriteQueue::new(BufferPool::new(4));
    let mut sink = Sink { holds: true, ..Sink::new(usize::MAX) };
    fill(&mut queue);
    assert!(queue.poll_flush(Pin::new(&mut sink), &mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!((queue.len(), queue.is_empty()), (0, false));
    sink.holds = false;
    flush(&mut queue, &mut sink);
}

#[test]
fn more_slices_than_one_write_takes() {
    let mut queue = WriteQueue::new(BufferPool::new(4));
    let mut sink = Sink::new(usize::MAX);
    for _ in 0..100 {
        queue.push(Bytes::from(vec![b'a'; COPIED + 1]));
    }
    flush(&mut queue, &mut sink);
    assert_eq!((sink.taken.len(), sink.writes), (100 * (COPIED + 1), 2));
}

#[test]
fn memory_goes_back_when_all_is_written() {
    let pool = BufferPool::new(4);
    let mut queue = WriteQueue::new(Arc::clone(&pool));
    fill(&mut queue);
    queue.release();
    assert_eq!(pool.kept(), 0, "not before it was written");
    flush(&mut queue, &mut Sink::new(usize::MAX));
    queue.release();
    assert_eq!(pool.kept(), 1);
    fill(&mut queue);
    assert_eq!(pool.kept(), 0);
    drop(queue);
    assert_eq!(pool.kept(), 1);
}

#[track_caller]
fn check_request(uri: &str, framing: Framing, expect: &str) {
    let mut request = Request::post(uri).header("host", "a").body(()).unwrap();
    request.headers_mut().insert("transfer-encoding", http::HeaderValue::from_static("gzip"));
    let mut out = BytesMut::new();
    encode_request(&request, framing, &mut out);
    assert_eq!(out, expect);
}

#[test]
fn requests() {
    check_request("/a?b", Framing::Empty, "POST /a?b HTTP/1.1\r\nhost: a\r\n\r\n");
    check_request("*", Framing::Length(0), "POST * HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n");
    check_request(
        "http://b?c",
        Framing::Chunked,
        "POST http://b/?c HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n",
    );
    check_request("b:443", Framing::Empty, "POST b:443 HTTP/1.1\r\nhost: a\r\n\r\n");
}

/// RFC 9112 §3.2.4; no text parses as that target, which is made of parts.
#[test]
fn the_whole_server_in_absolute_form_has_no_path() {
    let mut parts = http::Uri::from_static("*").into_parts();
    parts.scheme = Some(http::uri::Scheme::HTTP);
    parts.authority = Some(http::uri::Authority::from_static("b:81"));
    let uri = http::Uri::from_parts(parts).unwrap();
    let request = Request::options(uri).body(()).unwrap();
    let mut out = BytesMut::new();
    encode_request(&request, Framing::Empty, &mut out);
    assert_eq!(out, "OPTIONS http://b:81 HTTP/1.1\r\n\r\n");
}

#[test]
fn answers() {
    for (status, version, expect) in [
        (StatusCode::CONTINUE, Version::HTTP_11, "HTTP/1.1 100 Continue\r\ncontent-length: 3\r\n\r\n"),
        (StatusCode::OK, Version::HTTP_10, "HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\n"),
        (StatusCode::from_u16(299).unwrap(), Version::HTTP_2, "HTTP/1.1 299 \r\ncontent-length: 3\r\n\r\n"),
    ] {
        let response = Response::builder().status(status).version(version).header("content-length", 3);
        let (head, ()) = response.body(()).unwrap().into_parts();
        let mut out = BytesMut::new();
        encode_response(&head, Framing::Empty, &mut out);
        assert_eq!(out, expect);
    }
}
