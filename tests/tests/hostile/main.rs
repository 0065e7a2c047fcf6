//! Hostile HTTP/1.1: what parsers disagree about, byte by byte, through the whole gateway.
//!
//! A case is an input and a verdict. Behind every input stands a request that must not be served. The verdicts are those
//! of gw-h1: with gw-server's feature `hyper-h1`, refusals have no body, bare LFs end lines, and a coding wins over a
//! length.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails where something is wrong, its helping functions too"
)]

mod bench;
mod bodies;
mod heads;
mod passing;
