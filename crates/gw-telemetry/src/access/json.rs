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

/// The same with the quote that begins a text.
macro_rules! opened {
    ($name:literal) => {
        concat!(",\"", $name, "\":\"")
    };
}

/// Appends the line of `record`, its end included.
pub(super) fn line(out: &mut Vec<u8>, record: &AccessRecord<'_>, time: &mut Rfc3339) {
    out.extend_from_slice(b"{\"timestamp\":\"");
    time.write(out, record.time);
    out.push(b'"');
    plain(out, opened!("severity"), record.severity());
    plain(out, opened!("message"), "request");
    text(out, opened!("trace_id"), record.trace_id.map(str::as_bytes));
    request(out, record);
    response(out, record);
    attempts(out, record);
    out.extend_from_slice(b"}\n");
}

fn request(out: &mut Vec<u8>, record: &AccessRecord<'_>) {
    address(out, opened!("client.address"), record, record.client);
    address(out, opened!("network.peer.address"), record, record.peer.ip());
    number(out, key!("network.peer.port"), record.peer.port());
    text(out, opened!("network.protocol.version"), known(record.protocol));
    text(out, opened!("gateway.listener"), Some(record.listener.as_bytes()));
    text(out, opened!("http.request.method"), known(record.method));
    text(out, opened!("url.scheme"), Some(record.scheme.as_bytes()));
    text(out, opened!("server.address"), record.host);
    text(out, opened!("url.path"), known(record.bare_path()));
    if let Some(query) = record.query {
        push(out, key!("url.query"));
        out.push(b'"');
        redact::query(out, query);
        out.push(b'"');
    }
    text(out, opened!("user_agent.original"), record.user_agent);
    number(out, key!("http.request.body.size"), record.request_bytes);
    text(out, opened!("gateway.request_id"), record.request_id);
}

fn response(out: &mut Vec<u8>, record: &AccessRecord<'_>) {
    out.extend_from_slice(&record.names.json);
    if let Some(status) = record.status {
        number(out, key!("http.response.status_code"), status);
    }
    number(out, key!("http.response.body.size"), record.response_bytes);
    plain(out, opened!("gateway.outcome"), record.outcome.as_str());
    plain(out, opened!("gateway.side"), record.outcome.facts().side.as_str());
    push(out, key!("t.total"));
    seconds(out, record.total);
    if let Some(first_byte) = record.first_byte {
        push(out, key!("t.first_byte"));
        seconds(out, first_byte);
    }
}

fn attempts(out: &mut Vec<u8>, record: &AccessRecord<'_>) {
    push(out, key!("gateway.attempts"));
    out.push(b'[');
    for (n, attempt) in record.attempts.iter().enumerate() {
        out.extend_from_slice(if n == 0 { b"{\"node\":\"" } else { b",{\"node\":\"" });
        escaped(out, attempt.node.as_bytes());
        out.push(b'"');
        if let Some(status) = attempt.status {
            number(out, key!("status"), status);
        }
        plain(out, opened!("outcome"), attempt.outcome.as_str());
        push(out, key!("seconds"));
        seconds(out, attempt.elapsed);
        out.push(b'}');
    }
    out.push(b']');
}

/// The names of a route as they stand in each of its lines.
pub(super) fn names(route: &str, endpoint: &str) -> Vec<u8> {
    let mut out = Vec::new();
    text(&mut out, opened!("http.route"), Some(route.as_bytes()));
    text(&mut out, opened!("gateway.endpoint"), Some(endpoint.as_bytes()));
    out
}

fn known(text: &str) -> Option<&[u8]> {
    Some(text.as_bytes()).filter(|text| !text.is_empty())
}

/// A field whose value is one of our own words, which need no escaping.
fn plain(out: &mut Vec<u8>, opened: &'static str, value: &'static str) {
    push(out, opened);
    push(out, value);
    out.push(b'"');
}

/// A field whose value came from outside; left out if there is none.
fn text(out: &mut Vec<u8>, opened: &'static str, value: Option<&[u8]>) {
    if let Some(value) = value {
        push(out, opened);
        escaped(out, value);
        out.push(b'"');
    }
}

fn address(out: &mut Vec<u8>, opened: &'static str, record: &AccessRecord<'_>, value: IpAddr) {
    push(out, opened);
    match record.text_of(value) {
        Some(text) => out.extend_from_slice(text),
        None => digits::address(out, value),
    }
    out.push(b'"');
}

fn number(out: &mut Vec<u8>, key: &'static str, value: impl Into<u64>) {
    push(out, key);
    digits::number(out, value.into());
}

fn push(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}
