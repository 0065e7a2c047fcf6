//! The harness of the end-to-end tests: an [`Origin`] plays the upstream, [`Gateway`] is the command under test, and a
//! [`Caller`] asks it.
//!
//! Every listener takes a free port. Nothing waits by sleeping: a test waits for what it needs to have happened, through
//! the origin's [`Record`] or an answer, and [`within`] ends what will never happen.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a harness fails the test where something is wrong, with the place and the cause"
)]

mod body;
mod browser;
mod caller;
mod collector;
mod config;
mod consul;
pub mod frames;
mod gateway;
pub mod grpc;
mod listening;
mod load;
mod origin;
mod page;
mod process;
mod raw;
mod record;
mod run;
mod strict;
mod tls;
mod wait;
mod websocket;

pub use body::{Body, BoxError, Chunks, Pattern, chunks, empty, full};
pub use browser::Browser;
pub use caller::{Answer, Caller};
pub use collector::{Collected, Collector};
pub use config::{Format, table};
pub use consul::{Check, ConsulAgent, Registration, Token};
pub use gateway::{Gateway, command};
pub use load::{CONNECT, Load, NEW, REUSED, Tally};
pub use origin::{Origin, OriginProcess, Respond, Script};
pub use page::{Block, Page, root};
pub use process::Usage;
pub use raw::{RawCaller, RawOrigin, Step};
pub use record::{Counts, Received, Record, hash};
pub use run::{Ran, run};
pub use strict::{Fault, Fields, Given, Reply, Seen, StrictCaller, StrictOrigin, Then, find};
pub use tls::{Authority, Identity};
pub use wait::{settled, within};
pub use websocket::{Socket, WebSocketOrigin, open};
