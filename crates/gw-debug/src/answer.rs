//! The forms of an answer: text, JSON, and the headers that every page carries.

use gw_core::{Body, Response};
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde::Serialize;

/// An answer of plain text.
pub fn text(status: StatusCode, body: impl Into<String>) -> Response {
    typed(status, "text/plain; charset=utf-8", body.into())
}

/// An answer of JSON, indented for people, status 200. What cannot be written as JSON is answered with 500.
pub fn json(value: &impl Serialize) -> Response {
    json_with(StatusCode::OK, value)
}

pub(crate) fn json_with(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_string_pretty(value) {
        Ok(mut body) => {
            body.push('\n');
            typed(status, "application/json", body)
        }
        Err(error) => {
            tracing::error!(%error, "a debug page cannot be written as JSON");
            text(StatusCode::INTERNAL_SERVER_ERROR, format!("the page cannot be written as JSON: {error}\n"))
        }
    }
}

pub(crate) fn typed(status: StatusCode, kind: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A list of paths, as JSON for clients that ask for it and one a line for others.
pub(crate) fn list(status: StatusCode, headers: &HeaderMap, title: &str, paths: &[String]) -> Response {
    if accepts_json(headers) {
        return json_with(status, &serde_json::json!({ "message": title, "pages": paths }));
    }
    let lines: String = paths.iter().map(|path| format!("{path}\n")).collect();
    text(status, format!("{title}\n{lines}"))
}

fn accepts_json(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("application/json"))
}

/// Adds what keeps browsers from doing more with a page than to show it. A page may have its own policy and caching.
pub(crate) fn secure(response: &mut Response) {
    const FIELDS: [(HeaderName, &str); 6] = [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in FIELDS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
}
