//! A client with one connection, so that a test decides what goes over which.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Version, request};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio_rustls::TlsConnector;

use crate::{Authority, Body, BoxError, empty, within};

/// A client over one connection; its drop closes that.
pub struct Caller {
    sender: Sender,
    authority: String,
    scheme: &'static str,
    connection: AbortHandle,
}

enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

impl Caller {
    /// Connects for HTTP/1.1.
    ///
    /// # Panics
    /// When nobody listens.
    pub async fn http1(address: SocketAddr) -> Self {
        Self::try_http1(address).await.expect("the gateway takes connections")
    }

    /// Connects for HTTP/1.1.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn try_http1(address: SocketAddr) -> Result<Self, BoxError> {
        Self::over_http1(TcpStream::connect(address).await?, address.to_string(), "http").await
    }

    /// Connects for HTTP/2 by prior knowledge.
    ///
    /// # Panics
    /// When nobody listens.
    pub async fn http2(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the gateway takes connections");
        Self::over_http2(stream, address.to_string(), "http").await.unwrap()
    }

    /// Connects over TLS to `name`, trusting `authority` only. What is offered by ALPN is `protocol` (`h2` or
    /// `http/1.1`) alone.
    ///
    /// # Errors
    /// When the handshake fails.
    pub async fn tls(
        address: SocketAddr,
        authority: &Authority,
        name: &str,
        protocol: &str,
    ) -> Result<Self, BoxError> {
        let connector = TlsConnector::from(Arc::new(authority.client(&[protocol])));
        let stream = TcpStream::connect(address).await?;
        let stream = connector.connect(ServerName::try_from(name.to_owned())?, stream).await?;
        let named = format!("{name}:{}", address.port());
        match protocol {
            "h2" => Self::over_http2(stream, named, "https").await,
            _ => Self::over_http1(stream, named, "https").await,
        }
    }

    async fn over_http1(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        authority: String,
        scheme: &'static str,
    ) -> Result<Self, BoxError> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let task = tokio::spawn(connection.with_upgrades());
        Ok(Self { sender: Sender::Http1(sender), authority, scheme, connection: task.abort_handle() })
    }

    async fn over_http2(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        authority: String,
        scheme: &'static str,
    ) -> Result<Self, BoxError> {
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        let task = tokio::spawn(connection);
        Ok(Self { sender: Sender::Http2(sender), authority, scheme, connection: task.abort_handle() })
    }

    /// A request of the form that the connection's version has.
    pub fn request(&self, method: &str, target: &str) -> request::Builder {
        let builder = Request::builder().method(method);
        match self.sender {
            Sender::Http1(_) => builder.uri(target).header("host", &self.authority),
            Sender::Http2(_) => {
                builder.version(Version::HTTP_2).uri(format!("{}://{}{target}", self.scheme, self.authority))
            }
        }
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    /// When the connection breaks before.
    pub async fn send(&mut self, request: Request<Body>) -> hyper::Result<Response<Incoming>> {
        match &mut self.sender {
            Sender::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Sender::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// When the connection breaks before its end.
    pub async fn try_call(&mut self, request: Request<Body>) -> Result<Answer, BoxError> {
        Answer::read(self.send(request).await?).await
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Panics
    /// When there is none.
    pub async fn call(&mut self, request: Request<Body>) -> Answer {
        let what = format!("an answer to {} {}", request.method(), request.uri());
        within(&what, self.try_call(request)).await.expect(&what)
    }

    /// Gets `target`.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn get(&mut self, target: &str) -> Answer {
        let request = self.request("GET", target).body(empty()).unwrap();
        self.call(request).await
    }

    /// Posts `body` to `target`.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn post(&mut self, target: &str, body: Body) -> Answer {
        let request = self.request("POST", target).body(body).unwrap();
        self.call(request).await
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its version.
    pub version: Version,
    /// Its fields.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// Its trailers.
    pub trailers: HeaderMap,
}

impl Answer {
    /// Reads the rest of an answer.
    ///
    /// # Errors
    /// When it breaks off.
    pub async fn read(response: Response<Incoming>) -> Result<Self, BoxError> {
        let (parts, body) = response.into_parts();
        let body = body.collect().await?;
        let trailers = body.trailers().cloned().unwrap_or_default();
        let body = body.to_bytes();
        let http::response::Parts { status, version, headers, .. } = parts;
        Ok(Self { status, version, headers, body, trailers })
    }

    /// Its body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Its body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// A field's value, empty when it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The values that an echoing origin received for a field.
    pub fn echoed(&self, name: &str) -> Vec<String> {
        let json = self.json();
        let pairs = json["headers"].as_array().expect("an echo");
        let named = |pair: &&serde_json::Value| pair[0] == name;
        pairs.iter().filter(named).filter_map(|pair| pair[1].as_str().map(str::to_owned)).collect()
    }
}
