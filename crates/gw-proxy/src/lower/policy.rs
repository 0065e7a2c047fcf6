//! Lowering of timeouts and retries.

use std::time::Duration;

use gw_config::Diagnostic;
use gw_config::v1::{self, Endpoint};
use gw_value::Spanned;

use super::Pass;
use crate::retry::{Condition, RetryPolicy};

/// Until the response headers; none for streams and for an explicit 0.
pub(super) fn timeout(pass: &Pass<'_>, endpoint: &Endpoint) -> Option<Duration> {
    if endpoint.stream {
        return None;
    }
    let timeout = endpoint.timeout_or_default(pass.loaded.dialect);
    (!timeout.is_zero()).then_some(timeout)
}

/// How long a response body may stand still.
pub(super) fn idle_timeout(pass: &Pass<'_>, endpoint: &Endpoint) -> Option<Duration> {
    let timeout = endpoint.idle_timeout_or_default(pass.loaded.dialect);
    (!timeout.is_zero()).then_some(timeout)
}

/// Without `retry`: two attempts, of which the second is only made where it is safe; one in the Go dialect.
pub(super) fn retry(pass: &mut Pass<'_>, endpoint: &Endpoint) -> RetryPolicy {
    let mut policy = RetryPolicy {
        attempts: endpoint.attempts_or_default(pass.loaded.dialect),
        per_try_timeout: None,
        conditions: Vec::new(),
        non_idempotent: false,
        backoff: None,
    };
    let Some(retry) = &endpoint.retry else { return policy };
    policy.per_try_timeout = retry.per_try_timeout.filter(|timeout| !timeout.is_zero());
    policy.non_idempotent = retry.non_idempotent;
    policy.backoff = retry.backoff.filter(|backoff| !backoff.is_zero());
    policy.conditions =
        retry.conditions.iter().filter_map(|condition| self::condition(pass, condition)).collect();
    policy
}

fn condition(pass: &mut Pass<'_>, condition: &Spanned<v1::Condition>) -> Option<Condition> {
    let (parsed, span) = match (&condition.by_status_code, &condition.by_header) {
        (Some(status), _) => (Condition::status(status), status.span()),
        (None, Some(header)) => (Condition::header(&header.name, &header.value), header.span()),
        (None, None) => return None,
    };
    if parsed.is_none() {
        let message =
            "the condition is neither a status (`502`, `500-504`) nor a header with a valid name and value";
        let diagnostic = Diagnostic::error("GW0308", message, span);
        // A bad status was refused with the document already.
        if condition.by_status_code.is_none() {
            pass.errors.push(diagnostic);
        }
    }
    parsed
}
