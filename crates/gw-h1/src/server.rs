//! The server's end of a connection: reads a head, asks a service, writes its answer, and so on.
//!
//! A [`Connection`] is one future. It spawns nothing, has no timers, and no channels: whoever polls it keeps the
//! deadlines, and drops it, [ends it in order](Connection::end) or [has it say so](Connection::time_out). The body
//! of a request is read off the socket by whoever polls it, on any task.
//!
//! Invariants:
//! - a request is read once the answer before it is written, and only where it is known to begin;
//! - an answer is complete or looks cut;
//! - head and body leave in one write as far as they are at hand, and at once when the body has no more for now;
//! - a connection that waits for a request holds no buffer;
//! - a client that closes its half while it waits for an answer has given that up, unless it sent something after its
//!   request.

mod answer;
mod connection;
mod date;
mod request_body;
mod shared;

use crate::ProtocolError;

pub use connection::{Connection, Setup, Upgraded};
pub use date::Date;
pub use request_body::{BodyError, RequestBody};

/// A request that is to be refused; the connection closes after the answer.
#[derive(Debug)]
pub struct BadRequest {
    /// What is wrong.
    pub fault: Fault,
    /// The head, if it could be read.
    pub head: Option<http::Request<()>>,
}

/// What is wrong with a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is none, or has two meanings, or is beyond the [`HeadLimits`](crate::HeadLimits).
    Protocol(ProtocolError),
    /// It took too long: [`Connection::time_out`].
    Late,
}

/// How a connection ended that did not end in order.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The socket failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The client closed before its answer was complete.
    #[error("the client closed before its answer was complete")]
    Closed,
    /// The body of the answer failed, or had another length than its head said.
    #[error("the answer was cut")]
    Cut,
}

#[cfg(test)]
mod tests;
