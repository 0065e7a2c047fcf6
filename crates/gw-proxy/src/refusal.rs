//! The end of route 0's chain: requests that no route takes are answered inside the global chain, so that CORS, request
//! ids, headers and the log have those answers too.

use gw_core::{Body, BoxFuture, Client, Error, Outcome, Request, RequestContext, Response, Result};
use http::header::{HeaderValue, LOCATION};
use http::{Method, StatusCode};

/// In the extensions of a request that no route takes: what becomes of it.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// It is refused, and perhaps told why.
    Error(Outcome, Option<String>),
    /// Its path takes only these methods.
    Method(Vec<Method>),
    /// It is sent to the same target with or without the last slash.
    Redirect(String),
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
            match refusal {
                None => Err(Error::reject(Outcome::NoRoute)),
                Some(Refusal::Error(outcome, None)) => Err(Error::reject(outcome)),
                Some(Refusal::Error(outcome, Some(detail))) => {
                    Err(Error::reject(outcome).with_detail(detail))
                }
                Some(Refusal::Method(methods)) => {
                    RequestContext::of(&req).into_iter().for_each(|cx| note_allow(cx, &methods));
                    Err(Error::reject(Outcome::MethodNotAllowed))
                }
                Some(Refusal::Redirect(path)) => Ok(redirect(&path, req.uri().query())),
            }
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

/// As the original does with `ENABLE_STRICT_SLASH`, but 308, which keeps method and body.
fn redirect(path: &str, query: Option<&str>) -> Response {
    let location = match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().extend(HeaderValue::try_from(location).map(|location| (LOCATION, location)));
    response
}
