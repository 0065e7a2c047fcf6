//! A chain of middlewares around a client. An error is rendered where it arose, once.

use std::future::ready;
use std::ops::Deref;
use std::sync::Arc;

use gw_core::{BoxFuture, Client, Error, Failure, Request, RequestContext, Response, copy_of};
use http::HeaderValue;
use smallvec::SmallVec;

use crate::{Before, Middleware};

/// Turns an error into the answer for a request; the context is missing only for requests made by hand.
pub type Renderer = Arc<dyn Fn(&Error, Option<&RequestContext>) -> Response + Send + Sync>;

/// Middlewares, outermost first, around a client.
pub struct Chain {
    middlewares: Vec<Arc<dyn Middleware>>,
    end: Arc<dyn Client>,
    renderer: Renderer,
}

impl Chain {
    /// Puts a chain together.
    pub fn new(middlewares: Vec<Arc<dyn Middleware>>, end: Arc<dyn Client>, renderer: Renderer) -> Arc<Self> {
        Arc::new(Self { middlewares, end, renderer })
    }

    /// Whether there is nothing between the caller and the client.
    pub fn is_empty(&self) -> bool {
        self.middlewares.is_empty()
    }

    /// Runs a request through all of it.
    pub fn run(self: &Arc<Self>, req: Request) -> impl Future<Output = Response> + Send {
        Next { chain: self, at: 0 }.run(req)
    }

    /// Runs a request with this context that is only lent, so that it can be sent again: its body is taken, its head stays
    /// as it is. Where there are middlewares, they get a copy.
    pub fn run_lent<'a>(
        self: &'a Arc<Self>,
        req: &'a mut Request,
        cx: &'a RequestContext,
    ) -> impl Future<Output = Response> + Send + 'a {
        let next = Next { chain: self, at: 0 };
        let (answered, passed) = if self.is_empty() {
            (self.end.call_lent(req), Passed::default())
        } else {
            next.enter(copy_of(req))
        };
        next.leave(answered, passed, Some(cx))
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chain").field("middlewares", &self.middlewares.len()).finish_non_exhaustive()
    }
}

/// The rest of the chain, as seen by a middleware.
#[derive(Clone, Copy)]
pub struct Next<'a> {
    chain: &'a Arc<Chain>,
    at: usize,
}

impl<'a> Next<'a> {
    /// Runs the rest of the chain. There always is a response: see [`Failure`] in its extensions for how it failed.
    ///
    /// The filters at hand see the request in this call, the rest as the future is polled: a request is large, and a
    /// future that held it would be moved with it.
    pub fn run(self, req: Request) -> impl Future<Output = Response> + Send + 'a {
        // Needed only when the answer fails; cloning is one counter.
        let cx = RequestContext::of(&req).cloned();
        let (answered, passed) = self.enter(req);
        self.leave(answered, passed, cx)
    }

    /// Shows the request to the filters at hand, and sends it on.
    fn enter(self, mut req: Request) -> (Answered<'a>, Passed) {
        let mut passed = Passed::default();
        let answered: Answered<'a> = match passed.filters(self.rest(), &mut req) {
            Ok(None) => self.skip(passed.count).handle(req),
            Ok(Some(answer)) => Box::pin(ready(Ok(answer))),
            Err(error) => Box::pin(ready(Err(error))),
        };
        (answered, passed)
    }

    /// Makes an answer of a failure, and shows the answer to the filters.
    async fn leave<C>(self, answered: Answered<'a>, passed: Passed, cx: Option<C>) -> Response
    where
        C: Deref<Target = RequestContext>,
    {
        let mut response = answered.await.unwrap_or_else(|error| {
            log(&error, cx.as_deref());
            let mut response = (self.chain.renderer)(&error, cx.as_deref());
            response.extensions_mut().insert(Failure::from(&error));
            response
        });
        passed.back(self.rest(), &mut response);
        response
    }

    fn rest(self) -> &'a [Arc<dyn Middleware>] {
        &self.chain.middlewares[self.at..]
    }

    fn skip(self, count: usize) -> Self {
        Next { at: self.at + count, ..self }
    }

    /// Hands a request to what comes next.
    fn handle(self, req: Request) -> BoxFuture<'a, gw_core::Result<Response>> {
        match self.rest().first() {
            Some(middleware) => middleware.handle(req, self.skip(1)),
            None => self.chain.end.call(req),
        }
    }

    /// A rest of the chain that owns itself: for mirroring, hedging and tower layers.
    pub fn detach(self) -> OwnedNext {
        OwnedNext { chain: Arc::clone(self.chain), at: self.at }
    }
}

/// What comes of a request that is on its way.
type Answered<'a> = BoxFuture<'a, gw_core::Result<Response>>;

/// The filters that a request has passed, from where it entered the chain.
#[derive(Default)]
struct Passed {
    count: usize,
    /// What some of them kept, each with its place.
    kept: SmallVec<[(usize, HeaderValue); 2]>,
}

impl Passed {
    /// Shows the request to the filters that stand before anything else, until one answers in place of the rest.
    fn filters(
        &mut self,
        rest: &[Arc<dyn Middleware>],
        req: &mut Request,
    ) -> gw_core::Result<Option<Response>> {
        for filter in rest.iter().map_while(|middleware| middleware.as_filter()) {
            match filter.before(req)? {
                Before::Answer(response) => return Ok(Some(response)),
                Before::Pass(kept) => self.kept.extend(kept.map(|kept| (self.count, kept))),
            }
            self.count += 1;
        }
        Ok(None)
    }

    /// Shows the answer to them, the innermost first.
    fn back(mut self, rest: &[Arc<dyn Middleware>], response: &mut Response) {
        for (place, middleware) in rest[..self.count].iter().enumerate().rev() {
            let kept =
                if self.kept.last().is_some_and(|(of, _)| *of == place) { self.kept.pop() } else { None };
            let kept = kept.map(|(_, kept)| kept);
            if let Some(filter) = middleware.as_filter() {
                filter.after(kept, response);
            }
        }
    }
}

/// Says why a request failed, with all causes: its answer says only what the client may know.
fn log(error: &Error, cx: Option<&RequestContext>) {
    let endpoint = cx.map_or("-", |cx| &*cx.endpoint.name);
    let outcome = error.outcome();
    if outcome != gw_core::Outcome::Internal && !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let cause = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    if outcome == gw_core::Outcome::Internal {
        tracing::error!(outcome = outcome.as_str(), endpoint, cause, "{error}");
    } else {
        tracing::debug!(outcome = outcome.as_str(), endpoint, cause, "{error}");
    }
}

/// The rest of the chain, owned. May be run more than once.
#[derive(Clone)]
pub struct OwnedNext {
    chain: Arc<Chain>,
    at: usize,
}

impl OwnedNext {
    /// Runs the rest of the chain.
    pub fn run(self, req: Request) -> BoxFuture<'static, Response> {
        Box::pin(async move { Next { chain: &self.chain, at: self.at }.run(req).await })
    }
}

#[cfg(test)]
mod tests;
