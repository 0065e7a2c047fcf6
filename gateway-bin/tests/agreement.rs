//! What stands twice, since neither crate may import the other, is the same in both places.

#![allow(clippy::unwrap_used, reason = "a test stops at its first surprise")]

use gw_client::Policy;
use gw_config::{Document, Format, parse, v1};
use gw_server::Limits;

/// Without `..`: a limit that one of them gets is missed here.
#[test]
fn the_defaults_of_limits() {
    let v1::Limits {
        connections,
        header_bytes,
        header_count,
        target_bytes,
        body_bytes,
        http2_streams,
        handshake_timeout,
        header_timeout,
        read_timeout,
        write_timeout,
        idle_timeout,
        max_connection_age,
        min_body_rate,
    } = v1::Limits::default();
    let configured = Limits {
        connections,
        header_bytes,
        header_count,
        target_bytes,
        body_bytes,
        http2_streams,
        handshake_timeout,
        header_timeout,
        read_timeout,
        write_timeout,
        idle_timeout,
        max_connection_age,
        min_body_rate,
        // Not to be configured.
        body_rate_window: Limits::default().body_rate_window,
    };
    assert_eq!(configured, Limits::default());
}

#[test]
fn the_names_of_policies() {
    let balancer = |policy: &str| format!("[balancer]\npolicy = '{policy}'");
    for name in Policy::NAMES {
        assert!(parse(Document::new("x", Format::Toml, balancer(name))).is_ok(), "{name}");
    }
    let errors = parse(Document::new("x", Format::Toml, balancer("nothing like them"))).unwrap_err();
    assert_eq!(errors.list()[0].help, [format!("there are: {}", Policy::NAMES.join(", "))]);
}

#[test]
fn the_counters_that_the_originals_metrics_are_derived_from() {
    assert_eq!(gw_middleware::BREAKER_DENIED.name, "gateway_circuit_breaker_denied_total");
    assert_eq!(gw_middleware::BBR_DROPPED.name, "gateway_bbr_dropped_total");
}
