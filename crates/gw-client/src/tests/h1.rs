//! Rules of HTTP/1.1 messages, as an upstream sees and breaks them; the same for both halves that speak it.

use bytes::Bytes;
use gw_core::{Body, Outcome};
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::mpsc;

use super::harness::{Caller, Origin, PATIENCE, read, request, text, until};

/// Answers the request with `answer`, then a second one on whatever connection; `expect` is the first answer's body
/// and whether the connection served both.
async fn check(answer: &'static str, expect: &'static str, reused: bool) {
    let origin = Origin::start(move |mut wire, _| async move {
        while wire.head().await.is_some() {
            wire.send(answer).await;
            if !answer.contains("content-length") && !answer.contains("chunked") {
                return;
            }
        }
    })
    .await;
    let caller = Caller::new(origin.address);
    for _ in 0..2 {
        assert_eq!(caller.text().await, expect, "{answer:?}");
    }
    assert_eq!(origin.accepted(), if reused { 1 } else { 2 }, "{answer:?}");
}

#[tokio::test]
async fn framing_and_persistence() {
    check("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab", "ab", true).await;
    check("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", "abc", true)
        .await;
    check("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nab", "ab", false).await;
    check("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nab", "ab", false).await;
    check("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nab", "ab", true).await;
    check("HTTP/1.1 200 OK\r\n\r\nab", "ab", false).await;
    check("HTTP/1.1 103 x\r\nlink: a\r\n\r\nHTTP/1.1 100 x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na", "a", true)
        .await;
}

#[tokio::test]
async fn a_length_beside_chunks_is_removed() {
    let origin = Origin::answering(
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{n}!\r\n0\r\n\r\n",
    )
    .await;
    let caller = Caller::new(origin.address);
    let response = caller.get().await.unwrap();
    assert!(!response.headers().contains_key(CONTENT_LENGTH));
    assert_eq!(text(response).await, "0!");
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let origin = Origin::start(move |mut wire, _| {
        let tell = tell.clone();
        async move {
            while let Some(head) = wire.head().await {
                let rest = wire.head().await.unwrap();
                tell.send(head + &rest).unwrap();
                let answer =
                    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-sum: 7\r\n\r\n";
                wire.send(answer).await;
            }
        }
    })
    .await;
    let caller = Caller::new(origin.address);
    for _ in 0..2 {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-end", HeaderValue::from_static("b"));
        let frames = [Ok(Frame::data(Bytes::from_static(b"abc"))), Ok(Frame::trailers(trailers))];
        let mut request =
            request(Method::POST, Body::stream(StreamBody::new(futures_util::stream::iter(frames))));
        request.headers_mut().insert("trailer", HeaderValue::from_static("x-end"));
        let response = caller.send(request).await.unwrap();
        let collected = response.into_body().collect().await.unwrap();
        assert_eq!(collected.trailers().unwrap()["x-sum"], "7");
        let seen = told.recv().await.unwrap();
        assert!(seen.ends_with("\r\n\r\n3\r\nabc\r\n0\r\nx-end: b\r\n\r\n"), "{seen:?}");
        assert!(
            seen.contains("transfer-encoding: chunked\r\n") && !seen.contains("content-length"),
            "{seen:?}"
        );
    }
    assert_eq!(origin.accepted(), 1);
}

#[tokio::test]
async fn the_request_goes_on_while_its_answer_is_read() {
    let origin = Origin::start(|mut wire, _| async move {
        while let Some(head) = wire.head().await {
            if !head.starts_with("POST") {
                return wire.send("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nz").await;
            }
            wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
            // Each chunk of the request is sent back; the last one ends both.
            loop {
                let line = wire.body(3).await.unwrap();
                wire.send(std::str::from_utf8(&line).unwrap()).await;
                if line == b"0\r\n" {
                    wire.body(2).await.unwrap();
                    break wire.send("\r\n").await;
                }
                let data = wire.body(3).await.unwrap();
                wire.send(std::str::from_utf8(&data).unwrap()).await;
            }
        }
    })
    .await;
    let caller = Caller::new(origin.address);
    let (give, taken) = mpsc::unbounded_channel::<&'static str>();
    let frames = futures_util::stream::unfold(taken, |mut taken| async move {
        let text = taken.recv().await?;
        Some((Ok(Frame::data(Bytes::from_static(text.as_bytes()))), taken))
    });
    let mut body = caller.post(Body::stream(StreamBody::new(frames))).await.unwrap().into_body();
    for text in ["a", "b", "c"] {
        give.send(text).unwrap();
        let frame = tokio::time::timeout(PATIENCE, body.frame()).await.expect("an echo");
        assert_eq!(frame.unwrap().unwrap().into_data().unwrap(), text);
    }
    drop(give);
    assert!(body.frame().await.is_none());
    // Both ended in order, so the connection serves again.
    until(|| caller.connections().idle == 1).await;
    assert_eq!(caller.text().await, "z");
    assert_eq!(origin.accepted(), 1);
}

#[tokio::test]
async fn a_body_that_breaks_after_the_answer_began_breaks_the_answer() {
    let origin = Origin::start(|mut wire, _| async move {
        wire.head().await;
        wire.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab").await;
        wire.closed().await;
    })
    .await;
    let caller = Caller::new(origin.address);
    let (give, taken) = mpsc::unbounded_channel::<gw_core::Error>();
    let frames = futures_util::stream::unfold(taken, |mut taken| async move {
        let error = taken.recv().await?;
        Some((Err(error), taken))
    });
    let response = caller.post(Body::stream(StreamBody::new(frames))).await.unwrap();
    give.send(gw_core::Error::new(Outcome::ClientClosed)).unwrap();
    assert!(read(response).await.is_err());
    assert_eq!(caller.connections().open, 0);
}

#[tokio::test]
async fn a_large_body_passes_whole_both_ways() {
    const SIZE: usize = 3 << 20;
    let origin = Origin::start(|mut wire, _| async move {
        while wire.head().await.is_some() {
            let body = wire.body(SIZE).await.unwrap();
            wire.send(&format!("HTTP/1.1 200 OK\r\ncontent-length: {SIZE}\r\n\r\n")).await;
            wire.send(std::str::from_utf8(&body).unwrap()).await;
        }
    })
    .await;
    let caller = Caller::new(origin.address);
    let sent: String = (0..SIZE).map(|at| char::from(b'a' + (at % 23) as u8)).collect();
    for _ in 0..2 {
        let response = caller.post(sent.clone()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert!(text(response).await == sent);
    }
    assert_eq!(origin.accepted(), 1);
}
