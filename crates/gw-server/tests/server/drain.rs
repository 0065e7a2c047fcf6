//! The end: nothing that was begun is lost while the grace lasts.

use std::sync::Arc;
use std::time::Duration;

use gw_core::Response;
use gw_server::{BindError, Drained, Limits};
use tokio::sync::Semaphore;

use crate::harness::{Client, Server, answer, echo, listener, patient, serve, start};
use crate::http2;

const GRACE: Duration = Duration::from_secs(20);
const ALL: Drained = Drained { complete: true, aborted: 0 };

/// A server whose answers wait for a permit.
fn held() -> (Server, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let wait = Arc::clone(&gate);
    let server = serve(move |_| {
        let gate = Arc::clone(&wait);
        async move {
            gate.acquire().await.unwrap().forget();
            answer(200, "kept")
        }
    });
    (server, gate)
}

fn busy(server: &gw_server::ProxyServer) -> usize {
    server.connections().iter().filter(|connection| connection.phase == "busy").count()
}

#[tokio::test]
async fn requests_in_flight_are_answered_and_their_connections_closed() {
    let (server, gate) = held();
    let mut clients = Vec::new();
    for _ in 0..50 {
        let mut client = Client::connect(server.address).await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        clients.push(client);
    }
    server.until(|server| busy(server) == 50).await;
    let answers = async {
        server.until(|server| server.listeners()[0].draining).await;
        gate.add_permits(50);
        for client in &mut clients {
            let answer = client.answer().await;
            assert_eq!((answer.body.as_str(), answer.closes()), ("kept", true));
            assert_eq!(client.rest().await, "");
        }
    };
    let (drained, ()) = patient(async { tokio::join!(server.server.drain(GRACE), answers) }).await;
    assert_eq!(drained, ALL);
}

#[tokio::test]
async fn http2_streams_in_flight_are_answered_after_goaway() {
    let (server, gate) = held();
    let (sender, task) = http2::connect(server.address).await;
    let requests: Vec<_> = (0..20)
        .map(|_| {
            let mut sender = sender.clone();
            tokio::spawn(async move {
                http2::text(sender.send_request(http2::get("http://gw.test/")).await.unwrap()).await
            })
        })
        .collect();
    server.until(|server| server.connections().iter().any(|connection| connection.requests == 20)).await;
    let answers = async {
        server.until(|server| server.listeners()[0].draining).await;
        gate.add_permits(20);
        for request in requests {
            assert_eq!(request.await.unwrap(), "kept");
        }
        task.await.unwrap().unwrap();
    };
    let (drained, ()) = patient(async { tokio::join!(server.server.drain(GRACE), answers) }).await;
    assert_eq!(drained, ALL);
}

#[tokio::test]
async fn idle_connections_are_closed_at_once() {
    let server = serve(echo);
    let mut client = Client::connect(server.address).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200);
    let (sender, task) = http2::connect(server.address).await;
    server.until(|server| server.connections().len() == 2).await;
    assert_eq!(patient(server.server.drain(GRACE)).await, ALL);
    assert_eq!(client.rest().await, "");
    patient(task).await.unwrap().unwrap();
    drop(sender);
}

#[tokio::test]
async fn who_is_in_the_accept_queue_is_served() {
    // One connection is let in; the others wait in the queue.
    let server = start(listener(Limits { connections: 1, ..Limits::default() }), |_, _| async {
        answer(200, "served")
    });
    let mut first = Client::connect(server.address).await;
    first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(first.answer().await.status, 200);
    let mut queued = Vec::new();
    for _ in 0..30 {
        queued.push(Client::connect(server.address).await);
    }
    let requests = async {
        server.until(|server| server.listeners()[0].draining).await;
        for client in &mut queued {
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
            let answer = client.answer().await;
            assert_eq!((answer.body.as_str(), answer.closes()), ("served", true));
        }
    };
    let (drained, ()) = patient(async { tokio::join!(server.server.drain(GRACE), requests) }).await;
    assert_eq!(drained, ALL);
}

#[tokio::test]
async fn the_rest_of_a_request_head_is_waited_for() {
    let server = serve(echo);
    let mut client = Client::connect(server.address).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200);
    client.send("GET /late HT").await;
    server.until(|server| server.connections()[0].phase == "head").await;
    let rest = async {
        server.until(|server| server.listeners()[0].draining).await;
        client.send("TP/1.1\r\nHost: a\r\n\r\n").await;
        let answer = client.answer().await;
        assert_eq!((answer.body.as_str(), answer.closes()), ("GET /late a ", true));
    };
    let (drained, ()) = patient(async { tokio::join!(server.server.drain(GRACE), rest) }).await;
    assert_eq!(drained, ALL);
}

#[tokio::test]
async fn keep_alive_traffic_loses_no_request_to_a_drain() {
    for _ in 0..20 {
        let server = serve(echo);
        let mut tasks = Vec::new();
        for _ in 0..8 {
            let mut client = Client::connect(server.address).await;
            tasks.push(tokio::spawn(async move {
                // An answer that says close is the last; until then each request is answered, unless the server
                // closed before it was sent.
                loop {
                    let mut end = [0];
                    match client.stream.try_read(&mut end) {
                        Ok(0) => return,
                        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                        other => panic!("{other:?}"),
                    }
                    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
                    if client.answer().await.closes() {
                        return;
                    }
                }
            }));
        }
        server.until(|server| server.connections().iter().any(|connection| connection.requests > 20)).await;
        assert_eq!(patient(server.server.drain(GRACE)).await, ALL);
        for task in tasks {
            patient(task).await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_outlasts_the_grace_is_cut() {
    let (server, _gate) = held();
    let mut client = Client::connect(server.address).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    server.until(|server| busy(server) == 1).await;
    let drained = patient(server.server.drain(Duration::from_millis(20))).await;
    assert_eq!(drained, Drained { complete: false, aborted: 1 });
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_drained_server_binds_nothing_and_has_freed_its_port() {
    let server = serve(|_| async { Response::default() });
    assert_eq!(patient(server.server.drain(GRACE)).await, ALL);
    let again = server.server.prepare(vec![listener(Limits::default())]);
    assert!(matches!(again, Err(BindError::Stopping)));
    std::net::TcpListener::bind(server.address).unwrap();
}
