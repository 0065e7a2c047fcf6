//! A record as the Go gateway writes it: `LEVEL key=value …`, without a time.
//!
//! Differs from kratos: one line per request and not per attempt, `error` is the word of the outcome, host and path are those
//! that were received, and a value with a space, a quote or a control character is quoted and escaped, so that no client
//! can forge a line or a field. `path` and `user_agent` may contain `=`, which is why they are quoted then.

use std::io::Write;

use gw_core::{Attempt, Outcome};

use super::escape::{escaped, quoted};
use super::record::AccessRecord;
use super::redact;
use super::time::seconds;

/// Appends the line of `record`, its end included.
pub(super) fn line(out: &mut Vec<u8>, record: &AccessRecord<'_>) {
    let ok = record.outcome == Outcome::Ok;
    out.extend_from_slice(if ok { b"INFO source=accesslog" } else { b"ERROR source=accesslog" });
    let refused = matches!(record.outcome, Outcome::NoRoute | Outcome::MethodNotAllowed);
    field(out, "host", record.host.unwrap_or_default());
    field(out, "method", record.method.as_bytes());
    if !refused {
        field(out, "scheme", record.scheme.as_bytes());
    }
    field(out, "path", record.bare_path().as_bytes());
    query(out, record.query.unwrap_or_default());
    if refused {
        field(out, "user_agent", record.user_agent.unwrap_or_default());
    }
    let status = record.status.unwrap_or(record.outcome.facts().status);
    let _ = write!(out, " code={status} error={}", if ok { "" } else { record.outcome.as_str() });
    if !refused {
        upstream(out, record);
    }
    out.push(b'\n');
}

/// Its `=` part its own keys from values: it is quoted only where it might end early, which no valid target does.
fn query(out: &mut Vec<u8>, query: &str) {
    let quote: &[u8] =
        if query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"') { b"" } else { b"\"" };
    out.extend_from_slice(b" query=");
    out.extend_from_slice(quote);
    redact::query(out, query);
    out.extend_from_slice(quote);
}

/// The lists are in Go's notation; they hold numbers and our own addresses only.
fn upstream(out: &mut Vec<u8>, record: &AccessRecord<'_>) {
    out.extend_from_slice(b" latency=");
    seconds(out, record.total);
    let nodes = record.attempts.iter().map(|attempt| &*attempt.node).collect::<Vec<_>>().join(",");
    field(out, "backend", nodes.as_bytes());
    out.extend_from_slice(b" backend_code=");
    list(out, record.attempts, |out, attempt| {
        let _ = write!(out, "{}", attempt.status.unwrap_or(attempt.outcome.facts().status));
    });
    out.extend_from_slice(b" backend_latency=");
    list(out, record.attempts, |out, attempt| seconds(out, attempt.elapsed));
    // A record is written once, after the last.
    out.extend_from_slice(b" last_attempt=true");
}

fn list(out: &mut Vec<u8>, attempts: &[Attempt], show: impl Fn(&mut Vec<u8>, &Attempt)) {
    out.push(b'[');
    for (n, attempt) in attempts.iter().enumerate() {
        if n > 0 {
            out.push(b' ');
        }
        show(out, attempt);
    }
    out.push(b']');
}

fn field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    let simple = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'=');
    let _ = write!(out, " {name}=");
    if value.iter().all(simple) { escaped(out, value) } else { quoted(out, value) }
}
