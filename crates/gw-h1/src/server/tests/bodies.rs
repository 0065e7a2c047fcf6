//! The bodies of requests: read by whoever holds them, or read over, or the end of the connection.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use http_body::Body;
use http_body_util::BodyExt;
use parking_lot::Mutex;

use super::wire::{AnyBody, Bench, Wire, data, fed, full, read};
use crate::server::{BodyError, RequestBody};

type Request = http::Request<RequestBody<Wire>>;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const LAST: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

fn echo(request: Request) -> impl Future<Output = http::Response<AnyBody>> {
    let path = request.uri().path().to_owned();
    async move { full(format!("{path} {}", read(request.into_body()).await)) }
}

/// What a body is read as, at once and byte by byte, and whether the connection serves on.
#[track_caller]
fn check(request: &str, expect: &str, serves_on: bool) {
    for step in [request.len(), 1] {
        let mut bench = Bench::new(echo);
        for piece in request.as_bytes().chunks(step) {
            bench.send(piece);
        }
        let answer = bench.text();
        assert!(answer.ends_with(expect), "{request:?} in steps of {step}: {answer:?}");
        bench.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(bench.text().contains("/next"), serves_on, "{request:?} in steps of {step}");
    }
}

#[test]
fn bodies() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\n";
    check(&format!("{head}Content-Length: 5\r\n\r\nhello"), "/ hello", true);
    check(&format!("{head}Content-Length: 0\r\n\r\n"), "/ ", true);
    check(
        &format!("{head}Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
        "/ hello",
        true,
    );
    check(
        &format!("{head}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-B: c\r\nX_D: e\r\n\r\n"),
        "/ a {\"x-b\": \"c\"}",
        true,
    );
    check(
        &format!("{head}Transfer-Encoding: chunked\r\n\r\n1\na\n0\n\n"),
        "a chunk size that is none",
        false,
    );
}

#[test]
fn a_body_that_is_cut_is_an_error() {
    for framing in ["Content-Length: 5\r\n\r\nhel", "Transfer-Encoding: chunked\r\n\r\n5\r\nhel"] {
        let mut bench = Bench::new(echo);
        bench.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}")).expect("");
        bench.close();
        assert!(bench.text().ends_with("closed in the midst of its request"));
        assert!(bench.is_shut());
    }
}

#[test]
fn a_body_that_nobody_reads_is_never_the_next_request() {
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", smuggled.len());
    // At hand: come with its head, or read over.
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunked = format!("{chunked}{:x}\r\n{smuggled}\r\n0\r\n\r\n", smuggled.len());
    for request in [format!("{head}{smuggled}"), chunked] {
        let mut bench = Bench::new(|_| async { full("") });
        bench.send(&request).expect(OK);
        bench.send(format!("{request}GET / HTTP/1.1\r\nHost: a\r\n\r\n")).expect(&format!("{OK}{OK}"));
    }
    // Not at hand: the end.
    let mut bench = Bench::new(|_| async { full("") });
    bench.send(&head).expect(LAST);
    assert!(bench.is_shut());
    bench.send(smuggled).expect("");
    // Too large, or malformed.
    for body in [
        format!("Content-Length: 100000\r\n\r\n{}", "x".repeat(100_000)),
        "Transfer-Encoding: chunked\r\n\r\nx\r\n".to_owned(),
    ] {
        let mut bench = Bench::new(|_| async { full("") });
        bench.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{body}")).expect(LAST);
        assert!(bench.is_shut());
    }
}

#[test]
fn continue_is_sent_when_the_body_is_wanted() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n";
    let mut bench = Bench::new(echo);
    bench.send(head).expect("HTTP/1.1 100 Continue\r\n\r\n");
    bench.send("hi").expect("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n/ hi");
    // Not for a body that is there, nor in HTTP/1.0, nor where nobody asks.
    bench.send(format!("{head}hi")).expect("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n/ hi");
    bench.send("POST / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n").expect("");
    let mut bench = Bench::new(|_| async { full("") });
    bench.send(head).expect(LAST);
    assert!(bench.is_shut());
}

#[test]
fn continue_comes_before_the_answer_or_not_at_all() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
    let (held, hold) = held();
    let mut bench = Bench::new(hold);
    bench.send(head).expect("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let mut body = held.lock().take().unwrap();
    assert!(next(&mut body, Waker::noop()).is_pending());
    bench.poll().expect("");
    // The client sends it all the same, and then the next request.
    bench.send("hi");
    assert_eq!(text(next(&mut body, Waker::noop())), "hi");
    bench.send("GET /").poll().send(" HTTP/1.1\r\nHost: a\r\n\r\n").expect(OK);
}

#[test]
fn a_body_that_came_with_its_head_is_whole() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\n";
    let whole = format!("{head}Content-Length: 2\r\n\r\nhi");
    let (held, hold) = held();
    let mut bench = Bench::new(hold);
    let mut sent = |pieces: &[&str]| {
        pieces.iter().for_each(|piece| _ = bench.send(piece));
        held.lock().take().unwrap()
    };
    let mut body = sent(&[&whole]);
    assert_eq!((body.is_end_stream(), body.size_hint().exact()), (false, Some(2)));
    assert_eq!(body.take_whole().as_deref(), Some(&b"hi"[..]));
    assert_eq!((body.is_end_stream(), body.size_hint().exact(), body.take_whole()), (true, Some(0), None));
    // Nobody has to take it: what follows is the next request, whoever still holds this one.
    let kept = sent(&[&whole]);
    let mut read = sent(&[&whole]);
    assert_eq!(text(next(&mut read, Waker::noop())), "hi");
    assert!(read.is_end_stream() && !kept.is_end_stream());
    // A part of it, or chunks, are no whole.
    assert_eq!(sent(&[&whole[..whole.len() - 1], &whole[whole.len() - 1..]]).take_whole(), None);
    assert_eq!(sent(&[&format!("{head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]).take_whole(), None);
}

type Held = Arc<Mutex<Option<RequestBody<Wire>>>>;

/// A service that answers at once and keeps the body for somebody else.
fn held() -> (Held, impl FnMut(Request) -> std::future::Ready<http::Response<AnyBody>>) {
    let held = Held::default();
    let hold = Arc::clone(&held);
    let service = move |request: Request| {
        *hold.lock() = Some(request.into_body());
        std::future::ready(full(""))
    };
    (held, service)
}

type Next = Poll<Option<Result<http_body::Frame<bytes::Bytes>, BodyError>>>;

fn next(body: &mut RequestBody<Wire>, waker: &Waker) -> Next {
    Pin::new(body).poll_frame(&mut Context::from_waker(waker))
}

fn text(next: Next) -> String {
    let Poll::Ready(Some(Ok(frame))) = next else { panic!("{next:?}") };
    String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
}

/// An answer that holds the body of its request, as one does that comes from an upstream.
fn holding(mut answer: http::Response<AnyBody>, request: Request) -> http::Response<AnyBody> {
    if let Some(length) = answer.body().size_hint().exact() {
        answer.headers_mut().insert("content-length", length.into());
    }
    let held = request.into_body();
    answer.map(|body| body.map_frame(move |frame| (frame, &held).0).boxed_unsync())
}

#[test]
fn an_answer_with_which_the_request_is_given_up_says_that_it_is_the_last() {
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";
    let closing = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nearly";
    let mut bench = Bench::new(|request| std::future::ready(holding(full("early"), request)));
    bench.send(post).expect(closing);
    assert!(bench.is_shut());
    // What is left of the request is at hand.
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n";
    let mut bench = Bench::new(|request| std::future::ready(holding(full("early"), request)));
    for request in [&format!("{post}abcd"), chunked, chunked] {
        bench.send(request).expect("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nearly");
    }
    // Before the end of the answer nobody can say.
    let (feed, response) = fed();
    let mut response = Some(response);
    let mut bench = Bench::new(move |request| std::future::ready(holding(response.take().unwrap(), request)));
    feed.send(data("early")).unwrap();
    bench.send(post).expect("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nearly\r\n");
    drop(feed);
    bench.poll().expect("0\r\n\r\n");
    assert!(bench.is_shut());
}

/// As [`WriteQueue`](crate::WriteQueue) writes them otherwise: large data is not copied, and comes after the head.
#[test]
fn an_early_answer_is_one_write_too() {
    let large = "x".repeat(10_000);
    let answer = large.clone();
    let mut bench = Bench::new(move |request| std::future::ready(holding(full(answer.clone()), request)));
    bench.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 10000\r\n\r\n";
    let writes = bench.writes();
    assert!(writes == [format!("{head}{large}")], "{} writes", writes.len());
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_body_may_outlive_its_answer() {
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";
    for all in [true, false] {
        let (held, hold) = held();
        let mut bench = Bench::new(hold);
        bench.send(post).expect(OK);
        let mut body = held.lock().take().unwrap();
        assert_eq!(body.size_hint().exact(), Some(4));
        bench.send("ab");
        assert_eq!(text(next(&mut body, Waker::noop())), "ab");
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(2), false));
        bench.expect("").send("cdGET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("");
        if all {
            assert_eq!(text(next(&mut body, Waker::noop())), "cd");
            assert!(body.is_end_stream());
        } else {
            drop(body);
        }
        // The rest was at hand in both cases.
        bench.poll().expect(OK);
    }
}

#[test]
fn who_waits_for_a_body_and_who_waits_for_its_end_are_woken() {
    let (held, hold) = held();
    let mut bench = Bench::new(hold);
    bench.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n").expect(OK);
    let owner = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&owner));
    let mut cx = Context::from_waker(&waker);
    assert!(Pin::new(bench.server.as_mut().unwrap()).poll(&mut cx).is_pending());
    let mut body = held.lock().take().unwrap();
    let reader = Arc::new(Woken::default());
    assert!(next(&mut body, &Waker::from(Arc::clone(&reader))).is_pending());
    drop(body);
    assert_eq!(owner.0.load(Ordering::Relaxed), 1);
    // The connection goes while somebody waits for the body.
    let (held, hold) = self::held();
    let mut bench = Bench::new(hold);
    bench.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n").expect(OK);
    let mut body = held.lock().take().unwrap();
    assert!(next(&mut body, &Waker::from(Arc::clone(&reader))).is_pending());
    bench.server = None;
    assert_eq!(reader.0.load(Ordering::Relaxed), 1);
    assert!(matches!(next(&mut body, Waker::noop()), Poll::Ready(Some(Err(BodyError::Gone)))));
    assert!(next(&mut body, Waker::noop()).is_ready() && body.is_end_stream());
}

#[test]
fn both_directions_may_run_at_once() {
    let (feed, response) = fed();
    let mut response = Some(response);
    let to = feed.clone();
    let mut bench = Bench::new(move |request: Request| {
        let (to, response) = (to.clone(), response.take().unwrap());
        // The answer's body reads the request's.
        let mut body = request.into_body();
        let echo = response.into_body();
        let mut echo = Box::pin(echo);
        let both = futures_util::stream::poll_fn(move |cx| {
            while let Poll::Ready(Some(frame)) = Pin::new(&mut body).poll_frame(cx) {
                to.send(frame.map_err(Into::into)).unwrap();
            }
            echo.as_mut().poll_frame(cx)
        });
        std::future::ready(http::Response::new(http_body_util::StreamBody::new(both).boxed_unsync()))
    });
    bench.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
    bench.expect("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    bench.send("ab").expect("2\r\nab\r\n");
    bench.send("cd").expect("2\r\ncd\r\n");
}
