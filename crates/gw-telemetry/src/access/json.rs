//! A record as one JSON object, with OpenTelemetry's field names where they exist and `gateway.*` for the rest.

use std::net::IpAddr;

use super::digits;
use super::escape::{escaped, quoted};
use super::record::AccessRecord;
use super::redact;
use super::time::{Rfc3339, seconds};

/// Appends the line of `record`, its end included.
pub(super) fn line(out: &mut Vec<u8>, record: &AccessRecord<'_>, time: &mut Rfc3339) {
    out.extend_from_slice(b"{\"timestamp\":\"");
    time.write(out, record.time);
    out.push(b'"');
    plain(out, "severity", record.severity());
    plain(out, "message", "request");
    text(out, "trace_id", record.trace_id);
    request(out, record);
    response(out, record);
    attempts(out, record);
    out.extend_from_slice(b"}\n");
}

fn request(out: &mut Vec<u8>, record: &AccessRecord<'_>) {
    address(out, "client.address", record.client);
    address(out, "network.peer.address", record.peer.ip());
    number(out, "network.peer.port", record.peer.port());
    text(out, "network.protocol.version", known(record.protocol));
    text(out, "gateway.listener", Some(record.listener));
    text(out, "http.request.method", known(record.method));
    text(out, "url.scheme", Some(record.scheme));
    text(out, "server.address", record.host);
    text(out, "url.path", known(record.bare_path()));
    if let Some(query) = record.query {
        key(out, "url.query");
        out.push(b'"');
        redact::query(out, query);
        out.push(b'"');
    }
    text(out, "user_agent.original", record.user_agent);
    number(out, "http.request.body.size", record.request_bytes);
    text(out, "gateway.request_id", record.request_id);
}

fn response(out: &mut Vec<u8>, record: &AccessRecord<'_>) {
    text(out, "http.route", Some(record.route));
    text(out, "gateway.endpoint", Some(record.endpoint));
    if let Some(status) = record.status {
        number(out, "http.response.status_code", status);
    }
    number(out, "http.response.body.size", record.response_bytes);
    plain(out, "gateway.outcome", record.outcome.as_str());
    plain(out, "gateway.side", record.outcome.facts().side.as_str());
    key(out, "t.total");
    seconds(out, record.total_seconds);
    if let Some(first_byte) = record.first_byte_seconds {
        key(out, "t.first_byte");
        seconds(out, first_byte);
    }
}

fn attempts(out: &mut Vec<u8>, record: &AccessRecord<'_>) {
    key(out, "gateway.attempts");
    out.push(b'[');
    for (n, attempt) in record.attempts.iter().enumerate() {
        out.extend_from_slice(if n == 0 { b"{\"node\":" } else { b",{\"node\":" });
        quoted(out, &attempt.node);
        if let Some(status) = attempt.status {
            number(out, "status", status);
        }
        plain(out, "outcome", attempt.outcome.as_str());
        key(out, "seconds");
        seconds(out, attempt.elapsed.as_secs_f64());
        out.push(b'}');
    }
    out.push(b']');
}

fn known(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// A field whose value is one of our own words.
fn plain(out: &mut Vec<u8>, name: &str, value: &'static str) {
    key(out, name);
    quoted(out, value);
}

/// A field whose value came from outside; left out if there is none.
fn text(out: &mut Vec<u8>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        key(out, name);
        out.push(b'"');
        escaped(out, value);
        out.push(b'"');
    }
}

fn address(out: &mut Vec<u8>, name: &str, value: IpAddr) {
    key(out, name);
    out.push(b'"');
    digits::address(out, value);
    out.push(b'"');
}

fn number(out: &mut Vec<u8>, name: &str, value: impl Into<u64>) {
    key(out, name);
    digits::number(out, value.into());
}

fn key(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}
