//! The request that is served: one of a browser.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use gw_core::{Body, ConnContext, Request};
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

const FIELDS: [(&str, &str); 12] = [
    ("host", "bench.example"),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    ),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
    ("accept-language", "en-US,en;q=0.9"),
    ("accept-encoding", "gzip, deflate, br"),
    ("cookie", "session=5b6f1d3c7a9e4f20b8d1c6e7a2f39440; theme=dark; consent=all.2026-11-01"),
    ("referer", "https://bench.example/index.html"),
    ("cache-control", "no-cache"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-site", "same-origin"),
    ("connection", "keep-alive"),
    ("x-forwarded-for", "192.0.2.7"),
];

/// Its fields.
pub(crate) fn fields() -> HeaderMap {
    let field = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
    FIELDS.into_iter().map(field).collect()
}

/// The whole of it.
pub(crate) fn request(fields: &HeaderMap) -> Request {
    let mut request = http::Request::get("/orders/7").body(Body::empty()).unwrap();
    *request.headers_mut() = fields.clone();
    request
}

/// The bytes of it.
pub(crate) fn bytes() -> Vec<u8> {
    (head("GET") + "\r\n").into_bytes()
}

/// The bytes of one with a body of 4 KiB, which ends as a head does.
pub(crate) fn upload() -> Vec<u8> {
    let body = "x".repeat(4092) + "\r\n\r\n";
    format!("{}content-length: {}\r\n\r\n{body}", head("POST"), body.len()).into_bytes()
}

fn head(method: &str) -> String {
    let mut text = format!("{method} /orders/7 HTTP/1.1\r\n");
    for (name, value) in FIELDS {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    text
}

/// The connection that it comes over.
pub(crate) fn connection() -> Arc<ConnContext> {
    let address = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 50_000));
    Arc::new(ConnContext::new(0, "counted", address, address))
}
