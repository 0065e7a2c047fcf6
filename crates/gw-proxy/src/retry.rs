//! When an attempt is followed by another: conditions on answers, and which failures are safe to repeat.

use std::time::Duration;

use gw_core::{Failure, Progress};
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode};

/// How often and after what a request is tried again.
#[derive(Clone, Debug)]
pub(crate) struct RetryPolicy {
    /// Attempts in all, ≥ 1.
    pub(crate) attempts: u32,
    /// Answers that are tried again.
    pub(crate) conditions: Vec<Condition>,
    /// Whether requests that are not idempotent are repeated although bytes were sent.
    pub(crate) non_idempotent: bool,
    /// The first pause between attempts.
    pub(crate) backoff: Option<Duration>,
}

/// The longest pause, in first pauses.
const MAX_BACKOFF: u32 = 10;

impl RetryPolicy {
    /// One attempt and no other.
    pub(crate) fn once() -> Self {
        Self { attempts: 1, conditions: Vec::new(), non_idempotent: false, backoff: None }
    }

    /// Whether an answer is to be tried again.
    pub(crate) fn matches(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        self.conditions.iter().any(|condition| condition.matches(status, headers))
    }

    /// Whether a failure may be tried again: it is another node's chance, and the request is either safe to repeat or
    /// has not left (RFC 9110 §9.2.2). Differs from kratos, which repeats any method after any error.
    pub(crate) fn repeats(&self, failure: Failure, method: &Method) -> bool {
        let safe = self.non_idempotent || failure.progress == Progress::Unsent || method.is_idempotent();
        failure.outcome.facts().retryable && safe
    }

    /// The pause before attempt `attempt` (the second is 1), with full jitter from `random` in 0 to 1.
    pub(crate) fn pause(&self, attempt: u32, random: f64) -> Option<Duration> {
        let factor = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(MAX_BACKOFF).min(MAX_BACKOFF);
        self.backoff.map(|first| (first * factor).mul_f64(random))
    }
}

/// A condition on an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// The status is within, both ends included.
    Status(u16, u16),
    /// The field has one of the values. Only headers are looked at, not trailers.
    Header(HeaderName, Vec<HeaderValue>),
}

impl Condition {
    /// Parses `502` or `500-504`.
    pub(crate) fn status(text: &str) -> Option<Self> {
        let code = |text: &str| (text.len() == 3).then(|| text.parse::<u16>().ok()).flatten();
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        let (low, high) = (code(low.trim())?, code(high.trim())?);
        (low <= high && low >= 100).then_some(Self::Status(low, high))
    }

    /// Parses a name, and a value or a JSON list of values.
    pub(crate) fn header(name: &str, value: &str) -> Option<Self> {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let values = match value.starts_with('[').then(|| serde_json::from_str::<Vec<String>>(value)) {
            Some(Ok(values)) => values,
            _ => vec![value.to_owned()],
        };
        let values = values.iter().map(|value| HeaderValue::from_str(value));
        Some(Self::Header(name, values.collect::<Result<_, _>>().ok()?))
    }

    fn matches(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        match self {
            Self::Status(low, high) => (*low..=*high).contains(&status.as_u16()),
            Self::Header(name, values) => {
                headers.get(name).is_some_and(|found| !found.is_empty() && values.contains(found))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gw_core::Outcome;

    #[test]
    fn conditions_are_parsed() {
        assert_eq!(Condition::status("502"), Some(Condition::Status(502, 502)));
        assert_eq!(Condition::status("500-504"), Some(Condition::Status(500, 504)));
        for bad in ["", "5xx", "504-500", "500-", "1", "500,502", "+50", "000"] {
            assert_eq!(Condition::status(bad), None, "{bad}");
        }
        let values = |header: Option<Condition>| match header {
            Some(Condition::Header(_, values)) => values.len(),
            _ => 0,
        };
        assert_eq!(values(Condition::header("Grpc-Status", "14")), 1);
        assert_eq!(values(Condition::header("Grpc-Status", r#"["5","15"]"#)), 2);
        assert_eq!(values(Condition::header("bad name", "1")), 0);
    }

    #[test]
    fn only_safe_failures_are_repeated() {
        let policy = RetryPolicy {
            attempts: 2,
            conditions: Vec::new(),
            non_idempotent: false,
            backoff: Some(Duration::from_millis(10)),
        };
        let check = |outcome, progress, method: Method, expected| {
            assert_eq!(
                policy.repeats(Failure { outcome, progress }, &method),
                expected,
                "{outcome} {method}"
            );
        };
        check(Outcome::UpstreamReset, Progress::MaybeSent, Method::GET, true);
        check(Outcome::UpstreamReset, Progress::MaybeSent, Method::POST, false);
        check(Outcome::ConnectRefused, Progress::Unsent, Method::POST, true);
        check(Outcome::NoHealthyUpstream, Progress::Unsent, Method::GET, false);
        check(Outcome::ClientClosed, Progress::MaybeSent, Method::GET, false);
        assert_eq!(policy.pause(1, 1.0), Some(Duration::from_millis(10)));
        assert_eq!(policy.pause(2, 0.5), Some(Duration::from_millis(10)));
        assert_eq!(policy.pause(40, 1.0), Some(Duration::from_millis(100)));
    }
}
