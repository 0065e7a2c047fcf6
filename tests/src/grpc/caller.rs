//! A gRPC client over one HTTP/2 connection.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::{Frames, frame};
use crate::{Body, Caller, Chunks, chunks, full, within};

/// A gRPC client.
pub struct GrpcCaller(Caller);

/// A whole answer.
#[derive(Clone, Debug)]
pub struct GrpcAnswer {
    /// The messages.
    pub messages: Vec<Bytes>,
    /// The metadata before them.
    pub headers: HeaderMap,
    /// The metadata after them; of an answer without messages, the same as `headers`.
    pub trailers: HeaderMap,
}

impl GrpcAnswer {
    /// `grpc-status`.
    ///
    /// # Panics
    /// When there is none, which no answer may lack.
    pub fn status(&self) -> u16 {
        let status = self.trailers.get("grpc-status").unwrap_or_else(|| panic!("no grpc-status in {self:?}"));
        status.to_str().unwrap().parse().unwrap()
    }

    /// `grpc-message`, empty when it is absent.
    pub fn message(&self) -> &str {
        self.trailers.get("grpc-message").and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl GrpcCaller {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Self {
        Self(Caller::http2(address).await)
    }

    fn request(&self, path: &str, metadata: &[(&str, &str)], body: Body) -> Request<Body> {
        let start =
            self.0.request("POST", path).header("content-type", "application/grpc").header("te", "trailers");
        let builder = metadata.iter().fold(start, |builder, (name, value)| builder.header(*name, *value));
        builder.body(body).unwrap()
    }

    /// Sends one message and reads the whole answer.
    ///
    /// # Panics
    /// When there is none.
    pub async fn unary(&mut self, path: &str, message: &[u8], metadata: &[(&str, &str)]) -> GrpcAnswer {
        let request = self.request(path, metadata, full(frame(message)));
        let response = within(path, self.0.send(request)).await.expect(path);
        let (parts, body) = response.into_parts();
        GrpcStream { sender: None, headers: parts.headers, body, frames: Frames::default() }.rest().await
    }

    /// Opens a call whose messages the test sends, and waits for the answer's head.
    ///
    /// # Panics
    /// When there is none.
    pub async fn open(&mut self, path: &str, metadata: &[(&str, &str)]) -> GrpcStream {
        let (sender, body) = chunks();
        let request = self.request(path, metadata, body);
        let response = within(path, self.0.send(request)).await.expect(path);
        let (parts, body) = response.into_parts();
        GrpcStream { sender: Some(sender), headers: parts.headers, body, frames: Frames::default() }
    }
}

/// A call in progress; its drop cancels it.
pub struct GrpcStream {
    sender: Option<Chunks>,
    headers: HeaderMap,
    body: Incoming,
    frames: Frames,
}

impl GrpcStream {
    /// Sends a message.
    ///
    /// # Panics
    /// When the call has ended.
    pub async fn send(&mut self, message: &[u8]) {
        let sender = self.sender.as_mut().expect("not finished");
        within("a message is taken", sender.send(frame(message))).await.expect("the call goes on");
    }

    /// Sends no more.
    pub fn finish(&mut self) {
        self.sender = None;
    }

    /// The next message, or `None` at their end.
    ///
    /// # Panics
    /// When the call breaks off.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(message) = self.frames.next() {
                return Some(message);
            }
            let frame = within("the next message", self.body.frame()).await?.expect("the call goes on");
            match frame.into_data() {
                Ok(data) => self.frames.push(&data),
                Err(frame) => {
                    self.headers.extend(frame.into_trailers().unwrap_or_default());
                    return None;
                }
            }
        }
    }

    /// Everything that is still to come.
    pub async fn rest(mut self) -> GrpcAnswer {
        let headers = self.headers.clone();
        self.finish();
        let mut messages = Vec::new();
        while let Some(message) = self.next().await {
            messages.push(message);
        }
        GrpcAnswer { messages, headers, trailers: self.headers.clone() }
    }
}
