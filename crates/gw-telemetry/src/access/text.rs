//! A record as a line for people.
//!
//! ```text
//! 2026-11-21T04:05:06.789Z INFO 203.0.113.9 GET https://shop.example/items?page=2 HTTP/2 200 ok 0.012345s in=0 out=512 endpoint=items route="/items" upstream=10.0.0.1:80(200 ok 0.010000s) agent="curl/8" id=0192
//! ```

use std::io::Write;

use super::escape::{escaped, quoted};
use super::record::AccessRecord;
use super::redact;
use super::time::{Rfc3339, seconds};

/// Appends the line of `record`, its end included.
pub(super) fn line(out: &mut Vec<u8>, record: &AccessRecord<'_>, time: &mut Rfc3339) {
    time.write(out, record.time);
    // Writing to a vector cannot fail.
    let _ = write!(out, " {} {} ", record.severity(), record.client);
    target(out, record);
    out.extend_from_slice(b" HTTP/");
    word(out, record.protocol.as_bytes());
    match record.status {
        Some(status) => {
            let _ = write!(out, " {status} {} ", record.outcome);
        }
        None => {
            let _ = write!(out, " - {} ", record.outcome);
        }
    }
    seconds(out, record.total);
    let _ = write!(out, "s in={} out={}", record.request_bytes, record.response_bytes);
    field(out, "listener", Some(record.listener.as_bytes()));
    field(out, "endpoint", Some(record.names.endpoint.as_bytes()));
    field(out, "route", Some(record.names.route.as_bytes()));
    for attempt in record.attempts {
        out.extend_from_slice(b" upstream=");
        word(out, attempt.node.as_bytes());
        let _ = match attempt.status {
            Some(status) => write!(out, "({status} {} ", attempt.outcome),
            None => write!(out, "(- {} ", attempt.outcome),
        };
        seconds(out, attempt.elapsed);
        out.extend_from_slice(b"s)");
    }
    field(out, "agent", record.user_agent);
    field(out, "id", record.request_id);
    field(out, "trace", record.trace_id.map(str::as_bytes));
    out.push(b'\n');
}

/// The method and the target; neither can contain a space once it is escaped, since HTTP forbids it there.
fn target(out: &mut Vec<u8>, record: &AccessRecord<'_>) {
    word(out, record.method.as_bytes());
    out.push(b' ');
    if let Some(host) = record.host {
        escaped(out, record.scheme.as_bytes());
        out.extend_from_slice(b"://");
        word(out, host);
    }
    word(out, record.bare_path().as_bytes());
    if let Some(query) = record.query {
        out.push(b'?');
        redact::query(out, query);
    }
}

fn field(out: &mut Vec<u8>, name: &str, value: Option<&[u8]>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        let _ = write!(out, " {name}=");
        word(out, value);
    }
}

/// Quoted if it would not read as one word; `-` if there is none.
fn word(out: &mut Vec<u8>, text: &[u8]) {
    if text.is_empty() {
        return out.push(b'-');
    }
    let simple = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'=');
    if text.iter().all(simple) { escaped(out, text) } else { quoted(out, text) }
}
