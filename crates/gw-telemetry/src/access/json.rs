//! A record as one JSON object, with OpenTelemetry's field names where they exist and `gateway.*` for the rest.

use std::net::IpAddr;

use super::digits;
use super::escape::escaped;
use super::record::AccessRecord;
use super::redact;
use super::time::{Rfc3339, seconds};

/// The beginning of a field, as one text.
macro_rules! key {
    ($name:literal) => {
        concat!(",\"", $name, "\":")
    };
}

/// The same of a text. It stays open: what comes next closes it.
macro_rules! opened {
    ($name:literal) => {
        concat!(key!($name), "\"")
    };
}

/// The beginning of a field after a text.
macro_rules! after {
    ($beginning:expr) => {
        concat!("\"", $beginning)
    };
}

/// Appends the line of `record`, its end included.
pub(super) fn line(out: &mut Vec<u8>, record: &AccessRecord<'_>, time: &mut Rfc3339) {
    out.extend_from_slice(b"{\"timestamp\":\"");
    time.write(out, record.time);
    push(out, after!(opened!("severity")));
    push(out, record.severity());
    push(out, after!(concat!(opened!("message"), "request")));
    text(out, after!(opened!("trace_id")), record.trace_id.map(str::as_bytes));
    request(out, record);
    response(out, record);
    attempts(out, record);
    out.extend_from_slice(b"}\n");
}

fn request(out: &mut Vec<u8>, record: &AccessRecord<'_>) {
    address(out, after!(opened!("client.address")), record, record.client);
    address(out, after!(opened!("network.peer.address")), record, record.peer.ip());
    number(out, after!(key!("network.peer.port")), record.peer.port());
    if !record.protocol.is_empty() {
        push(out, opened!("network.protocol.version"));
        push(out, record.protocol);
        out.push(b'"');
    }
    text(out, opened!("gateway.listener"), Some(record.listener.as_bytes()));
    text(out, after!(opened!("http.request.method")), known(record.method));
    push(out, after!(opened!("url.scheme")));
    push(out, record.scheme);
    text(out, after!(opened!("server.address")), record.host);
    text(out, after!(opened!("url.path")), known(record.bare_path()));
    if let Some(query) = record.query {
        push(out, after!(opened!("url.query")));
        redact::query(out, query);
    }
    text(out, after!(opened!("user_agent.original")), record.user_agent);
    number(out, after!(key!("http.request.body.size")), record.request_bytes);
    if let Some(id) = record.request_id {
        text(out, opened!("gateway.request_id"), Some(id));
        out.push(b'"');
    }
}

fn response(out: &mut Vec<u8>, record: &AccessRecord<'_>) {
    out.extend_from_slice(&record.names.json);
    if let Some(status) = record.status {
        number(out, key!("http.response.status_code"), status);
    }
    number(out, key!("http.response.body.size"), record.response_bytes);
    push(out, opened!("gateway.outcome"));
    push(out, record.outcome.as_str());
    push(out, after!(opened!("gateway.side")));
    push(out, record.outcome.facts().side.as_str());
    push(out, after!(key!("t.total")));
    seconds(out, record.total);
    if let Some(first_byte) = record.first_byte {
        push(out, key!("t.first_byte"));
        seconds(out, first_byte);
    }
}

fn attempts(out: &mut Vec<u8>, record: &AccessRecord<'_>) {
    push(out, concat!(key!("gateway.attempts"), "["));
    for (n, attempt) in record.attempts.iter().enumerate() {
        out.extend_from_slice(if n == 0 { b"{\"node\":\"" } else { b",{\"node\":\"" });
        escaped(out, attempt.node.as_bytes());
        out.push(b'"');
        if let Some(status) = attempt.status {
            number(out, key!("status"), status);
        }
        push(out, opened!("outcome"));
        push(out, attempt.outcome.as_str());
        push(out, after!(key!("seconds")));
        seconds(out, attempt.elapsed);
        out.push(b'}');
    }
    out.push(b']');
}

/// The names of a route as they stand in each of its lines.
pub(super) fn names(route: &str, endpoint: &str) -> Vec<u8> {
    let mut out = Vec::new();
    text(&mut out, opened!("http.route"), Some(route.as_bytes()));
    text(&mut out, after!(opened!("gateway.endpoint")), Some(endpoint.as_bytes()));
    out.push(b'"');
    out
}

fn known(text: &str) -> Option<&[u8]> {
    Some(text.as_bytes()).filter(|text| !text.is_empty())
}

/// A field whose value came from outside; left out if there is none.
fn text(out: &mut Vec<u8>, opened: &'static str, value: Option<&[u8]>) {
    if let Some(value) = value {
        push(out, opened);
        escaped(out, value);
    }
}

fn address(out: &mut Vec<u8>, opened: &'static str, record: &AccessRecord<'_>, value: IpAddr) {
    push(out, opened);
    match record.text_of(value) {
        Some(text) => out.extend_from_slice(text),
        None => digits::address(out, value),
    }
}

fn number(out: &mut Vec<u8>, key: &'static str, value: impl Into<u64>) {
    push(out, key);
    digits::number(out, value.into());
}

/// One of our own words, which need no escaping.
fn push(out: &mut Vec<u8>, text: &'static str) {
    out.extend_from_slice(text.as_bytes());
}
