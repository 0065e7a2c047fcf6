//! The end of route 0's chain: requests that no route takes are refused inside the global chain, so that CORS, request
//! ids and headers decorate those answers too.

use gw_core::{BoxFuture, Client, Error, Outcome, Request, RequestContext, Response, Result};
use http::{HeaderValue, Method};

/// In the extensions of a refused request: why.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) outcome: Outcome,
    pub(crate) detail: Option<String>,
}

/// In the context of a request refused for its method: the value of `Allow` (RFC 9110 §10.2.1).
#[derive(Clone, Debug)]
pub(crate) struct Allow(pub(crate) HeaderValue);

/// Answers with the refusal that the request carries.
#[derive(Debug)]
pub(crate) struct Refuse;

impl Client for Refuse {
    fn call(&self, mut req: Request) -> BoxFuture<'_, Result<Response>> {
        let refusal = req.extensions_mut().remove::<Refusal>();
        Box::pin(async move {
            let Some(refusal) = refusal else { return Err(Error::reject(Outcome::NoRoute)) };
            let error = Error::reject(refusal.outcome);
            Err(match refusal.detail {
                Some(detail) => error.with_detail(detail),
                None => error,
            })
        })
    }
}

/// Notes the methods that the path does take.
pub(crate) fn note_allow(cx: &RequestContext, methods: &[Method]) {
    let list = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
    if let Ok(value) = HeaderValue::try_from(list) {
        cx.insert(Allow(value));
    }
}
