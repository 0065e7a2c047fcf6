//! Heads that come again: found instead of read, by their own connection alone.

use std::sync::Arc;

use bytes::BytesMut;
use http::Request;

use crate::{BufferPool, HeadLimits, RequestParser, Underscores};

const LIMITS: HeadLimits = HeadLimits { bytes: 8192, target_bytes: 64, fields: 100 };

fn parser(pool: &Arc<BufferPool>) -> RequestParser {
    RequestParser::new(LIMITS, Underscores::Drop).keeping(Arc::clone(pool))
}

fn read(parser: &mut RequestParser, lines: &str) -> Request<()> {
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n{lines}\r\n\r\nrest");
    let mut bytes = BytesMut::from(head.as_bytes());
    let request = parser.parse(&mut bytes).unwrap().unwrap();
    assert_eq!(bytes, "rest");
    request
}

/// Where the value of a field lies: two heads with one place for it were not both read.
fn place(request: &Request<()>, name: &str) -> *const u8 {
    request.headers()[name].as_bytes().as_ptr()
}

#[test]
fn a_head_that_comes_again_is_found() {
    let mut parser = parser(&BufferPool::new(1));
    let [first, second, third, fourth] = [(); 4].map(|()| read(&mut parser, "X-A: 1"));
    assert_ne!(place(&first, "x-a"), place(&second, "x-a"));
    assert_ne!(place(&second, "x-a"), place(&third, "x-a"), "kept when it was read for the second time");
    assert_eq!(place(&third, "x-a"), place(&fourth, "x-a"));
    assert_eq!(first.headers(), fourth.headers());
}

#[test]
fn a_few_other_values_are_read_and_the_rest_is_found() {
    let mut parser = parser(&BufferPool::new(1));
    let lines = |changed: usize| {
        let line = |at: usize| format!("X-{at}: {}\r\n", if at < changed { "new" } else { "old" });
        (0..8).map(line).collect::<String>() + "End: 1"
    };
    let [_, _, known] = [(); 3].map(|()| read(&mut parser, &lines(0)));
    let four = read(&mut parser, &lines(4));
    assert_eq!(
        (&four.headers()["x-3"], &four.headers()["x-4"]),
        (&"new".parse().unwrap(), &"old".parse().unwrap())
    );
    assert_eq!(place(&four, "x-4"), place(&known, "x-4"));
    let names = |request: &Request<()>| request.headers().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&four), names(&known));
    let five = read(&mut parser, &lines(5));
    assert_ne!(place(&five, "x-6"), place(&known, "x-6"), "so many that all are read");
}

#[test]
fn another_connection_finds_nothing_and_an_ended_one_leaves_nothing() {
    let pool = BufferPool::new(1);
    let (mut one, mut other) = (parser(&pool), parser(&pool));
    let [_, _, known] = [(); 3].map(|()| read(&mut one, "Authorization: secret"));
    let theirs = read(&mut other, "Authorization: secret");
    assert_ne!(place(&known, "authorization"), place(&theirs, "authorization"));
    assert_eq!(pool.heads().kept().len(), 1);
    drop(one);
    assert!(pool.heads().kept().is_empty());
}

#[test]
fn who_sends_another_head_each_time_is_seldom_kept() {
    let pool = BufferPool::new(1);
    let mut parser = parser(&pool);
    let mut kept = Vec::new();
    for turn in 0..1000 {
        read(&mut parser, &format!("X-{turn}: 1"));
        kept.extend(pool.heads().kept());
    }
    kept.dedup();
    assert_eq!(kept.len(), 5 + (1000 - 2 - 4 - 8 - 16 - 32) / 64);
}

#[test]
fn nothing_is_kept_of_a_single_request() {
    let pool = BufferPool::new(1);
    let mut parsers: Vec<_> = (0..3).map(|_| parser(&pool)).collect();
    parsers.iter_mut().for_each(|parser| drop(read(parser, "X-A: 1")));
    assert!(pool.heads().kept().is_empty());
}
