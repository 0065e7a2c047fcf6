//! A connection without pool and cluster: how many writes, how many pieces, what is handed back, what idles.

use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use gw_core::Body;
use gw_h1::BufferPool;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::Sender;

use super::*;

/// A connection, the upstream's end of it, and the buffers.
async fn pair() -> (Box<Conn>, TcpStream, Arc<BufferPool>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (upstream, _) = listener.accept().await.unwrap();
    upstream.set_nodelay(true).unwrap();
    let pool = BufferPool::new(8);
    (Conn::on(Stream::Plain(tcp), &pool, Tasks::default()), upstream, pool)
}

async fn send_over(conn: Box<Conn>, request: &mut Request) -> Result<Response<Incoming>, Failed> {
    let noted = Noted::of(request.headers());
    conn.send(request, noted).await
}

fn post(body: impl Into<Body>) -> Request {
    http::Request::post("/a").header("host", "b").body(body.into()).unwrap()
}

fn stream(frames: Vec<&'static str>) -> Body {
    let frames = frames.into_iter().map(|text| Ok(Frame::data(Bytes::from_static(text.as_bytes()))));
    Body::stream(StreamBody::new(futures_util::stream::iter(frames)))
}

/// Sends `request` while the upstream says `answer` once it has read `expect`; then the connection with its answer.
async fn exchange(mut request: Request, expect: &[u8], answer: &[u8]) -> (Response<Incoming>, TcpStream) {
    let (conn, mut upstream, _) = pair().await;
    let serve = async {
        let mut seen = vec![0; expect.len()];
        upstream.read_exact(&mut seen).await.unwrap();
        assert_eq!(seen.escape_ascii().to_string(), expect.escape_ascii().to_string());
        upstream.write_all(answer).await.unwrap();
    };
    let (sent, ()) = tokio::join!(send_over(conn, &mut request), serve);
    (sent.map_err(|failed| failed.error).unwrap(), upstream)
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// Says in how many writes the request leaves.
async fn check_writes(request: Request, expect: String, writes: u64) {
    let (answer, _upstream) = exchange(request, expect.as_bytes(), OK).await;
    let mut incoming = answer.into_body();
    let conn = incoming.take_idle().expect("both have ended");
    assert_eq!(conn.write.writes(), writes, "{expect:.80}");
}

#[tokio::test]
async fn a_head_and_the_body_at_hand_leave_in_one_write() {
    let get = http::Request::get("/a?b").header("host", "b").body(Body::empty()).unwrap();
    check_writes(get, "GET /a?b HTTP/1.1\r\nhost: b\r\n\r\n".to_owned(), 1).await;
    let head = "POST /a HTTP/1.1\r\nhost: b\r\n";
    let full = "x".repeat(4096);
    let sized = format!("{head}content-length: 4096\r\n\r\n{full}");
    check_writes(post(full), sized, 1).await;
    // Of unknown length, and three pieces: the first leaves with the head, and the end with the last.
    let chunked =
        format!("{head}transfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n2\r\nde\r\n0\r\n\r\n");
    check_writes(post(stream(vec!["ab", "c", "de"])), chunked, 2).await;
}

/// A method that expects a body says when there is none; a length that the client gave stands.
#[tokio::test]
async fn a_request_says_how_long_its_body_is() {
    let asked = |method: &str, length: Option<u64>, body: Body| {
        let mut request = http::Request::builder().method(method).uri("/a").body(body).unwrap();
        request.headers_mut().extend(length.map(|length| (http::header::CONTENT_LENGTH, length.into())));
        request
    };
    for (method, length, body, said) in [
        ("GET", None, Body::empty(), "\r\n"),
        ("GET", Some(0), Body::empty(), "content-length: 0\r\n\r\n"),
        ("GET", None, Body::from("abc"), "content-length: 3\r\n\r\nabc"),
        ("DELETE", None, stream(vec!["ab"]), "transfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"),
        ("POST", None, Body::empty(), "content-length: 0\r\n\r\n"),
        ("PUT", None, Body::empty(), "content-length: 0\r\n\r\n"),
        ("PATCH", None, Body::empty(), "content-length: 0\r\n\r\n"),
        ("PUT", Some(3), stream(vec!["abc"]), "content-length: 3\r\n\r\nabc"),
    ] {
        let expect = format!("{method} /a HTTP/1.1\r\n{said}");
        let (answer, _upstream) = exchange(asked(method, length, body), expect.as_bytes(), OK).await;
        assert!(answer.into_body().take_idle().is_some(), "{expect}");
    }
}

#[tokio::test]
async fn an_answer_in_small_chunks_comes_in_few_pieces() {
    let mut answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..10 {
        answer.extend_from_slice(b"400\r\n");
        answer.extend_from_slice(&[b'a'; 1024]);
        answer.extend_from_slice(b"\r\n");
    }
    answer.extend_from_slice(b"0\r\n\r\n");
    let expect = b"GET /a HTTP/1.1\r\nhost: b\r\n\r\n";
    let get = http::Request::get("/a").header("host", "b").body(Body::empty()).unwrap();
    let (response, _upstream) = exchange(get, expect, &answer).await;
    let mut incoming = response.into_body();
    let (mut pieces, mut bytes) = (0, 0);
    while let Some(frame) = incoming.frame().await {
        pieces += 1;
        bytes += frame.unwrap().data_ref().map_or(0, Bytes::len);
        if incoming.is_end_stream() {
            break;
        }
    }
    assert_eq!(bytes, 10 * 1024);
    assert!(pieces <= 2, "{pieces}");
    assert!(incoming.take_idle().is_some());
}

#[tokio::test]
async fn an_idle_connection_holds_no_buffer() {
    let (conn, mut upstream, pool) = pair().await;
    let serve = async {
        upstream.read_exact(&mut [0; 30]).await.unwrap();
        upstream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc").await.unwrap();
    };
    let mut request = post("abc");
    let (sent, ()) = tokio::join!(send_over(conn, &mut request), serve);
    let mut incoming = sent.map_err(|failed| failed.error).unwrap().into_body();
    let data = incoming.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(data, "abc");
    let mut conn = incoming.take_idle().unwrap();
    assert_eq!((conn.read.bytes().capacity(), pool.kept()), (0, 1));
    assert!(conn.is_ready());
}

#[tokio::test]
async fn what_comes_while_a_connection_idles_is_noticed() {
    for unasked in [&b""[..], b"HTTP/1.1 408 x\r\n\r\n"] {
        let expect = b"POST /a HTTP/1.1\r\nhost: b\r\ncontent-length: 1\r\n\r\nx";
        let (answer, mut upstream) = exchange(post("x"), expect, OK).await;
        let mut conn = answer.into_body().take_idle().unwrap();
        assert!(conn.is_ready());
        upstream.write_all(unasked).await.unwrap();
        drop(upstream);
        let Stream::Plain(tcp) = &conn.stream else { unreachable!() };
        tcp.readable().await.unwrap();
        assert!(!conn.is_ready());
    }
}

/// Sends over a connection that was reset while it idled.
async fn send_after_reset(request: &mut Request) -> Failed {
    let (conn, upstream, _) = pair().await;
    SockRef::from(&upstream).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    drop(upstream);
    let Stream::Plain(tcp) = &conn.stream else { unreachable!() };
    tcp.readable().await.unwrap();
    send_over(conn, request).await.err().expect("nobody is there")
}

#[tokio::test]
async fn a_request_of_which_no_byte_left_is_as_it_was() {
    for (body, expect) in [
        (Body::empty(), ""),
        (Body::from("whole"), "whole"),
        (stream(vec!["first", "second"]), "firstsecond"),
        (Body::stream(http_body_util::Empty::new().map_err(|never| match never {})), ""),
    ] {
        let mut request = post(body);
        let failed = send_after_reset(&mut request).await;
        assert!(is_silent(&failed.error) && failed.unsent, "{:?}", failed.error);
        assert_eq!((request.uri().path(), request.headers().len()), ("/a", 1));
        let body = request.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, expect);
    }
}

/// So that it may be sent again without a copy.
#[tokio::test]
async fn a_request_that_left_keeps_its_head() {
    let (conn, mut upstream, _) = pair().await;
    let serve = async {
        upstream.read_exact(&mut [0; 1]).await.unwrap();
        drop(upstream);
    };
    let mut request = post("x");
    let (sent, ()) = tokio::join!(send_over(conn, &mut request), serve);
    let failed = sent.err().expect("no answer");
    assert!(is_silent(&failed.error) && !failed.unsent, "{:?}", failed.error);
    assert_eq!((request.uri().path(), &request.headers()["host"]), ("/a", &"b".parse().unwrap()));
}

#[tokio::test]
async fn an_answer_that_was_sent_before_the_reset_is_read() {
    let (conn, mut upstream, _) = pair().await;
    let mut endless = post(Body::stream(StreamBody::new(futures_util::stream::repeat_with(|| {
        Ok(Frame::data(Bytes::from_static(&[b'x'; 1024])))
    }))));
    let serve = async {
        upstream.read_exact(&mut [0; 1000]).await.unwrap();
        upstream.write_all(b"HTTP/1.1 413 x\r\ncontent-length: 3\r\n\r\nabc").await.unwrap();
        upstream.shutdown().await.unwrap();
        upstream
    };
    let (sent, _upstream) = tokio::join!(send_over(conn, &mut endless), serve);
    let mut incoming = sent.map_err(|failed| failed.error).unwrap().into_body();
    let data = incoming.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(data, "abc");
    assert!(incoming.is_end_stream() && incoming.take_idle().is_none());
}

/// A request whose answer has begun before its end: the channel of its body, the answer, and the upstream.
async fn early() -> (Sender<Frame<Bytes>>, Incoming, TcpStream) {
    let (give, taken) = tokio::sync::mpsc::channel(1);
    let frames =
        futures_util::stream::unfold(
            taken,
            |mut taken| async move { Some((Ok(taken.recv().await?), taken)) },
        );
    let expect = b"POST /a HTTP/1.1\r\nhost: b\r\ntransfer-encoding: chunked\r\n\r\n";
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\na";
    let (answer, upstream) = exchange(post(Body::stream(StreamBody::new(frames))), expect, answer).await;
    (give, answer.into_body(), upstream)
}

fn data(frame: Option<Result<Frame<Bytes>, Error>>) -> Bytes {
    frame.unwrap().unwrap().into_data().unwrap()
}

/// Much more than the buffers of two sockets hold.
const MUCH: usize = 64 << 20;

#[tokio::test]
async fn a_request_goes_on_though_nobody_asks_for_its_answer() {
    let (give, mut answer, mut upstream) = early().await;
    let send = async move {
        for _ in 0..MUCH >> 20 {
            give.send(Frame::data(Bytes::from(vec![b'x'; 1 << 20]))).await.unwrap();
        }
    };
    let chunk = "100000\r\n".len() + (1 << 20) + "\r\n".len();
    let mut all = vec![0; chunk * (MUCH >> 20) + "0\r\n\r\n".len()];
    let both = futures_util::future::join(send, upstream.read_exact(&mut all));
    let (_, read) = tokio::time::timeout(std::time::Duration::from_secs(60), both).await.expect("an end");
    read.unwrap();
    assert!(all.ends_with(b"x\r\n0\r\n\r\n"));
    // Both messages end in order, so the connection serves again.
    upstream.write_all(b"bc").await.unwrap();
    assert_eq!(data(answer.frame().await), "a");
    assert_eq!(data(answer.frame().await), "bc");
    let conn = answer.take_idle().expect("both have ended");
    assert_eq!((conn.read.is_empty(), conn.write.is_empty()), (true, true));
    let serve = async {
        upstream.read_exact(&mut [0; 30]).await.unwrap();
        upstream.write_all(OK).await.unwrap();
    };
    let mut again = post("x");
    let (sent, ()) = tokio::join!(send_over(conn, &mut again), serve);
    assert!(sent.map_err(|failed| failed.error).unwrap().into_body().take_idle().is_some());
}

#[tokio::test]
async fn an_answer_dropped_early_ends_its_request_at_once() {
    for taken in [false, true] {
        let (give, mut answer, mut upstream) = early().await;
        assert_eq!(data(answer.frame().await), "a");
        if taken {
            // It has ended and the request has not.
            upstream.write_all(b"bc").await.unwrap();
            assert_eq!(data(answer.frame().await), "bc");
            assert!(answer.take_idle().is_none());
        } else {
            drop(answer);
        }
        assert!(give.is_closed());
        assert_eq!(upstream.read(&mut [0]).await.unwrap(), 0);
    }
}

/// The panic of a body ends nobody else, and is no fault of the upstream's or the client's.
#[tokio::test]
async fn a_request_whose_body_panics_breaks_its_answer() {
    let expect = b"POST /a HTTP/1.1\r\nhost: b\r\ntransfer-encoding: chunked\r\n\r\n";
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n";
    let (panic, told) = tokio::sync::oneshot::channel::<()>();
    let frames =
        futures_util::stream::once(async move { told.await.map(|()| Frame::data(Bytes::new())).expect("x") });
    let body = Body::stream(StreamBody::new(frames.map(Ok)));
    let (answer, _upstream) = exchange(post(body), expect, answer).await;
    drop(panic);
    let mut answer = answer.into_body();
    let failed =
        tokio::time::timeout(std::time::Duration::from_secs(60), answer.frame()).await.expect("an end");
    let error = failed.unwrap().unwrap_err();
    assert_eq!(outcome(&error), Outcome::Internal, "{error:?}");
}

#[tokio::test]
async fn an_upstream_that_takes_no_more_may_end_its_answer() {
    let (give, mut answer, mut upstream) = early().await;
    upstream.write_all(b"bc").await.unwrap();
    drop(upstream);
    for _ in 0..1000 {
        let _ = give.try_send(Frame::data(Bytes::from_static(b"x")));
        tokio::task::yield_now().await;
    }
    assert_eq!(data(answer.frame().await), "a");
    assert_eq!(data(answer.frame().await), "bc");
    assert!(answer.is_end_stream() && answer.take_idle().is_none());
}

#[tokio::test]
async fn a_body_that_is_not_as_long_as_it_says_is_our_fault() {
    for body in ["ab", "abcd"] {
        let (conn, mut upstream, _) = pair().await;
        let mut request = post(body);
        request.headers_mut().insert("content-length", 3.into());
        let read = async {
            let mut all = Vec::new();
            upstream.read_to_end(&mut all).await
        };
        let send = async {
            let failed = send_over(conn, &mut request).await.err().unwrap();
            assert_eq!(outcome(&failed.error), Outcome::Internal, "{:?}", failed.error);
        };
        // Both end: the connection is closed, so that the upstream does not wait for the rest.
        let both = futures_util::future::join(send, read);
        assert!(tokio::time::timeout(std::time::Duration::from_secs(10), both).await.is_ok());
    }
}

#[tokio::test]
async fn bytes_behind_a_101_are_the_tunnels_first() {
    let expect = b"GET /a HTTP/1.1\r\nhost: b\r\n\r\n";
    let get = http::Request::get("/a").header("host", "b").body(Body::empty()).unwrap();
    let (answer, mut upstream) = exchange(get, expect, b"HTTP/1.1 101 x\r\nupgrade: y\r\n\r\nfirst").await;
    let mut io = hyper_util::rt::TokioIo::new(Box::into_pin(answer.into_body().into_io().await.unwrap()));
    upstream.write_all(b" second").await.unwrap();
    let mut seen = [0; 12];
    drop(upstream);
    io.read_exact(&mut seen).await.expect("both before the end");
    assert_eq!(&seen, b"first second");
}

#[tokio::test]
async fn a_length_beside_chunks_is_removed_and_the_connection_is_not_used_again() {
    let get = http::Request::get("/a").header("host", "b").body(Body::empty()).unwrap();
    let both =
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
    let (answer, _upstream) = exchange(get, b"GET /a HTTP/1.1\r\nhost: b\r\n\r\n", both).await;
    assert!(!answer.headers().contains_key("content-length"));
    let mut incoming = answer.into_body();
    assert_eq!(incoming.frame().await.unwrap().unwrap().into_data().unwrap(), "a");
    assert!(incoming.is_end_stream() && incoming.take_idle().is_none());
}
