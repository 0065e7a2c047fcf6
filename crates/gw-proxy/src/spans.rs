//! What the proxy adds to the spans of the gateway's own log: the route of a request, and a span per attempt.
//!
//! Below debug level it costs a comparison.

use tracing::field::Empty;
use tracing::{Level, Span};

/// Notes the route of the request whose span this runs in.
pub(crate) fn note_route(route: &str) {
    if tracing::enabled!(Level::DEBUG) {
        Span::current().record("http.route", route);
    }
}

/// The span of attempt `n`, from 1. The client records `node.addr`.
pub(crate) fn attempt(n: u32) -> Span {
    tracing::debug_span!("attempt", n, node.addr = Empty)
}
