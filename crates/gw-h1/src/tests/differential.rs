//! Against hyper's server: what we take for a request, it takes for the same one.
//!
//! Requests are made by cutting, joining and spoiling those of a small corpus. The sequence is the same in every run.

use std::cell::RefCell;
use std::rc::Rc;

use http::HeaderMap;
use http_body_util::BodyExt;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;

use super::message::{LIMITS, Message, any_split, request, text};
use crate::trailers::may_trail;
use crate::{HeadLimits, Underscores};

const CORPUS: [&str; 8] = [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /a?b=c HTTP/1.1\r\nHost: gw.test:80\r\nContent-Length: 5\r\n\r\nabcde",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nabcde\r\n3\r\nabc\r\n0\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\nX: y\r\nZ: 1\r\n\r\n",
    "GET http://b/c HTTP/1.0\r\nConnection: keep-alive\r\nX: a\tb \r\n\r\n",
    "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\nX-A:b\r\n\r\nabcGET / HTTP/1.1\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\nX_Y: z\r\nAccept: */*\r\n\r\n",
    "DELETE /%2e%2e//;x HTTP/1.1\r\nHost: [::1]:8\r\nCookie: a=b; c=d\r\nCookie: e\r\n\r\n",
];

const TOKENS: [&[u8]; 40] = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b"\0",
    b"\x0b",
    b"\x7f",
    b"\xa0",
    b":",
    b";",
    b",",
    b"#",
    b"?",
    b"/",
    b"0",
    b"5",
    b"+5",
    b"-0",
    b"0x",
    b"ffffffffffffffff",
    b"18446744073709551621",
    b"chunked",
    b"gzip",
    b"identity",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding : chunked\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 5, 5\r\n",
    b"Host: b\r\n",
    b" X: y\r\n",
    b"X: y\n",
    b"X: y\rz\r\n",
    b"0\r\n\r\n",
    b"0\n\r\n",
    b"1\r\na\r\n",
    b"HTTP/1.0",
    b"HTTP/2.0",
    b"A_B: c\r\n",
];

/// xorshift64*.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides
    }
}

fn spoil(dice: &mut Dice) -> Vec<u8> {
    let mut bytes = CORPUS[dice.roll(CORPUS.len())].as_bytes().to_vec();
    for _ in 0..dice.roll(4) {
        let at = dice.roll(bytes.len() + 1);
        match dice.roll(5) {
            0 => drop(bytes.drain(at..bytes.len().min(at + 1 + dice.roll(3)))),
            1 => {
                let other = CORPUS[dice.roll(CORPUS.len())].as_bytes();
                let from = dice.roll(other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            2 if at < bytes.len() => bytes[at] = b"\r\n \t:;0aZ\x80"[dice.roll(10)],
            _ => drop(bytes.splice(at..at, TOKENS[dice.roll(TOKENS.len())].iter().copied())),
        }
    }
    bytes
}

/// The first request that hyper hands over with its whole body.
async fn hyper_reads(bytes: &[u8]) -> Option<Message> {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let kept = Rc::clone(&seen);
    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let seen = Rc::clone(&kept);
        async move {
            let (head, body) = request.into_parts();
            let line = format!("{} {} {:?}", head.method, head.uri, head.version);
            let body = body.collect().await.ok();
            // Trailers that belong into the head go their way.
            let late = |trailers: &HeaderMap| {
                let kept = trailers.iter().filter(|(name, _)| may_trail(name));
                text(&kept.map(|(name, value)| (name.clone(), value.clone())).collect())
            };
            seen.borrow_mut().push(body.map(|body| {
                let trailers = body.trailers().map(late).unwrap_or_default();
                let body = body.to_bytes().to_vec();
                Message { line, fields: text(&head.headers), body, trailers, ..Message::default() }
            }));
            Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
        }
    });
    let (mut client, server) = tokio::io::duplex(1 << 16);
    client.write_all(bytes).await.unwrap();
    client.shutdown().await.unwrap();
    // Answers fit into the pipe; that the client goes on sending is no error of interest.
    let _ = hyper::server::conn::http1::Builder::new()
        .half_close(true)
        .serve_connection(TokioIo::new(server), service)
        .await;
    let mut seen = seen.borrow_mut();
    if seen.is_empty() { None } else { seen.swap_remove(0) }
}

#[tokio::test]
async fn what_we_take_hyper_takes_for_the_same() {
    let limits = HeadLimits { bytes: 4096, fields: 100, ..LIMITS };
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut taken = 0;
    for _ in 0..3000 {
        let bytes = spoil(&mut dice);
        let ours = any_split(&bytes, |pieces| request(pieces, limits, Underscores::Keep));
        let Ok(Some(mut ours)) = ours else { continue };
        taken += 1;
        let theirs = hyper_reads(&bytes).await;
        let input = bytes.escape_ascii();
        let mut theirs = theirs.unwrap_or_else(|| panic!("hyper refuses what we take: {input}\n{ours:?}"));
        // hyper leaves equal lengths as they are.
        let mut fields: Vec<_> = theirs.fields.split('|').collect();
        fields.dedup_by(|field, before| field == before && field.starts_with("content-length: "));
        theirs.fields = fields.join("|");
        ours.rest.clear();
        assert_eq!(ours, theirs, "{input}");
    }
    assert!(taken > 500, "the corpus is spoiled too much to say anything: {taken}");
}
