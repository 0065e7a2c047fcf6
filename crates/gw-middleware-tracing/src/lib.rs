//! `tracing`: a span for each request and one for each attempt, sent to an OpenTelemetry collector (OTLP over HTTP).
//!
//! A request joins the trace that it comes with (W3C Trace Context), whose decision to sample holds; else a new trace begins,
//! of which the configured share is sampled. The span of the request ends with the last byte of its answer. Spans wait in
//! a bounded queue and are lost when it is full: a collector that is slow or gone never costs a request anything.
//! Differs from kratos: the incoming context is joined and not overwritten, there is a span for the request and not only
//! for its attempts, failures are failures, and a reload may change everything.
//!
//! ```
//! use gw_middleware::Registry;
//!
//! let registry = Registry::built_in().with(gw_middleware_tracing::Factory::default());
//! assert!(registry.get("tracing").is_some());
//! ```

mod attempts;
mod collector;
mod exporter;
mod factory;
mod ids;
mod options;
mod otlp;
mod parent;
mod queue;
mod ratio;
mod requests;
mod span;
#[cfg(test)]
mod testing;
mod trace;

pub use factory::Factory;
