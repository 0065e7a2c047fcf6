//! When a request is tried again.

use std::time::Duration;

use gw_value::Spanned;
use serde::{Deserialize, Serialize};

/// When and how often to try again.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// Attempts in all, 1 to 16. Default 2; Go dialect 1, also for 0.
    pub attempts: Option<Spanned<u32>>,
    /// For one attempt, until its response headers. Default: the endpoint's timeout.
    #[serde(with = "gw_value::duration::option")]
    pub per_try_timeout: Option<Duration>,
    /// Answers that are tried again; any one that matches. Default none.
    pub conditions: Vec<Spanned<Condition>>,
    /// Failover levels by name of the backends' `metadata.priority`, in order.
    pub priorities: Vec<Spanned<String>>,
    /// Whether requests that are not idempotent are tried again although bytes were sent. Default false.
    pub non_idempotent: bool,
    /// The first pause between attempts; doubles up to ten times itself, with full jitter. Default none.
    #[serde(with = "gw_value::duration::option")]
    pub backoff: Option<Duration>,
}

/// An answer that matches is tried again. Exactly one of the two is set.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Condition {
    /// `"502"` or `"500-504"`.
    pub by_status_code: Option<Spanned<String>>,
    /// A response header with a value, or one of a JSON list of values.
    pub by_header: Option<Spanned<HeaderCondition>>,
}

/// A response header's name and value.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeaderCondition {
    /// The field's name.
    pub name: String,
    /// The value, or a JSON list of values.
    pub value: String,
}
