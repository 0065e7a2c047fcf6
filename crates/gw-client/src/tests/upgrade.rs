//! Upgrades: asked for and granted, asked for and not, never shared with other requests.

use std::pin::Pin;

use gw_core::{Body, Io, OnUpgrade, Outcome, Request};
use http::{HeaderValue, Method, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::harness::{Caller, Origin, request, text, until};

pub(super) fn asking(protocol: &'static str) -> Request {
    let mut request = request(Method::GET, Body::empty());
    request.headers_mut().insert(header::UPGRADE, HeaderValue::from_static(protocol));
    request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    request
}

/// An origin that switches to `protocol` and sends back what it gets; without `Upgrade` it answers `{n}!`.
pub(super) async fn echo(protocol: &'static str) -> Origin {
    Origin::start(move |mut wire, number| async move {
        while let Some(head) = wire.head().await {
            if head.contains("upgrade: ") {
                wire.send(&format!("HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: {protocol}\r\n\r\n"))
                    .await;
                while let Some(byte) = wire.body(1).await {
                    wire.send(&String::from_utf8(byte).unwrap()).await;
                }
                return;
            }
            wire.send(&format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{number}!")).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_granted_upgrade_is_a_tunnel_that_counts_until_it_is_dropped() {
    let origin = echo("WebSocket").await;
    let caller = Caller::new(origin.address);
    caller.text().await;
    let response = caller.send(asking("x, websocket")).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(origin.accepted(), 2, "an upgrade has a connection of its own");
    let upgrade = response.extensions().get::<OnUpgrade>().unwrap().clone();
    drop(response);
    let io: Pin<Box<dyn Io>> = Box::into_pin(upgrade.ready().await.unwrap());
    let mut io = TokioIo::new(io);
    io.write_all(b"ping").await.unwrap();
    let mut back = [0; 4];
    io.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"ping");
    assert_eq!((caller.in_flight(), caller.connections().open), (1, 2));
    // The pool goes on beside it.
    assert_eq!(caller.text().await, "0!");
    drop(io);
    assert_eq!((caller.in_flight(), caller.connections().open), (0, 1));
}

#[tokio::test]
async fn a_tunnel_that_nobody_takes_leaves_nothing() {
    let origin = echo("websocket").await;
    let caller = Caller::new(origin.address);
    drop(caller.send(asking("websocket")).await.unwrap());
    assert_eq!((caller.in_flight(), caller.connections().open), (0, 0));
    until(|| caller.factory.tasks() == 0).await;
}

#[tokio::test]
async fn a_protocol_that_was_not_asked_for_is_malformed() {
    let origin = echo("h2c").await;
    let caller = Caller::new(origin.address);
    let error = caller.send(asking("websocket")).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::UpstreamMalformed);
    assert_eq!((caller.in_flight(), caller.connections().open), (0, 0));
}

#[tokio::test]
async fn a_refused_upgrade_is_an_answer_and_its_connection_is_never_used_again() {
    let origin = Origin::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{n}!").await;
    let caller = Caller::new(origin.address);
    assert_eq!(text(caller.send(asking("websocket")).await.unwrap()).await, "0!");
    assert_eq!(caller.text().await, "1!");
}

#[tokio::test]
async fn an_upgrade_takes_the_place_of_an_idle_connection() {
    let origin = echo("websocket").await;
    let caller = Caller::with(origin.address, |spec| spec.max_connections = 1);
    caller.text().await;
    let response = caller.send(asking("websocket")).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(caller.connections().open, 1);
}
