//! The middleware contract, the chain that runs it, the registry that knows it by name, and the light built-ins.
//!
//! A middleware is one type with one method, or a [`Filter`] if it awaits nothing of its own; it is made by a factory
//! that a [`Registry`] knows by name.
//! This crate knows neither sockets nor nodes nor where configuration comes from.
//!
//! ```
//! use gw_middleware::{Chain, middleware_fn, client_fn};
//! use gw_core::{Body, Request, Response};
//! use std::sync::Arc;
//!
//! # async fn example() {
//! let hello = middleware_fn(|mut req: Request, next| Box::pin(async move {
//!     req.headers_mut().insert("x-hello", http::HeaderValue::from_static("you"));
//!     Ok(next.run(req).await)
//! }));
//! let upstream = client_fn(|req: Request| async move {
//!     assert_eq!(req.headers()["x-hello"], "you");
//!     Ok(Response::new(Body::empty()))
//! });
//! let chain = Chain::new(vec![Arc::new(hello)], Arc::new(upstream), Arc::new(|_, _| Response::new(Body::empty())));
//! assert_eq!(chain.run(Request::new(Body::empty())).await.status(), 200);
//! # }
//! ```

mod bbr;
mod build;
mod chain;
mod circuitbreaker;
mod condition;
mod cors;
mod cpu;
mod ended;
mod filter;
mod function;
mod header_edits;
mod headers;
mod kept;
mod logging;
mod origins;
mod registry;
mod request_id;
mod rewrite;
mod ring;
mod success_ratio;
mod tower_layer;
mod trace_id;

use std::sync::Arc;

use gw_core::{BoxFuture, Request, Response, Result};
use gw_value::Options;

pub use bbr::{BBR_DROPPED, CPU_LOAD};
pub use build::{BuildContext, BuildError, Clients, States, Surroundings, TaskGuard, Tasks};
pub use chain::{Chain, Next, OwnedNext, Renderer};
pub use circuitbreaker::{BREAKER_DENIED, BREAKER_REFUSED_SHARE};
pub use condition::{Condition, ConditionOptions, HeaderOptions};
pub use ended::Ended;
pub use filter::{Before, Filter};
pub use function::{ClientFn, MiddlewareFn, client_fn, middleware_fn};
pub use logging::LOGGING;
pub use registry::{BUILT_IN, Registry};
pub use success_ratio::{SuccessRatio, SuccessRatioBreaker};
pub use tower_layer::{Tower, TowerNext};
pub use trace_id::TraceId;

/// Sees a request on its way up and the response on its way down.
///
/// `Ok` is an answer, the middleware's own or the one that [`Next::run`] returned. `Err` means that no answer
/// exists: it is rendered where it arose, so that everything outside sees a response.
pub trait Middleware: Send + Sync + 'static {
    /// Handles one request.
    ///
    /// # Errors
    /// To refuse a request without making its answer: `Err(Error::reject(outcome))`.
    ///
    /// # Cancel safety
    /// The future is dropped when the client goes away.
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>>;

    /// Itself, if it is a [`Filter`]. Default: it is none; every filter says so by itself.
    fn as_filter(&self) -> Option<&dyn Filter> {
        None
    }

    /// A second part that stands inside the attempts and sees each of them: a span for each attempt, say. Default:
    /// none.
    fn attempt(self: Arc<Self>) -> Option<Arc<dyn Middleware>> {
        None
    }
}

/// Makes a middleware from its options.
pub trait MiddlewareFactory: Send + Sync + 'static {
    /// The name in configuration, lower-case; it is matched in any case.
    fn name(&self) -> &'static str;

    /// Makes one instance.
    ///
    /// # Errors
    /// Bad options, with their positions; or whatever keeps it from being built.
    fn build(
        &self,
        options: &Options,
        cx: &BuildContext,
    ) -> std::result::Result<Arc<dyn Middleware>, BuildError>;

    /// Where in the chain it stands. Default: once per request.
    fn phase(&self) -> Phase {
        Phase::Request
    }

    /// How many instances there are. Default: one per route.
    fn scope(&self) -> Scope {
        Scope::PerRoute
    }

    /// Writes out what its middlewares still hold. The gateway calls it once, when it stops, and waits a few seconds
    /// at most. Default: nothing is held.
    fn flush(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// Where in the chain a middleware stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Once per request, outside the attempts.
    Request,
    /// Once per attempt, inside them (differs from kratos, where the whole chain runs for each attempt).
    Attempt,
}

/// How many instances of a middleware of the global chain there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One for each route.
    PerRoute,
    /// One for the gateway: a global limit is one limit, and what keeps nothing needs no more. Of 10,000 routes none then
    /// has an instance of its own to be fetched from memory. After a reload, routes that were kept hold the former
    /// instance: what all of them count together belongs into [`BuildContext::state`].
    Shared,
}

/// The page for those who come from the Go gateway has a whole middleware, which is a test.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/migrate/kratos.md")]
struct MigratePage;
