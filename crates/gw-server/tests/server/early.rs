//! Bodies that nobody reads, that are too large, or that break.

use gw_core::Outcome;
use gw_server::Limits;

use crate::harness::{Client, answer, echo, exchange, listener, serve, start};

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: gw.test\r\n\r\n";

#[tokio::test]
async fn an_unread_body_is_never_the_next_request() {
    let server = serve(|_| async { answer(403, "no") });
    let length = SMUGGLED.len();
    // The body comes with the head.
    let mut client = Client::connect(server.address).await;
    client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{SMUGGLED}")).await;
    assert_eq!(client.answer().await.status, 403);
    client.send("GET / HTTP/1.0\r\n\r\n").await;
    let rest = client.rest().await;
    assert!(rest.matches("HTTP/1.1").count() <= 1, "{rest}");
    server.until(|server| server.connections().is_empty()).await;
    // It comes after the answer.
    let mut client = Client::connect(server.address).await;
    client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n")).await;
    assert_eq!(client.answer().await.status, 403);
    client.send(SMUGGLED).await;
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn an_answer_survives_the_upload_that_it_cuts() {
    let limits = Limits { body_bytes: Some(10), ..Limits::default() };
    let server = start(listener(limits), |req, _| echo(req));
    for _ in 0..20 {
        let mut client = Client::connect(server.address).await;
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n").await;
        // A reset would make the write fail or swallow the answer.
        client.send(vec![b'x'; 1_000_000]).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.closes()), (413, true));
    }
}

#[tokio::test]
async fn an_answer_survives_an_upload_that_comes_after_it() {
    let limits = Limits { body_bytes: Some(10), ..Limits::default() };
    let server = start(listener(limits), |req, _| echo(req));
    let mut client = Client::connect(server.address).await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n").await;
    server.until(|server| server.connections().iter().any(|open| open.phase == "closing")).await;
    client.send(vec![b'x'; 1_000_000]).await;
    assert_eq!(client.answer().await.status, 413);
}

#[tokio::test]
async fn an_answer_survives_what_follows_a_head_that_is_refused() {
    let server = serve(echo);
    for _ in 0..20 {
        let mut client = Client::connect(server.address).await;
        client.send("G@T / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        client.send(vec![b'x'; 1_000_000]).await;
        assert_eq!(client.answer().await.status, 400);
    }
}

#[tokio::test]
async fn a_client_that_never_closes_is_not_waited_for() {
    let limits = Limits { body_bytes: Some(10), ..Limits::default() };
    let server = start(listener(limits), |req, _| echo(req));
    let mut client = Client::connect(server.address).await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 413);
    server.until(|server| server.connections().is_empty()).await;
}

#[tokio::test]
async fn a_body_that_comes_with_its_head_has_the_same_limit() {
    let limits = Limits { body_bytes: Some(10), ..Limits::default() };
    let server = start(listener(limits), |req, _| echo(req));
    for (length, status) in [(10, 200), (11, 413)] {
        let mut client = Client::connect(server.address).await;
        let body = "x".repeat(length);
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}")).await;
        assert_eq!(client.answer().await.status, status, "{length} bytes");
    }
}

#[tokio::test]
async fn bodies_are_limited_while_they_stream() {
    let limits = Limits { body_bytes: Some(10), ..Limits::default() };
    let server = start(listener(limits), |req, _| echo(req));
    let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (fits, _) = exchange(server.address, format!("{head}a\r\n0123456789\r\n0\r\n\r\n")).await;
    assert_eq!(fits.body, "POST / a 0123456789");
    let (large, _) = exchange(server.address, format!("{head}a\r\n0123456789\r\n1\r\n0\r\n0\r\n\r\n")).await;
    assert_eq!((large.status, large.body.as_str()), (413, "too_large"));
}

#[tokio::test]
async fn a_length_above_the_limit_is_refused_before_the_body_is_asked_for() {
    let limits = Limits { body_bytes: Some(10), ..Limits::default() };
    let server = start(listener(limits), |req, _| echo(req));
    let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n";
    let (answer, rest) = exchange(server.address, request).await;
    assert_eq!((answer.status, rest.as_str()), (413, ""));
    assert_eq!(server.rejections()[0].outcome, Outcome::TooLarge);
}

#[tokio::test]
async fn a_broken_body_is_the_clients_fault() {
    let (tell, mut told) = tokio::sync::mpsc::channel(1);
    let server = serve(move |req| {
        let tell = tell.clone();
        async move {
            let outcome = crate::harness::read(req.into_body()).await.unwrap_err().outcome();
            tell.send(outcome).await.unwrap();
            answer(400, "broken")
        }
    });
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (request, expect) in [
        (format!("{chunked}zz\r\n"), Outcome::ClientMalformed),
        (format!("{chunked}5\r\nhel"), Outcome::ClientClosed),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhel".to_owned(), Outcome::ClientClosed),
    ] {
        let mut client = Client::connect(server.address).await;
        client.send(&request).await;
        tokio::io::AsyncWriteExt::shutdown(&mut client.stream).await.unwrap();
        assert_eq!(crate::harness::patient(told.recv()).await, Some(expect), "{request:?}");
    }
}
