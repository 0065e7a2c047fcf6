//! The trace context that a request comes with, and the one that it leaves with: the field `traceparent`.
//!
//! Source: W3C Trace Context §3.2. `tracestate` and `baggage` are passed on as they came; a `tracestate` without a valid
//! `traceparent` says nothing and goes (§3.3).

#[cfg(test)]
mod tests;

use gw_middleware::TraceId;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::ids::SpanId;

/// The field that carries the context.
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// The field in which tracing systems add what is theirs.
pub(crate) const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The length of a version 00 field, bytes.
const LENGTH: usize = 55;
/// Of the flags: the caller samples the trace.
const SAMPLED: u8 = 1;
/// Of the flags: the id's lower 7 bytes are random. Whoever continues the trace must keep it.
const RANDOM: u8 = 2;

/// A span as others may continue it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parent {
    /// Its trace.
    pub(crate) trace: TraceId,
    /// The span itself.
    pub(crate) span: SpanId,
    /// Of its flags, those that we know.
    pub(crate) flags: u8,
}

impl Parent {
    /// The span that begins a new trace.
    pub(crate) fn root(trace: TraceId, sampled: bool) -> Self {
        Self { trace, span: SpanId::random(), flags: if sampled { SAMPLED } else { 0 } }
    }

    /// A span below this one.
    pub(crate) fn child(self) -> Self {
        Self { span: SpanId::random(), ..self }
    }

    /// Whether the trace is sampled.
    pub(crate) fn is_sampled(self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The context of a request; none if it has none, more than one, or a malformed one.
    pub(crate) fn of(fields: &HeaderMap) -> Option<Self> {
        let mut values = fields.get_all(TRACEPARENT).iter();
        match (values.next(), values.next()) {
            (Some(only), None) => Self::parse(only.as_bytes()),
            _ => None,
        }
    }

    /// Reads `version-trace-span-flags`. Later versions may have more behind it, which is ignored.
    fn parse(text: &[u8]) -> Option<Self> {
        let (known, rest) = text.split_at_checked(LENGTH)?;
        if [known[2], known[35], known[52]] != *b"---" {
            return None;
        }
        let version = hex(&known[..2])?;
        let fits = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.is_empty() || rest[0] == b'-',
        };
        let (trace, span) = (hex(&known[3..35])?, hex(&known[36..52])? as u64);
        let flags = hex(&known[53..])? as u8 & (SAMPLED | RANDOM);
        (fits && trace != 0 && span != 0).then_some(Self { trace: TraceId(trace), span: SpanId(span), flags })
    }

    /// The field that says it.
    pub(crate) fn field(self) -> HeaderValue {
        let mut text = *b"00-................................-................-0.";
        write_hex(&mut text[3..35], self.trace.0);
        write_hex(&mut text[36..52], self.span.0.into());
        write_hex(&mut text[54..], self.flags.into());
        // Hexadecimal digits and dashes always are a value.
        HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static(""))
    }
}

/// A number of up to 32 lower-case digits: upper-case ones are malformed.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

fn write_hex(into: &mut [u8], mut number: u128) {
    for digit in into.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 0xf) as usize];
        number >>= 4;
    }
}
