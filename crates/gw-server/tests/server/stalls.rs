//! Clients that stand still: each is let go by its own timeout, and the rest is served.

use std::time::Duration;

use gw_core::{Body, Outcome};
use gw_server::Limits;
use http_body::Frame;
use tokio::sync::mpsc;

use crate::harness::{Client, answer, echo, listener, patient, read, start};

const SHORT: Duration = Duration::from_millis(40);

#[tokio::test]
async fn a_head_that_never_ends_is_answered_408() {
    let server = start(listener(Limits { header_timeout: SHORT, ..Limits::default() }), |req, _| echo(req));
    for begun in ["G", "PRI * HT", "GET / HTTP/1.1\r\nHost: gw.test\r\nX-Slow: "] {
        let mut client = Client::connect(server.address).await;
        client.send(begun).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.closes()), (408, true), "{begun:?}");
        assert_eq!(client.rest().await, "");
    }
    let outcomes: Vec<_> = server.rejected(3).await.iter().map(|rejection| rejection.outcome).collect();
    assert_eq!(outcomes, [Outcome::ClientTimeout; 3]);
}

#[tokio::test]
async fn the_head_of_a_later_request_is_timed_too() {
    let server = start(listener(Limits { header_timeout: SHORT, ..Limits::default() }), |req, _| echo(req));
    let mut client = Client::connect(server.address).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200);
    client.send("GET / HT").await;
    assert_eq!(client.answer().await.status, 408);
}

#[tokio::test]
async fn a_head_that_begins_while_the_request_before_is_served_is_timed_too() {
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let wait = std::sync::Arc::clone(&gate);
    let server = start(listener(Limits { header_timeout: SHORT, ..Limits::default() }), move |_, _| {
        let gate = std::sync::Arc::clone(&wait);
        async move {
            gate.acquire().await.unwrap().forget();
            answer(200, "first")
        }
    });
    let mut client = Client::connect(server.address).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    server.until(|server| server.connections().iter().any(|open| open.phase == "busy")).await;
    client.send("GET / HT").await;
    // Nothing tells when the server has read that; if it has not yet, the bytes are the next thing it reads.
    gate.add_permits(1);
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(client.answer().await.status, 408);
}

#[tokio::test]
#[cfg(not(feature = "hyper-h1"))]
async fn a_head_that_begins_in_the_same_read_is_timed_too() {
    let server = start(listener(Limits { header_timeout: SHORT, ..Limits::default() }), |req, _| echo(req));
    let mut client = Client::connect(server.address).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT").await;
    assert_eq!(client.answer().await.status, 200);
    let late = client.answer().await;
    assert_eq!((late.status, late.body.contains("the head took too long")), (408, true));
    assert_eq!(client.rest().await, "");
    assert_eq!(server.rejections().len(), 1);
}

#[tokio::test]
async fn a_byte_now_and_then_does_not_help() {
    let server = start(listener(Limits { header_timeout: SHORT, ..Limits::default() }), |req, _| echo(req));
    let mut client = Client::connect(server.address).await;
    let drip = async {
        while tokio::io::AsyncWriteExt::write_all(&mut client.stream, b"G").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    patient(drip).await;
}

#[tokio::test]
async fn a_silent_connection_is_closed_without_a_word() {
    let server = start(listener(Limits { header_timeout: SHORT, ..Limits::default() }), |req, _| echo(req));
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.rest().await, "");
    assert!(server.rejections().is_empty());
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let server = start(listener(Limits { idle_timeout: SHORT, ..Limits::default() }), |req, _| echo(req));
    let mut client = Client::connect(server.address).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(client.rest().await, "");
    server.until(|server| server.connections().is_empty()).await;
}

#[tokio::test]
async fn a_slow_handler_is_not_an_idle_connection() {
    let limits =
        Limits { idle_timeout: SHORT, header_timeout: SHORT, read_timeout: SHORT, ..Limits::default() };
    let server = start(listener(limits), |_, _| async {
        tokio::time::sleep(SHORT * 8).await;
        answer(200, "late")
    });
    let mut client = Client::connect(server.address).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.body, "late");
}

#[tokio::test]
async fn a_body_that_stands_still_is_the_clients_timeout() {
    let server = start(listener(Limits { read_timeout: SHORT, ..Limits::default() }), |req, _| echo(req));
    let mut client = Client::connect(server.address).await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhel").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.body.as_str()), (408, "client_timeout"));
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_body_that_nobody_waits_for_may_stand_still() {
    let server = start(listener(Limits { read_timeout: SHORT, ..Limits::default() }), |req, _| async move {
        tokio::time::sleep(SHORT * 8).await;
        http::Response::new(Body::from(read(req.into_body()).await.unwrap()))
    });
    let mut client = Client::connect(server.address).await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await;
    assert_eq!(client.answer().await.body, "hi");
}

/// A body without end, whose drop can be awaited.
pub fn endless() -> (mpsc::Receiver<()>, Body) {
    let (alive, dropped) = mpsc::channel(1);
    let stream = futures_util::stream::poll_fn(move |_| {
        let _ = &alive;
        std::task::Poll::Ready(Some(Ok(Frame::data(bytes::Bytes::from_static(&[b'x'; 8192])))))
    });
    (dropped, Body::stream(http_body_util::StreamBody::new(stream)))
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut() {
    let (tell, mut told) = mpsc::channel(1);
    let server = start(listener(Limits { write_timeout: SHORT, ..Limits::default() }), move |_, _| {
        let tell = tell.clone();
        async move {
            let (dropped, body) = endless();
            tell.send(dropped).await.unwrap();
            http::Response::new(body)
        }
    });
    let mut client = Client::connect(server.address).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut dropped = patient(told.recv()).await.unwrap();
    assert_eq!(patient(dropped.recv()).await, None);
    server.until(|server| server.connections().is_empty()).await;
    let timed_out = server.listener().stats.timed_out.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(timed_out, 1);
}

#[tokio::test]
async fn connections_above_the_limit_wait() {
    let server = start(listener(Limits { connections: 2, ..Limits::default() }), |req, _| echo(req));
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut client = Client::connect(server.address).await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(client.answer().await.status, 200);
        held.push(client);
    }
    let mut waiting = Client::connect(server.address).await;
    waiting.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let paused = server.listener().stats;
    server.until(|_| paused.paused.load(std::sync::atomic::Ordering::Relaxed) > 0).await;
    assert_eq!(server.server.connections().len(), 2);
    held.pop();
    assert_eq!(waiting.answer().await.status, 200);
}

/// The wait is measured by clients that are cut: what outlives three of them in a row is not timed.
#[tokio::test]
async fn the_body_of_a_grpc_call_may_stand_still() {
    let server = start(listener(Limits { read_timeout: SHORT, ..Limits::default() }), |req, _| echo(req));
    let head = |kind: &str| {
        format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/{kind}\r\nContent-Length: 4\r\n\r\nab"
        )
    };
    let mut call = Client::connect(server.address).await;
    call.send(&head("grpc+proto")).await;
    for _ in 0..3 {
        let mut other = Client::connect(server.address).await;
        other.send(&head("json")).await;
        assert_eq!(other.answer().await.status, 408);
    }
    call.send("cd").await;
    assert_eq!(call.answer().await.status, 200);
}

/// Nobody stands still for so long.
const NEVER: Duration = Duration::from_secs(3600);

/// Who moves less than a thousand bytes in any 40 ms is cut.
fn paced() -> Limits {
    let (min_body_rate, body_rate_window) = (25_000, SHORT);
    Limits { min_body_rate, body_rate_window, read_timeout: NEVER, write_timeout: NEVER, ..Limits::default() }
}

#[tokio::test]
async fn a_body_that_drips_is_the_clients_timeout() {
    let server = start(listener(paced()), |req, _| echo(req));
    let (mut answer, mut body) = tokio::net::TcpStream::connect(server.address).await.unwrap().into_split();
    let drip = tokio::spawn(async move {
        let mut next: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
        while tokio::io::AsyncWriteExt::write_all(&mut body, next).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
            next = b"x";
        }
    });
    let mut status = [0; 12];
    patient(tokio::io::AsyncReadExt::read_exact(&mut answer, &mut status)).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 408");
    drop(answer);
    patient(drip).await.unwrap();
}

#[tokio::test]
async fn a_client_that_takes_too_little_is_cut() {
    for http2 in [false, true] {
        let (tell, mut told) = mpsc::channel(1);
        let server = start(listener(paced()), move |_, _| {
            let tell = tell.clone();
            async move {
                let (dropped, body) = endless();
                tell.send(dropped).await.unwrap();
                http::Response::new(body)
            }
        });
        let mut plain = Client::connect(server.address).await;
        let mut multiplexed = None;
        if http2 {
            let (mut sender, _task) = crate::http2::connect(server.address).await;
            let response = patient(sender.send_request(crate::http2::get("http://a/"))).await.unwrap();
            multiplexed = Some((sender, response));
        } else {
            plain.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        }
        let mut dropped = patient(told.recv()).await.unwrap();
        assert_eq!(patient(dropped.recv()).await, None);
        drop(multiplexed);
    }
}

/// Requests behind whose first bytes nothing is read: the body is not asked for, or another request waits.
const DEAF: [&str; 2] = [
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
    "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
];

/// Makes for a short tick and limits nothing else, where there is no TLS.
fn alert() -> Limits {
    Limits { handshake_timeout: SHORT, ..Limits::default() }
}

#[tokio::test]
async fn a_client_that_has_gone_is_noticed_though_nothing_is_read() {
    for request in DEAF {
        let (tell, mut told) = mpsc::channel(1);
        let server = start(listener(alert()), move |req, _| {
            let tell = tell.clone();
            async move {
                let (_alive, dropped) = mpsc::channel::<()>(1);
                tell.send(dropped).await.unwrap();
                let _unread = req;
                std::future::pending().await
            }
        });
        let mut client = Client::connect(server.address).await;
        client.send(request).await;
        let mut dropped = patient(told.recv()).await.unwrap();
        client.stream.set_zero_linger().unwrap();
        drop(client);
        assert_eq!(patient(dropped.recv()).await, None, "{request}");
        server.until(|server| server.connections().is_empty()).await;
    }
}

#[tokio::test]
async fn a_client_that_has_only_closed_its_half_gets_the_answer_under_way() {
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let wait = std::sync::Arc::clone(&gate);
    let server = start(listener(alert()), move |_, _| {
        let gate = std::sync::Arc::clone(&wait);
        async move {
            gate.acquire().await.unwrap().forget();
            answer(200, "late")
        }
    });
    let mut client = Client::connect(server.address).await;
    client.send(DEAF[1]).await;
    tokio::io::AsyncWriteExt::shutdown(&mut client.stream).await.unwrap();
    // Several ticks later, so that the server has looked.
    server.until(|server| server.connections().iter().any(|open| open.age_ms > 100)).await;
    gate.add_permits(1);
    assert_eq!(client.answer().await.body, "late");
}
