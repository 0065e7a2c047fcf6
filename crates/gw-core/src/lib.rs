//! The vocabulary every layer of the gateway speaks: what a request, a response, a failure and a node are.
//!
//! Nothing here runs: no sockets, no timers, no tasks, no configuration. Every other crate imports this one,
//! and this one imports none of ours.

mod admin;
mod body;
mod clock;
mod context;
mod error;
mod handler;
mod node;
mod outcome;
mod upgrade;
mod upload;

pub use admin::{DebugRequest, DebugResponse, Debuggable, json_page};
pub use body::Body;
pub use clock::Clock;
pub use context::{AnswerForm, Attempt, EndpointInfo, Notes, RequestContext};
pub use error::{Error, Failure, Progress, Result};
pub use handler::{Client, ConnContext, Handler, TlsInfo, copy_of};
pub use node::{NodeFilter, NodeInfo};
pub use outcome::{Facts, Outcome, Side};
pub use upgrade::{Io, OnUpgrade, Tunnel, TunnelObserver};
pub use upload::Upload;

/// A request as it travels through the chain. Its [`RequestContext`] is in the extensions.
pub type Request = http::Request<Body>;
/// A response as it travels back.
pub type Response = http::Response<Body>;
/// A boxed future that may move between threads; the return type of every async trait method here.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
/// Any error, as a cause.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
