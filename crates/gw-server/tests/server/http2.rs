//! HTTP/2 by prior knowledge, with hyper's and h2's clients.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use gw_core::{Body, Outcome};
use gw_server::Limits;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::harness::{answer, data, echo, fed, listener, patient, serve, start};
use crate::stalls::endless;

pub type Sender = SendRequest<Full<Bytes>>;

/// A connection; the task ends with it.
pub async fn connect(address: SocketAddr) -> (Sender, JoinHandle<hyper::Result<()>>) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    (sender, tokio::spawn(connection))
}

pub fn get(uri: &str) -> Request<Full<Bytes>> {
    Request::get(uri).body(Full::default()).unwrap()
}

pub async fn text(response: http::Response<hyper::body::Incoming>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn requests_are_served_side_by_side() {
    let server = serve(echo);
    let (sender, _task) = connect(server.address).await;
    let requests = (0..50).map(|n| {
        let mut sender = sender.clone();
        async move {
            let uri = format!("http://gw.test/{n}");
            let request = Request::post(uri).body(Full::from("hi")).unwrap();
            assert_eq!(
                text(sender.send_request(request).await.unwrap()).await,
                format!("POST /{n} gw.test hi")
            );
        }
    });
    patient(futures_util::future::join_all(requests)).await;
    let connections = server.server.connections();
    assert_eq!((connections.len(), connections[0].http2, connections[0].requests), (1, true, 50));
}

#[tokio::test]
async fn authority_and_host_must_agree() {
    let server = serve(echo);
    let (mut sender, _task) = connect(server.address).await;
    for (uri, host, expect) in [
        ("http://gw.test/", Some("gw.test"), 200),
        ("http://gw.test/", None, 200),
        ("http://gw.test/", Some("evil.test"), 400),
        ("http://u@gw.test/", None, 400),
    ] {
        let mut request = get(uri);
        if let Some(host) = host {
            request.headers_mut().insert("host", host.parse().unwrap());
        }
        // Some of these the client's own library refuses to send, which is as good.
        if let Ok(response) = sender.send_request(request).await {
            assert_eq!(response.status(), expect, "{uri} {host:?}");
        } else {
            assert_eq!(expect, 400, "{uri} {host:?}");
        }
    }
}

#[tokio::test]
async fn frames_are_flushed_and_trailers_follow() {
    let (feed, body) = fed();
    let body = parking_lot::Mutex::new(Some(body));
    let server = serve(move |_| {
        let body = body.lock().take().unwrap();
        async move { http::Response::new(body) }
    });
    let (mut sender, _task) = connect(server.address).await;
    let mut body = sender.send_request(get("http://gw.test/")).await.unwrap().into_body();
    for message in ["one", "two"] {
        feed.send(data(message)).await.unwrap();
        let frame = patient(body.frame()).await.unwrap().unwrap();
        assert_eq!(frame.data_ref().unwrap(), message);
    }
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    feed.send(Ok(http_body::Frame::trailers(trailers))).await.unwrap();
    let frame = patient(body.frame()).await.unwrap().unwrap();
    assert_eq!(frame.trailers_ref().unwrap()["grpc-status"], "0");
}

#[tokio::test]
async fn a_cancelled_stream_drops_the_handlers_future() {
    let (alive, mut dropped) = tokio::sync::mpsc::channel::<()>(1);
    let (tell, mut called) = tokio::sync::mpsc::channel::<()>(1);
    let alive = parking_lot::Mutex::new(Some(alive));
    let server = serve(move |_| {
        let (alive, tell) = (alive.lock().take(), tell.clone());
        async move {
            tell.send(()).await.unwrap();
            std::future::pending::<()>().await;
            drop(alive);
            answer(200, "never")
        }
    });
    let (mut sender, _task) = connect(server.address).await;
    let request = tokio::spawn(async move { sender.send_request(get("http://gw.test/")).await });
    patient(called.recv()).await;
    request.abort();
    assert_eq!(patient(dropped.recv()).await, None);
}

#[tokio::test]
async fn a_panic_is_a_500_for_its_stream_alone() {
    let server = serve(|req| async move {
        assert_ne!(req.uri().path(), "/panic", "on purpose");
        answer(200, "fine")
    });
    let (mut sender, _task) = connect(server.address).await;
    assert_eq!(sender.send_request(get("http://gw.test/panic")).await.unwrap().status(), 500);
    assert_eq!(sender.send_request(get("http://gw.test/")).await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_idle_connection_gets_goaway() {
    let limits = Limits { idle_timeout: Duration::from_millis(40), ..Limits::default() };
    let server = start(listener(limits), |req, _| echo(req));
    let (mut sender, task) = connect(server.address).await;
    assert_eq!(sender.send_request(get("http://gw.test/")).await.unwrap().status(), 200);
    patient(task).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_body_that_stands_still_is_the_clients_timeout() {
    let limits = Limits { read_timeout: Duration::from_millis(40), ..Limits::default() };
    let server = start(listener(limits), |req, _| echo(req));
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let _task = tokio::spawn(connection);
    let (feed, body) = fed();
    feed.send(data("part")).await.unwrap();
    let response = patient(sender.send_request(Request::post("http://gw.test/").body(body).unwrap())).await;
    assert_eq!(text(response.unwrap()).await, Outcome::ClientTimeout.as_str());
}

#[tokio::test]
async fn an_answer_that_nobody_takes_lets_go_of_its_source() {
    let (tell, mut told) = tokio::sync::mpsc::channel(1);
    let limits = Limits { write_timeout: Duration::from_millis(40), ..Limits::default() };
    let server = start(listener(limits), move |_, _| {
        let tell = tell.clone();
        async move {
            let (dropped, body): (_, Body) = endless();
            tell.send(dropped).await.unwrap();
            http::Response::new(body)
        }
    });
    let (mut sender, _task) = connect(server.address).await;
    // The head is taken and the body is not: its window fills.
    let _response = sender.send_request(get("http://gw.test/")).await.unwrap();
    let mut dropped = patient(told.recv()).await.unwrap();
    assert_eq!(patient(dropped.recv()).await, None);
}

#[tokio::test]
async fn a_length_above_the_limit_is_413() {
    let server = start(listener(Limits { body_bytes: Some(2), ..Limits::default() }), |req, _| echo(req));
    let (mut sender, _task) = connect(server.address).await;
    let request = Request::post("http://gw.test/").body(Full::from("abc")).unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 413);
}

#[tokio::test]
async fn a_connection_has_as_many_streams_as_are_allowed() {
    for (limits, expect) in [(Limits::default(), 200), (Limits { http2_streams: 3, ..Limits::default() }, 3)]
    {
        let server = start(listener(limits), |req, _| echo(req));
        let stream = TcpStream::connect(server.address).await.unwrap();
        let (mut sender, connection) = h2::client::handshake(stream).await.unwrap();
        let _task = tokio::spawn(connection);
        let (answer, _) = sender.send_request(Request::get("http://a/").body(()).unwrap(), true).unwrap();
        // The settings come before the answer.
        patient(answer).await.unwrap();
        assert_eq!(sender.current_max_send_streams(), expect);
    }
}

#[tokio::test]
async fn streams_that_are_reset_at_once_do_not_pile_up() {
    let server = serve(|_| async {
        std::future::pending::<()>().await;
        answer(200, "never")
    });
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut sender, connection) = h2::client::handshake(stream).await.unwrap();
    let task = tokio::spawn(connection);
    for _ in 0..2000 {
        let Ok(ready) = sender.clone().ready().await else { break };
        sender = ready;
        let request = Request::get("http://gw.test/").body(()).unwrap();
        let Ok((_, mut stream)) = sender.send_request(request, true) else { break };
        stream.send_reset(h2::Reason::CANCEL);
    }
    drop(sender);
    let _ = patient(task).await;
    server
        .until(|server| server.tasks().iter().filter(|task| task.name == "stream").all(|task| task.live == 0))
        .await;
}
