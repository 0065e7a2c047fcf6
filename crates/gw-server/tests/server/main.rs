//! The server over real sockets, spoken to in bytes. Ports are always 0; time is never asserted, only bounded so
//! that a hang fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(missing_docs, unreachable_pub, reason = "a test binary has no users")]

mod ages;
mod drain;
mod early;
mod framing;
mod harness;
mod http1;
mod http2;
mod listeners;
mod sniff;
mod stalls;
mod tls;
mod tunnel;
