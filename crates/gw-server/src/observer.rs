//! What the server tells of requests that never reach the handler.
//!
//! An observer is called on a worker and must not block.

use gw_core::{ConnContext, Outcome, Response};
use http::{HeaderMap, Method, StatusCode, Uri, Version};

/// A request that the server refused by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The status that was answered.
    pub status: StatusCode,
    /// What became of the request. Its own status can differ where HTTP asks for a finer one (417, 501).
    pub outcome: Outcome,
    /// Why, as a sentence without full stop; it is part of the answer.
    pub detail: &'static str,
    /// The method, where the head could be read.
    pub method: Option<Method>,
    /// The target, where the head could be read.
    pub target: Option<Uri>,
    /// The version of HTTP, where it is known.
    pub version: Option<Version>,
    /// The handler had the request, and has told what became of it: it panicked, or its answer could not be sent.
    pub handled: bool,
}

/// Told of what the handler never sees.
pub trait Observer: Send + Sync + 'static {
    /// The server answered (or, after a timeout, just closed) in place of the handler. There are no fields where the
    /// head could not be read.
    fn on_rejected(&self, rejection: &Rejection, fields: &HeaderMap, conn: &ConnContext);

    /// The answer to a refused request with these fields, for one form of all answers. The server sets its framing and,
    /// unless it is a gRPC answer, its status. `None` leaves it to the server, which answers in plain text.
    fn answer(&self, _rejection: &Rejection, _fields: &HeaderMap) -> Option<Response> {
        None
    }
}

/// Does not listen.
impl Observer for () {
    fn on_rejected(&self, _rejection: &Rejection, _fields: &HeaderMap, _conn: &ConnContext) {}
}
