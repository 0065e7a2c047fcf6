//! Hostile HTTP: what parsers disagree about, byte by byte and frame by frame, through the whole gateway.
//!
//! A case is an input and a verdict. Behind every input stands a request that must not be served, and what the upstream
//! saw is looked at to the last byte. The suite runs with gw-h1 on both sides and, with the feature `hyper-h1`, with
//! hyper's halves: where hyper's verdict is another one, the case says so.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails where something is wrong, its helping functions too"
)]

mod answer_bodies;
mod answer_heads;
mod answers;
mod bench;
mod bodies;
mod floods;
mod heads;
mod http2;
mod passing;
mod slow;
mod unread;
mod upgrades;
