//! HTTP/2 upstreams: one connection for many requests, more when it is full, another when it is gone.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use gw_core::{Body, Client, Outcome, Progress};
use http::{Method, StatusCode, Version, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::harness::{Caller, Origin, context, request, text, until};
use crate::Protocol;

/// An HTTP/2 origin that answers `connection version authority path`, each time taking a permit from `gate`.
pub(super) async fn serving(most: u32, gate: &Arc<Semaphore>) -> Origin {
    let gate = Arc::clone(gate);
    Origin::start(move |wire, number| {
        let gate = Arc::clone(&gate);
        async move {
            let service = hyper::service::service_fn(move |req: http::Request<Incoming>| {
                let gate = Arc::clone(&gate);
                async move {
                    gate.acquire().await.unwrap().forget();
                    let (head, _) = req.into_parts();
                    let host = head.headers.contains_key(header::HOST);
                    let text = format!("{number} {:?} {} {host}", head.version, head.uri);
                    Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from(text))))
                }
            });
            let serve = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .max_concurrent_streams(most)
                .serve_connection(TokioIo::new(wire.socket), service);
            drop(serve.await);
        }
    })
    .await
}

fn caller(origin: &Origin) -> Caller {
    Caller::with(origin.address, |spec| spec.protocol = Protocol::Grpc)
}

#[tokio::test]
async fn requests_share_a_connection_and_name_their_authority() {
    let gate = Arc::new(Semaphore::new(0));
    let origin = serving(100, &gate).await;
    let caller = caller(&origin);
    let open = async {
        // All of them are under way before the first is answered, though only one opens the connection.
        until(|| caller.connections().streams == 10).await;
        gate.add_permits(10);
    };
    let calls = futures_util::future::join_all((0..10).map(|_| caller.get()));
    let (answers, ()) = tokio::join!(calls, open);
    for answer in answers {
        assert_eq!(text(answer.unwrap()).await, "0 HTTP/2.0 http://host.test/path?query false");
    }
    assert_eq!((origin.accepted(), caller.in_flight()), (1, 0));
    assert_eq!((caller.connections().open, caller.connections().streams), (1, 0));
}

#[tokio::test]
async fn a_full_connection_gets_a_second_one() {
    let gate = Arc::new(Semaphore::new(1));
    let origin = serving(2, &gate).await;
    let caller = caller(&origin);
    caller.text().await;
    let open = async {
        until(|| caller.connections().streams == 3).await;
        assert_eq!(caller.connections().open, 2);
        gate.add_permits(3);
    };
    let calls =
        futures_util::future::join_all((0..3).map(|_| async { text(caller.get().await.unwrap()).await }));
    let (answers, ()) = tokio::join!(calls, open);
    assert_eq!(answers.iter().filter(|answer| answer.starts_with("0 ")).count(), 2);
    assert_eq!(answers.iter().filter(|answer| answer.starts_with("1 ")).count(), 1);
}

#[tokio::test]
async fn a_closed_connection_is_replaced() {
    let origin = Origin::start(|wire, number| async move {
        let mut connection = h2::server::handshake(wire.socket).await.unwrap();
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            let response = http::Response::builder().header("n", number).body(()).unwrap();
            respond.send_response(response, true).unwrap();
            // GOAWAY after the first answer.
            connection.graceful_shutdown();
        }
    })
    .await;
    let caller = caller(&origin);
    for number in 0..5 {
        let response = caller.get().await.unwrap();
        assert_eq!(response.headers()["n"], number.to_string());
        until(|| caller.connections().open == 0).await;
    }
}

#[tokio::test]
async fn requests_during_a_goaway_succeed() {
    let origin = Origin::start(|wire, _| async move {
        let mut connection = h2::server::handshake(wire.socket).await.unwrap();
        let mut answered = 0;
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            drop(respond.send_response(http::Response::new(()), true));
            answered += 1;
            if answered == 3 {
                connection.graceful_shutdown();
            }
        }
    })
    .await;
    let caller = caller(&origin);
    for _ in 0..20 {
        let calls = futures_util::future::join_all((0..4).map(|_| caller.get()));
        for answer in calls.await {
            assert_eq!(answer.unwrap().status(), StatusCode::OK);
        }
    }
    assert!(origin.accepted() > 1);
    assert_eq!(caller.in_flight(), 0);
}

#[tokio::test]
async fn a_refused_stream_is_unsent_and_a_reset_one_may_have_been_sent() {
    for (reason, progress) in
        [(h2::Reason::REFUSED_STREAM, Progress::Unsent), (h2::Reason::INTERNAL_ERROR, Progress::MaybeSent)]
    {
        let origin = Origin::start(move |wire, _| async move {
            let mut connection = h2::server::handshake(wire.socket).await.unwrap();
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                respond.send_reset(reason);
            }
        })
        .await;
        let error = caller(&origin).post(Bytes::from_static(b"body")).await.unwrap_err();
        assert_eq!((error.outcome(), error.progress()), (Outcome::UpstreamReset, progress), "{reason:?}");
    }
}

#[tokio::test]
async fn a_cancelled_stream_is_reset_and_the_connection_serves_on() {
    let resets = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&resets);
    let origin = Origin::start(move |wire, _| {
        let seen = Arc::clone(&seen);
        async move {
            let mut connection = h2::server::handshake(wire.socket).await.unwrap();
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                let end = request.method() == Method::GET;
                let mut stream = respond.send_response(http::Response::new(()), end).unwrap();
                let seen = Arc::clone(&seen);
                if !end {
                    tokio::spawn(async move {
                        let reason = std::future::poll_fn(|cx| stream.poll_reset(cx)).await.unwrap();
                        assert_eq!(reason, h2::Reason::CANCEL);
                        seen.fetch_add(1, Ordering::SeqCst);
                    });
                }
            }
        }
    })
    .await;
    let caller = caller(&origin);
    let response = caller.post(Body::empty()).await.unwrap();
    assert_eq!(caller.in_flight(), 1);
    drop(response);
    until(|| resets.load(Ordering::SeqCst) == 1).await;
    assert_eq!(caller.get().await.unwrap().status(), StatusCode::OK);
    assert_eq!((origin.accepted(), caller.in_flight()), (1, 0));
}

#[tokio::test]
async fn a_grpc_status_of_unavailable_counts_against_the_node() {
    let origin = Origin::start(|wire, _| async move {
        let mut connection = h2::server::handshake(wire.socket).await.unwrap();
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            let response = http::Response::builder().header("grpc-status", "14").body(()).unwrap();
            respond.send_response(response, true).unwrap();
        }
    })
    .await;
    let caller = caller(&origin);
    let context = context();
    caller.send_in(&context, request(Method::POST, Body::empty())).await.unwrap();
    assert_eq!(context.attempts()[0].outcome, Outcome::UpstreamStatus);
}

#[tokio::test]
async fn trailers_pass_and_the_version_is_neutral() {
    let origin = Origin::start(|wire, _| async move {
        let mut connection = h2::server::handshake(wire.socket).await.unwrap();
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            let mut stream = respond.send_response(http::Response::new(()), false).unwrap();
            stream.send_data(Bytes::from_static(b"data"), false).unwrap();
            let mut trailers = http::HeaderMap::new();
            trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
            stream.send_trailers(trailers).unwrap();
        }
    })
    .await;
    let caller = caller(&origin);
    let response = caller.get().await.unwrap();
    assert_eq!(response.version(), Version::HTTP_11);
    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()["grpc-status"], "0");
    assert_eq!(caller.in_flight(), 0);
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_time() {
    let gate = Arc::new(Semaphore::new(9));
    let origin = serving(9, &gate).await;
    let caller = Caller::with(origin.address, |spec| {
        spec.protocol = Protocol::Http2;
        spec.idle_timeout = Duration::from_millis(1);
    });
    caller.text().await;
    until(|| caller.connections().open == 0 && caller.factory.tasks() == 0).await;
}

#[tokio::test]
async fn an_upstream_that_speaks_http_1_is_an_error_for_all_who_wait() {
    let origin = Origin::answering("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
    let caller = caller(&origin);
    let calls = futures_util::future::join_all((0..5).map(|_| caller.get()));
    for answer in calls.await {
        assert!(answer.unwrap_err().outcome().facts().hurts_node);
    }
    assert_eq!(caller.in_flight(), 0);
}

/// The type and the flags of the next frame, whose payload is passed over; `None` at the end of the connection.
async fn frame(socket: &mut TcpStream) -> Option<(u8, u8)> {
    let mut head = [0; 9];
    socket.read_exact(&mut head).await.ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; length as usize];
    socket.read_exact(&mut payload).await.ok()?;
    Some((head[3], head[4]))
}

/// Time passes once the request has arrived and everybody waits: until the ping, and then until its answer is overdue.
#[tokio::test]
async fn a_silent_connection_with_an_open_stream_is_pinged_and_given_up_without_an_answer() {
    const HEADERS: u8 = 1;
    const PING: u8 = 6;
    let pings = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&pings);
    let origin = Origin::start(move |wire, _| {
        let seen = Arc::clone(&seen);
        async move {
            let mut socket = wire.socket;
            let mut preface = [0; 24];
            socket.read_exact(&mut preface).await.unwrap();
            let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
            socket.write_all(&settings).await.unwrap();
            while frame(&mut socket).await.unwrap().0 != HEADERS {}
            tokio::time::pause();
            while let Some(frame) = frame(&mut socket).await {
                seen.fetch_add(usize::from(frame == (PING, 0)), Ordering::SeqCst);
            }
        }
    })
    .await;
    let caller = caller(&origin);
    let mut request = request(Method::GET, Body::empty());
    request.extensions_mut().insert(context());
    // The harness's patience would be over first.
    let call = tokio::time::timeout(Duration::from_secs(3600), caller.cluster.call(request));
    let error = call.await.expect("an end").unwrap_err();
    assert_eq!((error.outcome(), error.progress()), (Outcome::UpstreamReset, Progress::MaybeSent));
    until(|| pings.load(Ordering::SeqCst) == 1 && caller.connections().open == 0).await;
    assert_eq!((origin.accepted(), caller.in_flight()), (1, 0));
}
