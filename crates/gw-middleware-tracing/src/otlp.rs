//! Spans in the form of the collector: OTLP, with the names of OpenTelemetry's HTTP conventions.
//!
//! Neither query nor fields of requests are in it: they may hold secrets.

#[cfg(test)]
mod tests;

use std::time::{SystemTime, UNIX_EPOCH};

use gw_core::{Outcome, Side};
use http::Method;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1 as proto;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, SpanFlags, Status};

use crate::ids::SpanId;
use crate::span::{Answered, Asked, Attempted, Of, Span};

/// Whose spans they are: the scope's name.
const SCOPE: &str = "gateway";

/// One export.
pub(crate) fn request(service: &str, spans: &[Span]) -> ExportTraceServiceRequest {
    let resource = Resource { attributes: vec![attribute("service.name", service)], ..Resource::default() };
    let scope = InstrumentationScope {
        name: SCOPE.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let spans = spans.iter().map(span).collect();
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }];
    let resource_spans = ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![resource_spans] }
}

fn span(span: &Span) -> proto::Span {
    let own = &span.trace.own;
    let mut flags = u32::from(own.flags) | SpanFlags::ContextHasIsRemoteMask as u32;
    let (id, parent, kind, name, attributes, failed) = match &span.of {
        Of::Request(asked, answered) => {
            if asked.parent.is_some() {
                flags |= SpanFlags::ContextIsRemoteMask as u32;
            }
            let failed = is_error(answered.status, answered.outcome);
            let (name, attributes) = (request_name(asked), request_attributes(asked, answered));
            (own.span, asked.parent, SpanKind::Server, name, attributes, failed)
        }
        Of::Attempt(attempted) => {
            let failed = is_error(attempted.status, attempted.outcome);
            let name = format!("attempt {}", attempted.number);
            (attempted.id, Some(own.span), SpanKind::Client, name, attempt_attributes(attempted), failed)
        }
    };
    let status = failed.then(|| Status { code: StatusCode::Error.into(), message: String::new() });
    proto::Span {
        trace_id: own.trace.0.to_be_bytes().to_vec(),
        span_id: bytes(id),
        parent_span_id: parent.map(bytes).unwrap_or_default(),
        trace_state: span.trace.state.to_string(),
        flags,
        name,
        kind: kind.into(),
        start_time_unix_nano: nanos(span.started),
        end_time_unix_nano: nanos(span.ended),
        attributes,
        status,
        ..proto::Span::default()
    }
}

/// Whether the service failed. What a client did wrong, or did not wait for, is no error of ours, whatever its status.
fn is_error(status: Option<u16>, outcome: Outcome) -> bool {
    match status {
        Some(status) if status >= 400 => status >= 500,
        _ => outcome != Outcome::Ok && outcome.facts().side != Side::Downstream,
    }
}

/// `{method} {http.route}`; the method alone where no route was found.
fn request_name(asked: &Asked) -> String {
    let method = if is_known(&asked.method) { asked.method.as_str() } else { "HTTP" };
    match route(asked) {
        Some(route) => format!("{method} {route}"),
        None => method.to_owned(),
    }
}

fn route(asked: &Asked) -> Option<&str> {
    // The endpoint of requests that no route takes is called `-`.
    Some(&*asked.endpoint.route).filter(|route| *route != "-")
}

fn request_attributes(asked: &Asked, answered: &Answered) -> Vec<KeyValue> {
    let mut attributes = method(&asked.method);
    attributes.push(attribute("url.path", &asked.path));
    attributes.push(attribute("url.scheme", asked.scheme));
    attributes.push(attribute("client.address", &asked.client.to_string()));
    attributes.push(attribute("network.protocol.version", answered.protocol));
    attributes.extend(route(asked).map(|route| attribute("http.route", route)));
    attributes.extend(asked.user_agent.as_deref().map(|agent| attribute("user_agent.original", agent)));
    attributes.extend(asked.host.as_deref().into_iter().flat_map(server));
    attributes.extend(ending(answered.status, answered.outcome));
    attributes
}

fn attempt_attributes(attempted: &Attempted) -> Vec<KeyValue> {
    let mut attributes = method(&attempted.method);
    attributes.extend(attempted.noted.iter().flat_map(|noted| server(&noted.node)));
    if attempted.number > 1 {
        attributes.push(number("http.request.resend_count", i64::from(attempted.number - 1)));
    }
    attributes.extend(ending(attempted.status, attempted.outcome));
    attributes
}

/// Methods that are not registered share one value, so that clients cannot make new ones up.
fn method(method: &Method) -> Vec<KeyValue> {
    if is_known(method) {
        return vec![attribute("http.request.method", method.as_str())];
    }
    let original = crate::span::cut(method.as_str());
    vec![attribute("http.request.method", "_OTHER"), attribute("http.request.method_original", &original)]
}

fn is_known(method: &Method) -> bool {
    const KNOWN: [Method; 9] = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::HEAD,
        Method::OPTIONS,
        Method::PATCH,
        Method::CONNECT,
        Method::TRACE,
    ];
    KNOWN.contains(method)
}

/// `host:port`, `host`, `[v6]:port`.
fn server(authority: &str) -> impl Iterator<Item = KeyValue> + use<> {
    let port = authority.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    let (host, port) = match port {
        // A colon within an address that has no port.
        Some((host, _)) if host.contains(':') && !host.ends_with(']') => (authority, None),
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let host = attribute("server.address", host.trim_matches(['[', ']']));
    [Some(host), port.map(|port| number("server.port", i64::from(port)))].into_iter().flatten()
}

fn ending(status: Option<u16>, outcome: Outcome) -> impl Iterator<Item = KeyValue> {
    let status = status.map(|status| number("http.response.status_code", i64::from(status)));
    let error = (outcome != Outcome::Ok).then(|| attribute("error.type", outcome.as_str()));
    status.into_iter().chain(error)
}

fn attribute(key: &str, value: &str) -> KeyValue {
    key_value(key, Value::StringValue(value.to_owned()))
}

fn number(key: &str, value: i64) -> KeyValue {
    key_value(key, Value::IntValue(value))
}

fn key_value(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn bytes(id: SpanId) -> Vec<u8> {
    id.0.to_be_bytes().to_vec()
}

fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
