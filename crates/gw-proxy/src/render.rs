//! The one place where an error becomes an answer: status, `Proxy-Status`, and a body in the form the client reads.
//!
//! Never HTML, never an internal address: causes go to the log.

use gw_config::v1::ErrorFormat;
use gw_core::{AnswerForm, Body, Error, Outcome, RequestContext, Response};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use memchr::memchr2;
use serde_json::json;

use crate::grpc;
use crate::headers::Seen;
use crate::refusal::Allow;

const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

/// The form of answer that suits a request with these fields.
pub(crate) fn form_of(seen: &Seen<'_>, format: ErrorFormat) -> AnswerForm {
    if seen.content_type.first().is_some_and(|value| grpc::is_grpc(value)) {
        return AnswerForm::Grpc;
    }
    if format == ErrorFormat::Kratos {
        return AnswerForm::Kratos;
    }
    // Who sends JSON reads it, unless it says what else it wants.
    let wanted = if seen.accept.is_empty() { &seen.content_type } else { &seen.accept };
    // What browsers accept has no such letter, and is not looked at any closer.
    let may = |value: &&&HeaderValue| memchr2(b'j', b'J', value.as_bytes()).is_some();
    let values = wanted.iter().filter(may).filter_map(|value| value.to_str().ok());
    let json = values.flat_map(|value| value.split(',')).any(is_json);
    if json { AnswerForm::Problem } else { AnswerForm::Text }
}

/// Whether a media type or range names JSON, as it is or as a problem.
fn is_json(range: &str) -> bool {
    let range = range.split(';').next().unwrap_or_default().trim();
    range.eq_ignore_ascii_case("application/json") || range.eq_ignore_ascii_case("application/problem+json")
}

/// Makes the answer for an error.
pub(crate) fn render(error: &Error, cx: Option<&RequestContext>) -> Response {
    let mut response = answer(error, cx.map_or(AnswerForm::Text, |cx| cx.form));
    if error.outcome() == Outcome::MethodNotAllowed
        && let Some(Allow(methods)) = cx.and_then(RequestContext::get)
    {
        response.headers_mut().insert(header::ALLOW, methods);
    }
    response
}

/// Makes the answer in a form.
pub(crate) fn answer(error: &Error, form: AnswerForm) -> Response {
    let facts = error.outcome().facts();
    let detail = error.detail().unwrap_or(facts.title);
    let mut response = match form {
        AnswerForm::Grpc => grpc_answer(facts.grpc_status, detail),
        AnswerForm::Problem => problem(error, detail),
        AnswerForm::Kratos => kratos(error, detail),
        AnswerForm::Text => text(error, detail),
    };
    let headers = response.headers_mut();
    if let Some(kind) = facts.proxy_status {
        let value = format!("gateway; error={kind}");
        headers.extend(HeaderValue::try_from(value).map(|value| (PROXY_STATUS, value)));
    }
    if error.outcome() == Outcome::Unauthenticated && form != AnswerForm::Grpc {
        // RFC 9110 §15.5.2: a 401 carries a challenge; a middleware that knows the scheme replaces this one.
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn grpc_answer(status: u8, message: &str) -> Response {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", HeaderValue::from(u16::from(status)));
    let message = HeaderValue::try_from(grpc::encode_message(message));
    headers.extend(message.map(|message| (HeaderName::from_static("grpc-message"), message)));
    response
}

fn problem(error: &Error, detail: &str) -> Response {
    let facts = error.outcome().facts();
    let body = json!({ "type": "about:blank", "title": facts.title, "status": facts.status, "detail": detail, "outcome": facts.word });
    with_body(error, format!("{body}\n"), "application/problem+json")
}

/// As kratos' `errors.Error` is written.
fn kratos(error: &Error, detail: &str) -> Response {
    let facts = error.outcome().facts();
    let reason = facts.word.to_ascii_uppercase();
    let body = json!({ "code": facts.status, "reason": reason, "message": detail, "metadata": {} });
    with_body(error, format!("{body}\n"), "application/json")
}

fn text(error: &Error, detail: &str) -> Response {
    with_body(error, format!("{}: {detail}\n", error.outcome()), "text/plain; charset=utf-8")
}

fn with_body(error: &Error, body: String, content_type: &'static str) -> Response {
    let length = body.len();
    let mut response = Response::new(Body::from(body));
    // 499 stays between us and the log: a client that went away reads nothing.
    *response.status_mut() = error.status();
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests;
