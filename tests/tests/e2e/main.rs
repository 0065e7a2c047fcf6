//! The `gateway` command end to end: an origin, the gateway, a caller.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails where something is wrong, its helping functions too"
)]

mod access_log;
mod admin;
mod bbr;
mod bodies;
mod breaker;
mod commands;
mod control;
mod docs;
mod drain;
mod egress;
mod environment;
mod grpc;
mod handover;
mod log;
mod metrics;
mod middlewares;
mod parity;
mod priority;
mod proxying;
mod reload;
mod samples;
mod start;
mod tls;
mod tracing;
mod transcoder;
mod upstream_loss;
mod websocket;
