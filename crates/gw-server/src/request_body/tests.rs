//! Uploads over a connection in memory, with a paused clock and the sweeper's work done by hand.

use std::convert::Infallible;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::advance;

use super::*;
use crate::listener::Listener;
use crate::{Limits, ListenerOptions};

/// The outcome of a body that comes with so many bytes per second, for 30 s.
async fn uploaded(kind: &str, rate: usize) -> Outcome {
    let (worker, _queue) = Worker::new(0, None);
    let limits = Limits { min_body_rate: 100, ..Limits::default() };
    let options = ListenerOptions::new("test", "127.0.0.1:1".parse().unwrap());
    let address = "127.0.0.1:1".parse().unwrap();
    let listener = Arc::new(Listener::new(options.address, address, options.into()));
    let watch = Arc::new(Watch::new(listener, Arc::new(limits), Arc::clone(&worker.ticks), address));
    let (mut client, server) = tokio::io::duplex(1 << 16);
    let (tell, mut told) = tokio::sync::mpsc::channel(1);
    let on = Arc::clone(&worker);
    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let (head, incoming) = request.into_parts();
        let body = request_body(incoming, &head.headers, &watch, &on);
        let tell = tell.clone();
        async move {
            let read = body.collect().await;
            tell.send(read.map_or_else(|error| error.outcome(), |_| Outcome::Ok)).await.unwrap();
            Ok::<_, Infallible>(http::Response::new(Body::empty()))
        }
    });
    tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(server), service));
    let head = format!("POST / HTTP/1.1\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", rate * 30);
    client.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..30 {
        // Fails when the body was refused.
        let _ = client.write_all(&vec![b'x'; rate]).await;
        settle().await;
        advance(Duration::from_secs(1)).await;
        let now = worker.ticks.advance();
        worker.stalls().iter().for_each(|stall| stall.sweep(now));
        settle().await;
    }
    let _ = client.read(&mut [0; 1]).await;
    told.recv().await.unwrap()
}

/// Lets the connection do what it can.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_sends_at_the_least_rate_is_served() {
    assert_eq!(uploaded("text/plain", 100).await, Outcome::Ok);
    assert_eq!(uploaded("text/plain", 99).await, Outcome::ClientTimeout);
    assert_eq!(uploaded("application/grpc+proto", 1).await, Outcome::Ok);
}
