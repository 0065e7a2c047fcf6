//! One request: its head is checked, the handler called, and its answer given the framing that HTTP asks for.
//!
//! The handler's panics end here. The hop-by-hop fields of an answer are gw-proxy's business; its framing is ours.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;
use gw_core::{Body, ConnContext, Outcome, Request, Response, Tunnel};
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use tracing::{Instrument, Span};

use crate::Rejection;
use crate::check::{Refusal, admit};
use crate::request_body::{is_grpc, request_body};
use crate::response_body::{Exchange, ResponseBody};
use crate::spans;
use crate::tunnel;
use crate::watch::Watch;
use crate::worker::{Shared, Worker};

/// Serves the requests of one connection.
#[derive(Clone)]
pub(crate) struct Service(Arc<Connection>);

/// What the requests of a connection share.
pub(crate) struct Connection {
    pub(crate) shared: Arc<Shared>,
    pub(crate) worker: Arc<Worker>,
    pub(crate) watch: Arc<Watch>,
    pub(crate) context: Arc<ConnContext>,
    pub(crate) span: Span,
}

/// What is kept of a request to frame its answer.
struct Asked {
    method: Method,
    version: Version,
    exchange: Exchange,
    upgrade: Option<OnUpgrade>,
    websocket: bool,
}

type Answer = http::Response<ResponseBody>;

impl Service {
    pub(crate) fn new(connection: Arc<Connection>) -> Self {
        Self(connection)
    }
}

impl hyper::service::Service<http::Request<Incoming>> for Service {
    type Response = Answer;
    type Error = Infallible;
    // Boxed: the handler's future borrows the handler, and hyper wants a type with a name.
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn call(&self, request: http::Request<Incoming>) -> Self::Future {
        let connection = Arc::clone(&self.0);
        let exchange = Exchange::begin(&connection.watch);
        Box::pin(async move { Ok(connection.serve(request, exchange).await) })
    }
}

impl Connection {
    async fn serve(&self, request: http::Request<Incoming>, mut exchange: Exchange) -> Answer {
        let (mut head, incoming) = request.into_parts();
        let method = head.method.clone();
        let admitted = admit(&mut head, &self.watch.limits);
        let span = spans::request(&self.span, &head);
        exchange.span = span.clone();
        let upgrade = head.extensions.remove::<OnUpgrade>();
        let websocket = upgrade.is_some() && is_websocket(head.headers.get(UPGRADE));
        let asked = Asked { method, version: head.version, exchange, upgrade, websocket };
        if let Err(refusal) = admitted {
            if !incoming.is_end_stream() {
                self.watch.set_unread();
            }
            drop(incoming);
            return span.in_scope(|| self.refuse(&refusal, asked, Some(&head)));
        }
        let body = request_body(incoming, &head.headers, &self.watch, &self.worker);
        let request = Request::from_parts(head, body);
        let call = AssertUnwindSafe(self.shared.handler.call(request, Arc::clone(&self.context)));
        let called = call.catch_unwind().instrument(span.clone()).await;
        span.in_scope(|| match called {
            Ok(response) => self.answer(response, asked),
            Err(_) => {
                tracing::error!(client.addr = %self.context.peer, "the handler panicked");
                self.refuse(&Refusal::new(Outcome::Internal, "an unexpected condition"), asked, None)
            }
        })
    }

    /// Answers in place of the handler, and closes: the client's idea of the connection cannot be trusted. Without a
    /// head, the handler has it.
    fn refuse(&self, refusal: &Refusal, asked: Asked, head: Option<&Parts>) -> Answer {
        let rejection = Rejection {
            status: refusal.status,
            outcome: refusal.outcome,
            detail: refusal.detail,
            method: Some(asked.method.clone()),
            target: head.map(|head| head.uri.clone()),
            version: Some(asked.version),
            handled: head.is_none(),
        };
        let none = HeaderMap::new();
        let fields = head.map_or(&none, |head| &head.headers);
        self.shared.observer.on_rejected(&rejection, fields, &self.context);
        let response = self.shared.observer.answer(&rejection, fields);
        let mut response = response.unwrap_or_else(|| plain(refusal));
        if !response.headers().contains_key("grpc-status") {
            *response.status_mut() = refusal.status;
        }
        self.frame(response, asked, true)
    }

    fn answer(&self, mut response: Response, mut asked: Asked) -> Answer {
        let status = response.status();
        if !status.is_informational() {
            let watch = &self.watch;
            let close = watch.listener.is_draining() || watch.is_broken() || watch.is_old();
            return self.frame(response, asked, close);
        }
        let tunnel = response.extensions_mut().remove::<Tunnel>();
        match (status, tunnel, asked.upgrade.take()) {
            (StatusCode::SWITCHING_PROTOCOLS, Some(tunnel), Some(upgrade)) => {
                tunnel::spawn(self, upgrade, tunnel, asked.websocket);
                let (head, _) = response.into_parts();
                let body = ResponseBody::http1(Body::empty(), asked.exchange, false);
                Answer::from_parts(head, body)
            }
            _ => self.refuse(
                &Refusal::new(Outcome::UpstreamMalformed, "an interim answer that was not asked for"),
                asked,
                None,
            ),
        }
    }

    /// Gives an answer the framing of RFC 9110 §6.4.1 and §8.6.
    fn frame(&self, mut response: Response, asked: Asked, close: bool) -> Answer {
        let status = response.status();
        let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if status == StatusCode::NO_CONTENT {
            response.headers_mut().remove(CONTENT_LENGTH);
        }
        if asked.method == Method::HEAD || bodiless {
            let length = response.body().size_hint().exact().filter(|length| *length > 0);
            if let (false, Some(length)) = (bodiless, length) {
                response.headers_mut().entry(CONTENT_LENGTH).or_insert_with(|| length.into());
            }
            response.headers_mut().remove(TRANSFER_ENCODING);
            *response.body_mut() = Body::empty();
        }
        if close && asked.version != Version::HTTP_2 {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let known =
            response.headers().contains_key(CONTENT_LENGTH) || response.body().size_hint().exact().is_some();
        let (head, body) = response.into_parts();
        let paced = self.watch.limits.min_body_rate == 0 || !is_grpc(&head.headers);
        let body = if asked.version == Version::HTTP_2 {
            ResponseBody::http2(body, asked.exchange, &self.worker, paced)
        } else {
            self.watch.set_paced(paced);
            ResponseBody::http1(body, asked.exchange, asked.version == Version::HTTP_10 && !known)
        };
        Answer::from_parts(head, body)
    }
}

/// The server's own form of an answer.
fn plain(refusal: &Refusal) -> Response {
    let mut response = Response::new(Body::from(refusal.text()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn is_websocket(upgrade: Option<&HeaderValue>) -> bool {
    upgrade.is_some_and(|token| token.as_bytes().eq_ignore_ascii_case(b"websocket"))
}
