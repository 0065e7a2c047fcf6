//! A gRPC upstream with one method of each kind, and three that misbehave on demand.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use super::{Frames, frame, status};
use crate::listening::{FREE, Listening};
use crate::{Body, BoxError, Chunks, Received, Record, chunks, empty};

/// A gRPC upstream, service `test.Echo`, or any other of these methods:
///
/// - `Unary` sends the message back, and the metadata `x-echo` as a header and as the trailer `x-echo-trailer`;
/// - `Server` takes a decimal number and sends so many messages, `0`, `1`, …;
/// - `Client` sends the number of messages and of bytes it got, as `n m`;
/// - `Bidi` sends each message back as it comes;
/// - `Fail` answers without a message, with the status and message that the metadata `x-status`, `x-message` ask for;
/// - `Hold` sends its metadata at once, and its message once [`Record::release`] was called;
/// - `Silent` does not even send its metadata before.
pub struct GrpcOrigin {
    listening: Listening,
    record: Arc<Record>,
}

impl GrpcOrigin {
    /// Starts one.
    ///
    /// # Panics
    /// When it cannot listen.
    pub async fn start() -> Self {
        let record = Arc::new(Record::default());
        let seen = Arc::clone(&record);
        let listening = Listening::start(FREE, move |stream| {
            seen.count(|counts| counts.connections += 1);
            serve(stream, Arc::clone(&seen))
        });
        Self { listening: listening.await, record }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// What it has seen; a call that its client cancelled counts as such.
    pub fn record(&self) -> &Record {
        &self.record
    }
}

async fn serve(stream: TcpStream, record: Arc<Record>) {
    let service = service_fn(move |req| call(req, Arc::clone(&record)));
    let builder = http2::Builder::new(TokioExecutor::new());
    // How it ends is seen by the other side.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

/// Answers with the head at once; a task of its own writes messages and trailers until the client goes away.
async fn call(req: Request<Incoming>, record: Arc<Record>) -> Result<Response<Body>, BoxError> {
    record.count(|counts| counts.requests += 1);
    record.push(Received::of(&req), &Bytes::new(), HeaderMap::new());
    let builder = Response::builder().header("content-type", "application/grpc");
    let path = req.uri().path().to_owned();
    let method = path.rsplit('/').next().unwrap_or_default().to_owned();
    if method == "Fail" {
        let code = text(req.headers(), "x-status").parse()?;
        let mut response = builder.body(empty())?;
        response.headers_mut().extend(status(code, &text(req.headers(), "x-message")));
        return Ok(response);
    }
    let sent = Sent(record, false);
    if method == "Silent" {
        sent.0.released().await;
    }
    let (sender, body) = chunks();
    let echo = req.headers().get("x-echo").cloned();
    let mut exchange = Exchange { body: req.into_body(), frames: Frames::default(), sender, sent };
    let mut response = builder.body(body)?;
    if let Some(echo) = &echo {
        response.headers_mut().insert("x-echo", echo.clone());
    }
    tokio::spawn(async move {
        // An error means that the client went away, which `Sent` counts.
        let _ = exchange.run(&method, echo).await;
    });
    Ok(response)
}

fn text(fields: &HeaderMap, name: &str) -> String {
    fields.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

struct Exchange {
    body: Incoming,
    frames: Frames,
    sender: Chunks,
    sent: Sent,
}

impl Exchange {
    async fn run(&mut self, method: &str, echo: Option<HeaderValue>) -> Result<(), BoxError> {
        let mut trailers = status(0, "");
        match method {
            "Unary" | "Silent" => self.unary().await?,
            "Hold" => {
                self.held().await?;
                self.unary().await?;
            }
            "Server" => self.server().await?,
            "Client" => self.client().await?,
            "Bidi" => {
                while let Some(message) = self.next().await? {
                    self.sender.send(frame(&message)).await?;
                }
            }
            _ => trailers = status(12, "no such method"),
        }
        if let Some(echo) = echo {
            trailers.insert("x-echo-trailer", echo);
        }
        self.sender.trailers(trailers).await?;
        self.sent.0.count(|counts| counts.sent += 1);
        self.sent.over();
        Ok(())
    }

    async fn unary(&mut self) -> Result<(), BoxError> {
        let message = self.next().await?.ok_or("no message")?;
        self.sender.send(frame(&message)).await
    }

    /// Waits for the release, or for the client to go away.
    async fn held(&mut self) -> Result<(), BoxError> {
        let record = Arc::clone(&self.sent.0);
        let message = self.next().await?.ok_or("no message")?;
        self.frames.push(&frame(&message));
        tokio::select! {
            () = record.released() => Ok(()),
            () = self.sender.dropped() => Err("the client went away".into()),
        }
    }

    async fn server(&mut self) -> Result<(), BoxError> {
        let message = self.next().await?.ok_or("no message")?;
        for number in 0..String::from_utf8_lossy(&message).parse::<u64>()? {
            self.sender.send(frame(number.to_string().as_bytes())).await?;
        }
        Ok(())
    }

    async fn client(&mut self) -> Result<(), BoxError> {
        let (mut messages, mut bytes) = (0, 0);
        while let Some(message) = self.next().await? {
            messages += 1;
            bytes += message.len();
        }
        self.sender.send(frame(format!("{messages} {bytes}").as_bytes())).await
    }

    async fn next(&mut self) -> Result<Option<Bytes>, BoxError> {
        loop {
            if let Some(message) = self.frames.next() {
                return Ok(Some(message));
            }
            match self.body.frame().await {
                Some(frame) => self.frames.push(frame?.data_ref().map_or(&[][..], |data| data)),
                None => return Ok(None),
            }
        }
    }
}

/// Counts a call that did not come to its trailers.
struct Sent(Arc<Record>, bool);

impl Sent {
    fn over(&mut self) {
        self.1 = true;
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        if !self.1 {
            self.0.count(|counts| counts.cancelled += 1);
        }
    }
}
