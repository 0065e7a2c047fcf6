//! Answers of the admin port.

use gw_core::{Body, Response};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde::Serialize;

/// A value as indented JSON.
pub fn json(value: &impl Serialize) -> Response {
    match serde_json::to_string_pretty(value) {
        Ok(text) => with_type(StatusCode::OK, text + "\n", "application/json"),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

/// Plain text.
pub(crate) fn text(status: StatusCode, text: String) -> Response {
    with_type(status, text, "text/plain; charset=utf-8")
}

/// A body of some type.
pub(crate) fn with_type(status: StatusCode, body: String, content_type: &'static str) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
