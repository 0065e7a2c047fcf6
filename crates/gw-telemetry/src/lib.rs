//! What the gateway counts and what it writes down: metric series and the access log.
//!
//! Invariants: a request takes no contended lock and hashes no label; every label has a bounded set of values; what
//! a client sends can neither forge a line of the log nor a sample of the metrics. Nothing here knows who serves the
//! metrics or where the log goes.

mod access;
mod metrics;

pub use access::{AccessLog, AccessRecord, LogFormat, RouteNames};
pub use metrics::{
    BuildInfo, CONTENT_TYPE, Compat, ConnectionCount, Counter, CounterFamily, Finished, GaugeFamily,
    InFlight, Metrics, RetryResult, RouteSeries, UpstreamSeries,
};
/// The registry behind [`Metrics::registry`], for collectors of other crates.
pub use prometheus;
