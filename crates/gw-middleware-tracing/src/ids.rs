//! The numbers that name traces and spans; neither is ever 0 (W3C Trace Context §3.2.2).

use gw_middleware::TraceId;

/// Names a span within its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanId(pub(crate) u64);

impl SpanId {
    /// A new one.
    pub(crate) fn random() -> Self {
        Self(rand::random::<u64>().max(1))
    }
}

/// The id of a new trace.
pub(crate) fn new_trace() -> TraceId {
    TraceId(rand::random::<u128>().max(1))
}
