//! The second form of a middleware: one that awaits nothing of its own.

use gw_core::{BoxFuture, Request, Response, Result};
use http::HeaderValue;

use crate::{Middleware, Next};

/// A middleware that awaits nothing but the rest of the chain: it sees the request before, and the answer after.
///
/// Each is a [`Middleware`] too. A chain runs it as two calls, without a future of its own, which costs a tenth: to be
/// preferred wherever it will do.
///
/// ```
/// use gw_core::{Request, Response, Result};
/// use gw_middleware::{Before, Filter};
/// use http::HeaderValue;
///
/// struct Hello;
///
/// impl Filter for Hello {
///     fn before(&self, req: &mut Request) -> Result<Before> {
///         Ok(Before::Pass(req.headers().get("x-name").cloned()))
///     }
///
///     fn after(&self, kept: Option<HeaderValue>, response: &mut Response) {
///         response.headers_mut().extend(kept.map(|name| (http::header::FROM, name)));
///     }
/// }
/// ```
pub trait Filter: Send + Sync + 'static {
    /// Sees a request before the rest of the chain does.
    ///
    /// # Errors
    /// To refuse it without making its answer: `Err(Error::reject(outcome))`. As with an answer in place of the rest,
    /// [`after`](Self::after) is not called then.
    fn before(&self, req: &mut Request) -> Result<Before>;

    /// Sees the answer of the rest of the chain, an error's included. Not called for a client that went away. Default: it
    /// stays as it is.
    fn after(&self, kept: Option<HeaderValue>, response: &mut Response) {
        let _ = (kept, response);
    }
}

/// What a [`Filter`] makes of a request.
#[derive(Debug)]
pub enum Before {
    /// The rest of the chain sees it, and [`Filter::after`] gets back what is kept here. What is larger than one value
    /// belongs into the request's context.
    Pass(Option<HeaderValue>),
    /// The answer, in place of the rest.
    Answer(Response),
}

impl<F: Filter> Middleware for F {
    fn handle<'a>(&'a self, mut req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            match self.before(&mut req)? {
                Before::Answer(response) => Ok(response),
                Before::Pass(kept) => {
                    let mut response = next.run(req).await;
                    self.after(kept, &mut response);
                    Ok(response)
                }
            }
        })
    }

    fn as_filter(&self) -> Option<&dyn Filter> {
        Some(self)
    }
}
