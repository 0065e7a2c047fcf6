//! The admin port: health, `/metrics`, and `/debug/…`, where each component shows itself.
//!
//! Invariants: knows none of what it shows; the pages are for the machine's own people and tools, so a browser that
//! was lured here by another site gets nothing. Differs from kratos: a port of its own, health and readiness, no
//! process-wide registry, and an unknown page says which there are.

mod adapter;
mod admin;
mod answer;
mod data_port;
mod guard;
mod lifecycle;
mod metrics_port;
mod pprof;
mod readiness;
mod registry;

pub use adapter::debuggable;
pub use admin::Admin;
pub use answer::{json, text};
pub use data_port::DataPort;
pub use lifecycle::Lifecycle;
pub use metrics_port::MetricsPort;
pub use pprof::Pprof;
pub use readiness::Readiness;
pub use registry::{RegisterError, Registry};
