//! When an attempt is followed by another: conditions on answers, which failures are safe to repeat, and the breaker that
//! stops the retries of an endpoint whose retries keep failing.

use std::time::{Duration, Instant};

use gw_core::{Failure, Progress};
use gw_middleware::{Condition, SuccessRatio, SuccessRatioBreaker};
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

/// The share of retries that must succeed, of at least ten in 3 s: as in kratos. First attempts do not count.
const SUCCESSFUL_RETRIES: SuccessRatio =
    SuccessRatio { success: 0.8, request: 10, bucket: 10, window: Duration::from_secs(3) };

/// An endpoint's retry breaker; it has seen nothing.
pub(crate) fn breaker(now: Instant) -> SuccessRatioBreaker {
    SuccessRatioBreaker::new(SUCCESSFUL_RETRIES, now)
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use gw_core::Outcome;

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
        let any = RetryPolicy { non_idempotent: true, ..policy.clone() };
        let failure = |outcome| Failure { outcome, progress: Progress::MaybeSent };
        assert!(any.repeats(failure(Outcome::UpstreamReset), &Method::POST));
        assert!(!any.repeats(failure(Outcome::ClientClosed), &Method::POST), "nobody is left to answer");
        assert_eq!(policy.pause(1, 1.0), Some(Duration::from_millis(10)));
        assert_eq!(policy.pause(2, 0.5), Some(Duration::from_millis(10)));
        assert_eq!(policy.pause(40, 1.0), Some(Duration::from_millis(100)));
    }
}
