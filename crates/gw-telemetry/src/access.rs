//! The access log: one line per request, formatted on the worker, written by a thread of its own.
//!
//! Invariants: a worker never waits for the disk: when the writer is behind, batches are dropped and counted; the
//! lines of one worker keep their order; whatever a client sends stays within its field and its line. Differs from
//! kratos: one line per request instead of per attempt, escaped, with time, client, bytes and request id.

mod buffer;
mod digits;
mod escape;
mod json;
mod kratos;
mod log;
mod record;
mod redact;
#[cfg(test)]
mod tests;
mod text;
mod time;
mod writer;

pub use log::AccessLog;
pub use record::{AccessRecord, LogFormat, RouteNames};
