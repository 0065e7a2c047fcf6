//! The answer of one attempt on its way down: one message with a status becomes an HTTP answer.

use bytes::Bytes;
use gw_core::{Body, BoxFuture, Error, Failure, Outcome, Request, Response, Result};
use gw_middleware::{Middleware, Next};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode, response};
use http_body_util::BodyExt as _;

use crate::factory::StatusForm;
use crate::frame::{Malformed, Unary};
use crate::request::Transcoded;
use crate::status::{self, Code};

/// Fields that speak of the connection or of how the body is delimited and coded: in trailers they mean nothing, and
/// among headers they would change what the answer is (RFC 9110 §6.5.1).
const NO_TRAILERS: [HeaderName; 12] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
];

/// The part inside the attempts. A request that was not framed passes.
pub(crate) struct Answers {
    pub(crate) max_bytes: u32,
    pub(crate) status: StatusForm,
}

impl Middleware for Answers {
    fn handle<'a>(&'a self, mut req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            let Some(Transcoded(accepts)) = req.extensions_mut().remove() else {
                return Ok(next.run(req).await);
            };
            *req.method_mut() = Method::POST;
            let response = next.run(req).await;
            if response.extensions().get::<Failure>().is_some() {
                // The gateway's own answer, which is in the caller's form.
                return Ok(response);
            }
            self.transcode(response, accepts).await
        })
    }
}

impl Answers {
    /// Makes an answer of the type `accepts`, or of a status, out of the one of a call.
    ///
    /// # Errors
    /// When it is not the answer of a unary method, or it breaks off.
    pub(crate) async fn transcode(&self, response: Response, accepts: HeaderValue) -> Result<Response> {
        let (mut head, mut body) = response.into_parts();
        let mut unary = Unary::new(self.max_bytes);
        let mut trailers = HeaderMap::new();
        while let Some(frame) = body.frame().await {
            match frame?.into_data() {
                Ok(data) => unary.push(&data).map_err(malformed)?,
                Err(frame) => trailers = frame.into_trailers().unwrap_or(trailers),
            }
        }
        // An answer without a message has its status among the headers.
        let fields = if trailers.contains_key(status::STATUS) { &trailers } else { &head.headers };
        let code = match fields.get(status::STATUS) {
            Some(value) => Code::parse(value)
                .ok_or_else(|| invalid("the upstream's grpc-status is no number".to_owned()))?,
            None => {
                return Err(invalid(format!(
                    "the upstream answered {} without a grpc-status",
                    head.status.as_u16()
                )));
            }
        };
        let (status, content_type, body) = if code == Code::OK {
            (StatusCode::OK, accepts, unary.finish().map_err(malformed)?)
        } else {
            let status = if self.status == StatusForm::Http { code.http() } else { StatusCode::OK };
            let json = Bytes::from(status::body(code, fields).to_string());
            (status, HeaderValue::from_static("application/json"), json)
        };
        head.status = status;
        merge(&mut head.headers, trailers);
        set_fields(&mut head, content_type, body.len());
        Ok(Response::from_parts(head, Body::from(body)))
    }
}

/// Trailers become headers. What gRPC says in them stays for retry conditions; [`strip`] takes it away.
fn merge(headers: &mut HeaderMap, mut trailers: HeaderMap) {
    for name in &NO_TRAILERS {
        trailers.remove(name);
    }
    for name in trailers.keys().filter(|name| is_grpc(name)) {
        headers.remove(name);
    }
    let mut last = None;
    for (name, value) in trailers {
        // A further value of a name comes without it.
        last = name.or(last);
        if let Some(name) = &last {
            headers.append(name, value);
        }
    }
}

fn set_fields(head: &mut response::Parts, content_type: HeaderValue, length: usize) {
    let headers = &mut head.headers;
    for name in [header::TRANSFER_ENCODING, header::TRAILER, header::CONTENT_ENCODING] {
        headers.remove(name);
    }
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CONTENT_LENGTH, length.into());
    if head.status == StatusCode::UNAUTHORIZED {
        // RFC 9110 §15.5.2: a 401 carries a challenge.
        headers.entry(header::WWW_AUTHENTICATE).or_insert(HeaderValue::from_static("Bearer"));
    }
}

/// Takes gRPC's own fields away.
pub(crate) fn strip(headers: &mut HeaderMap) {
    let names: Vec<HeaderName> = headers.keys().filter(|name| is_grpc(name)).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

fn is_grpc(name: &HeaderName) -> bool {
    name.as_str().starts_with("grpc-")
}

fn malformed(why: Malformed) -> Error {
    invalid(why.to_string())
}

fn invalid(why: String) -> Error {
    Error::new(Outcome::UpstreamMalformed).with_detail(why)
}
