//! The gRPC upstream, `demo.Greeter` over HTTP/2 by prior knowledge: `SayHello` answers once, `SayHellos` three times.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Limited, StreamBody};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::protobuf::{decode, encode};

/// The longest request, bytes.
const MESSAGE_LIMIT: usize = 64 << 10;
/// How many messages `SayHellos` sends.
const GREETINGS: usize = 3;
/// The status codes that the demo uses (gRPC's `statuscodes` document).
const OK: u16 = 0;
const INVALID_ARGUMENT: u16 = 3;
const UNIMPLEMENTED: u16 = 12;
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Serves until aborted.
pub(super) async fn serve(listener: TcpListener) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let service = service_fn(|req| async move { Ok::<_, Infallible>(answer(req).await) });
        let connection = http2::Builder::new(TokioExecutor::new());
        connections.spawn(async move {
            // A connection that breaks is the gateway's to deal with.
            let _ = connection.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(req: Request<Incoming>) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    let (head, body) = req.into_parts();
    let count = match head.uri.path() {
        "/demo.Greeter/SayHello" => 1,
        "/demo.Greeter/SayHellos" => GREETINGS,
        _ => return response(Vec::new(), UNIMPLEMENTED),
    };
    let read = Limited::new(body, MESSAGE_LIMIT).collect().await;
    match read.ok().and_then(|body| decode(&body.to_bytes())) {
        None => response(Vec::new(), INVALID_ARGUMENT),
        Some(name) => {
            let greetings = (1..=count).flat_map(|nth| encode(&greeting(&name, nth))).collect();
            response(greetings, OK)
        }
    }
}

fn greeting(name: &str, nth: usize) -> String {
    match nth {
        1 => format!("Hello, {name}!"),
        _ => format!("Hello for the {nth}. time, {name}!"),
    }
}

/// A stream of data and trailers, so that no `content-length` is sent: clients would stop reading there.
fn response(messages: Vec<u8>, status: u16) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    let trailers = HeaderMap::from_iter([(GRPC_STATUS, HeaderValue::from(status))]);
    let frames = [Frame::data(Bytes::from(messages)), Frame::trailers(trailers)];
    let body = StreamBody::new(stream::iter(frames.map(Ok)));
    let mut response = Response::new(body.boxed_unsync());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}
