//! How answers are framed, and in how many writes they leave.

use http::{HeaderMap, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Empty};

use super::wire::{AnyBody, Bench, data, fed, full};
use crate::server::Error;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// The answer `response` to `request`, and whether the connection is closed after it.
#[track_caller]
fn check(request: &str, response: impl Fn() -> Response<AnyBody> + 'static, expect: &str, closes: bool) {
    let mut bench = Bench::new(move |_| std::future::ready(response()));
    bench.send(request).expect(expect);
    assert_eq!(bench.is_shut(), closes, "{request:?}");
}

fn empty() -> Response<AnyBody> {
    Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync())
}

fn with(
    mut response: Response<AnyBody>,
    status: u16,
    fields: &[(&'static str, &'static str)],
) -> Response<AnyBody> {
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
    for (name, value) in fields {
        response.headers_mut().append(*name, http::HeaderValue::from_static(value));
    }
    response
}

#[test]
fn a_small_answer_is_one_write() {
    let mut bench = Bench::new(|_| async { full("hello") });
    for _ in 0..2 {
        bench.send(GET);
        assert_eq!(bench.writes(), ["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"]);
    }
}

#[test]
fn a_date_is_added_where_none_is() {
    let mut bench = Bench::new(|_| async { with(empty(), 200, &[("date", "then")]) });
    bench.send(GET).expect("HTTP/1.1 200 OK\r\ndate: then\r\ncontent-length: 0\r\n\r\n");
}

#[test]
fn what_is_at_hand_of_a_stream_is_one_write_and_the_rest_goes_as_it_comes() {
    let (feed, response) = fed();
    let mut response = Some(response);
    let mut bench = Bench::new(move |_| std::future::ready(response.take().unwrap()));
    (0..3).for_each(|_| feed.send(data("0123456789")).unwrap());
    bench.send(GET);
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = "a\r\n0123456789\r\n";
    assert_eq!(bench.writes(), [format!("{head}{chunk}{chunk}{chunk}")]);
    feed.send(data("ab")).unwrap();
    feed.send(data("")).unwrap();
    bench.poll();
    assert_eq!(bench.writes(), ["2\r\nab\r\n"]);
    drop(feed);
    bench.poll();
    assert_eq!(bench.writes(), ["0\r\n\r\n"]);
    assert!(bench.server.is_some() && bench.pool.kept() > 0);
}

#[test]
fn ten_kilobytes_of_chunks_are_two_writes_at_most() {
    let (feed, response) = fed();
    let mut response = Some(response);
    let mut bench = Bench::new(move |_| std::future::ready(response.take().unwrap()));
    let kilobyte = "x".repeat(1024).leak();
    (0..10).for_each(|_| feed.send(data(kilobyte)).unwrap());
    drop(feed);
    bench.send(GET);
    let writes = bench.writes();
    assert!(writes.len() <= 2 && writes.concat().ends_with("x\r\n0\r\n\r\n"), "{}", writes.len());
}

#[test]
fn much_is_written_by_the_piece() {
    let (feed, response) = fed();
    let mut response = Some(response);
    let mut bench = Bench::new(move |_| std::future::ready(response.take().unwrap()));
    let piece = "x".repeat(16 << 10).leak();
    (0..64).for_each(|_| feed.send(data(piece)).unwrap());
    bench.set_full(true).send(GET);
    drop(feed);
    bench.set_full(false);
    let writes = bench.writes();
    let longest = writes.iter().map(String::len).max().unwrap();
    assert!(writes.concat().len() > 1 << 20 && longest < 100 << 10, "{longest}");
}

#[test]
fn framing() {
    let (ok, sized) = ("HTTP/1.1 200 OK\r\n", "content-length: 2\r\n\r\n");
    check(GET, || full("hi"), &format!("{ok}{sized}hi"), false);
    check(GET, empty, &format!("{ok}content-length: 0\r\n\r\n"), false);
    let head = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
    check(head, || with(full("hi"), 200, &[("content-length", "2")]), &format!("{ok}{sized}"), false);
    check(head, || full("hi"), "HTTP/1.1 200 OK\r\n\r\n", false);
    let extra = &[("content-length", "2")];
    check(GET, || with(full("hi"), 204, extra), "HTTP/1.1 204 No Content\r\n\r\n", false);
    check(GET, || with(full("hi"), 304, extra), &format!("HTTP/1.1 304 Not Modified\r\n{sized}"), false);
    check(GET, || with(full("hi"), 304, &[]), "HTTP/1.1 304 Not Modified\r\n\r\n", false);
    // What the fields say of the framing is said anew.
    let coded = &[("transfer-encoding", "chunked")];
    let chunked = "transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    check(GET, || with(full("hi"), 200, coded), &format!("{ok}{chunked}"), false);
    for wrong in [&[("content-length", "x")], &[("transfer-encoding", "gzip")]] {
        check(GET, || with(full("hi"), 200, wrong), &format!("{ok}{sized}hi"), false);
    }
}

#[test]
fn connection() {
    let close = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi";
    check("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", || full("hi"), close, true);
    check(GET, || with(full("hi"), 200, &[("connection", "close")]), close, true);
    let old = "HTTP/1.0 200 OK\r\n";
    check("GET / HTTP/1.0\r\n\r\n", || full("hi"), &format!("{old}content-length: 2\r\n\r\nhi"), true);
    let keep = format!("{old}connection: keep-alive\r\ncontent-length: 2\r\n\r\nhi");
    check("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", || full("hi"), &keep, false);
    let stream = || {
        let (feed, response) = fed();
        feed.send(data("hi")).unwrap();
        response
    };
    let until_close = format!("{old}\r\nhi");
    check("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", stream, &until_close, true);
}

#[test]
fn trailers_are_for_those_who_take_them() {
    for (te, expect) in [("", "0\r\n\r\n"), ("TE: x, trailers\r\n", "0\r\nx-sum: 1\r\n\r\n")] {
        let (feed, response) = fed();
        let mut response = Some(response);
        let mut bench = Bench::new(move |_| std::future::ready(response.take().unwrap()));
        let mut fields = HeaderMap::new();
        fields.insert("x-sum", http::HeaderValue::from_static("1"));
        fields.insert("content-length", http::HeaderValue::from_static("1"));
        feed.send(data("a")).unwrap();
        feed.send(Ok(Frame::trailers(fields))).unwrap();
        bench.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{te}\r\n"));
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n";
        assert_eq!(bench.writes(), [format!("{head}{expect}")]);
    }
}

#[test]
fn a_body_of_another_length_than_was_said_cuts_the_connection() {
    for (length, sent) in [("1", "h"), ("3", "hi"), ("0", "")] {
        let mut bench = Bench::new(move |_| {
            let mut response = full("hi");
            response.headers_mut().insert("content-length", length.parse().unwrap());
            std::future::ready(response)
        });
        bench.send(format!("{GET}{GET}"));
        bench.expect(&format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{sent}"));
        assert!(matches!(bench.ended, Some(Err(Error::Cut))), "{length}: {:?}", bench.ended);
    }
}

#[test]
fn an_answer_that_has_all_its_bytes_does_not_wait_for_the_bodys_end() {
    let (feed, response) = fed();
    let mut response = Some(with(response, 200, &[("content-length", "2")]));
    let mut bench = Bench::new(move |_| std::future::ready(response.take().unwrap()));
    feed.send(data("hi")).unwrap();
    bench.send(GET).expect("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi");
    assert!(feed.is_closed());
}

#[test]
fn an_answer_that_fails_looks_cut() {
    let (feed, response) = fed();
    let mut response = Some(response);
    let mut bench = Bench::new(move |_| std::future::ready(response.take().unwrap()));
    feed.send(data("hi")).unwrap();
    feed.send(Err("on purpose".into())).unwrap();
    bench.send(GET).expect("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n");
    assert!(matches!(bench.ended, Some(Err(Error::Cut))), "{:?}", bench.ended);
}
