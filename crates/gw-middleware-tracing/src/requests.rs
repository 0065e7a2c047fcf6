//! The part around a request: joins its trace or begins one, and has a span for it if the trace is sampled.
//!
//! Of a chain with more than one `tracing`, the outermost traces.

use std::sync::Arc;

use gw_core::{BoxFuture, Request, RequestContext, Response};
use gw_middleware::{Ended, Middleware, Next, TraceId};
use http::{HeaderMap, HeaderValue, header};

use crate::attempts::Attempts;
use crate::ids;
use crate::parent::{Parent, TRACEPARENT, TRACESTATE};
use crate::span::{Answered, Asked, Of, cut};
use crate::trace::{Trace, Tracer};

/// What others say of a trace is shown with its spans up to this length, bytes (W3C Trace Context §3.3.1.5 has no one
/// drop less). All of it goes upstream.
const LONGEST_STATE: usize = 512;

/// The middleware.
pub(crate) struct Requests(pub(crate) Arc<Tracer>);

impl Middleware for Requests {
    fn handle<'a>(&'a self, mut req: Request, next: Next<'a>) -> BoxFuture<'a, gw_core::Result<Response>> {
        self.begin(&mut req);
        Box::pin(async move { Ok(next.run(req).await) })
    }

    fn attempt(self: Arc<Self>) -> Option<Arc<dyn Middleware>> {
        Some(Arc::new(Attempts(Arc::clone(&self.0))))
    }
}

impl Requests {
    fn begin(&self, req: &mut Request) {
        let Some(cx) = RequestContext::of(req).cloned() else { return };
        if cx.get::<TraceId>().is_some() {
            return;
        }
        let parent = Parent::of(req.headers());
        let own = match parent {
            Some(parent) => parent.child(),
            None => {
                let trace = ids::new_trace();
                Parent::root(trace, self.0.ratio.samples(trace))
            }
        };
        // Not sampled, it still has an id, which the access log tells.
        cx.insert(own.trace);
        if parent.is_none() {
            req.headers_mut().remove(TRACESTATE);
        }
        if !own.is_sampled() {
            // The caller's context is as good as one of ours, of which nobody will see a span.
            if parent.is_none() {
                req.headers_mut().insert(TRACEPARENT, own.field());
            }
            return;
        }
        let trace = Trace::new(&self.0, own, state(req.headers()), cx.conn.worker, cx.received);
        req.headers_mut().insert(TRACEPARENT, own.field());
        cx.insert(Arc::clone(&trace));
        let asked = Box::new(asked(req, &cx, parent));
        Ended::watch(&cx, move |ended| {
            trace.finish(trace.began(), ended.at, Of::Request(asked, Answered::from(ended)));
        });
    }
}

fn asked(req: &Request, cx: &RequestContext, parent: Option<Parent>) -> Asked {
    let text = |value: &HeaderValue| cut(&String::from_utf8_lossy(value.as_bytes()));
    Asked {
        parent: parent.map(|parent| parent.span),
        method: req.method().clone(),
        path: cut(req.uri().path()),
        scheme: cx.conn.scheme(),
        host: req.headers().get(header::HOST).map(text),
        user_agent: req.headers().get(header::USER_AGENT).map(text),
        client: cx.client,
        endpoint: Arc::clone(&cx.endpoint),
    }
}

fn state(fields: &HeaderMap) -> Box<str> {
    let values = fields.get_all(TRACESTATE).iter().filter_map(|value| value.to_str().ok());
    let joined = values.filter(|value| !value.is_empty()).collect::<Vec<_>>().join(",");
    if joined.len() <= LONGEST_STATE { joined.into() } else { Box::default() }
}
