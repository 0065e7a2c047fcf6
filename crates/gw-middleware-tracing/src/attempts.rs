//! The part around each attempt: its span's id is what the upstream sees, so that the upstream's spans stand below it.

use std::sync::Arc;
use std::time::Instant;

use gw_core::{Attempt, BoxFuture, Failure, Outcome, Request, RequestContext, Response};
use gw_middleware::{Middleware, Next};
use http::Method;

use crate::parent::{Parent, TRACEPARENT};
use crate::span::{Attempted, Of};
use crate::trace::{Trace, Tracer};

/// The second part of the middleware.
pub(crate) struct Attempts(pub(crate) Arc<Tracer>);

impl Middleware for Attempts {
    fn handle<'a>(&'a self, mut req: Request, next: Next<'a>) -> BoxFuture<'a, gw_core::Result<Response>> {
        let span = self.begin(&mut req);
        Box::pin(async move {
            let response = next.run(req).await;
            if let Some(span) = span {
                span.end(&response);
            }
            Ok(response)
        })
    }
}

impl Attempts {
    /// None if the request is not sampled, or another instance traces it.
    fn begin(&self, req: &mut Request) -> Option<Open> {
        let cx = RequestContext::of(req)?;
        let trace = cx.get::<Arc<Trace>>().filter(|trace| Arc::ptr_eq(&trace.tracer, &self.0))?;
        let open = Open {
            cx: Arc::clone(cx),
            own: trace.own.child(),
            method: req.method().clone(),
            number: trace.next_attempt(),
            noted_before: noted(cx).0,
            started: self.0.clock.now(),
            seen: None,
            trace,
        };
        req.headers_mut().insert(TRACEPARENT, open.own.field());
        Some(open)
    }
}

/// An attempt under way. Dropped before there is an answer, it was given up.
struct Open {
    cx: Arc<RequestContext>,
    trace: Arc<Trace>,
    own: Parent,
    method: Method,
    number: u32,
    /// How many attempts had been noted before it.
    noted_before: usize,
    started: Instant,
    seen: Option<(Option<u16>, Option<Outcome>)>,
}

impl Open {
    fn end(mut self, response: &Response) {
        let failure = response.extensions().get::<Failure>().map(|failure| failure.outcome);
        // The status of a failure is our own answer's.
        let status = failure.is_none().then(|| response.status().as_u16());
        self.seen = Some((status, failure));
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let (count, last) = noted(&self.cx);
        let noted = last.filter(|_| count > self.noted_before);
        let (status, outcome) = self.seen.unwrap_or_else(|| (None, Some(self.cx.abandoned())));
        let status = status.or_else(|| noted.as_ref()?.status);
        let outcome = outcome.or_else(|| Some(noted.as_ref()?.outcome)).unwrap_or(Outcome::Ok);
        let (method, number) = (self.method.clone(), self.number);
        let attempted = Attempted { id: self.own.span, method, number, status, outcome, noted };
        self.trace.finish(self.started, self.trace.tracer.clock.now(), Of::Attempt(attempted));
    }
}

/// How many attempts the client has noted, and the last of them.
fn noted(cx: &RequestContext) -> (usize, Option<Attempt>) {
    cx.with_notes(|notes| (notes.attempts.len(), notes.attempts.last().cloned()))
}
