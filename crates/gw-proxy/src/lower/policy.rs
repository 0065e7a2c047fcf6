//! Lowering of timeouts and retries.

use std::time::Duration;

use gw_config::Diagnostic;
use gw_config::v1::{self, Endpoint};
use gw_middleware::Condition;
use gw_value::Spanned;

use super::Pass;
use crate::deadline::Timeouts;
use crate::retry::RetryPolicy;

/// What bounds the time until the response headers; nothing for streams and for an explicit 0.
pub(super) fn timeouts(pass: &Pass<'_>, endpoint: &Spanned<Endpoint>) -> Timeouts {
    let stream_idle = idle_timeout(pass, endpoint);
    if endpoint.stream {
        return Timeouts { stream_idle, ..Timeouts::default() };
    }
    let set = |timeout: Duration| (!timeout.is_zero()).then_some(timeout);
    Timeouts {
        request: set(endpoint.timeout_or_default(pass.loaded.dialect_at(endpoint.span()))),
        per_try: endpoint.retry.as_ref().and_then(|retry| retry.per_try_timeout).and_then(set),
        stream_idle,
    }
}

/// How long a response body may stand still.
pub(super) fn idle_timeout(pass: &Pass<'_>, endpoint: &Spanned<Endpoint>) -> Option<Duration> {
    let timeout = endpoint.idle_timeout_or_default(pass.loaded.dialect_at(endpoint.span()));
    (!timeout.is_zero()).then_some(timeout)
}

/// Without `retry`: two attempts, of which the second is only made where it is safe; one in the Go dialect.
pub(super) fn retry(pass: &mut Pass<'_>, endpoint: &Spanned<Endpoint>) -> RetryPolicy {
    let mut policy = RetryPolicy {
        attempts: endpoint.attempts_or_default(pass.loaded.dialect_at(endpoint.span())),
        conditions: Vec::new(),
        non_idempotent: false,
        backoff: None,
    };
    let Some(retry) = &endpoint.retry else { return policy };
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
