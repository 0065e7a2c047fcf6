//! The `gateway` command end to end: an origin, the gateway, a caller.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails where something is wrong, its helping functions too"
)]

mod bodies;
mod demo;
mod drain;
mod grpc;
mod proxying;
mod reload;
mod tls;
mod upstream_loss;
mod websocket;
