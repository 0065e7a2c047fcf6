//! One request: its head is checked, the handler called, and its answer given the framing that HTTP asks for.
//!
//! The handler's panics end here. The hop-by-hop fields of an answer are gw-proxy's business; its framing is ours.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;
use gw_core::{Body, BoxFuture, ConnContext, Outcome, Request, Response, Tunnel};
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use parking_lot::Mutex;
use tracing::{Instrument, Span};

use crate::Rejection;
use crate::check::{Refusal, admit};
use crate::request_body::{self, is_grpc, request_body};
use crate::response_body::{Exchange, ResponseBody};
use crate::spans;
use crate::tunnel::Agreed;
use crate::watch::{Phase, Watch};
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
    /// The tunnel that its 101 was answered for.
    pub(crate) agreed: Mutex<Option<Agreed>>,
}

/// What is known of a request that the server answers.
#[derive(Clone, Copy)]
enum Refused<'a> {
    /// Its head could not be read.
    #[cfg_attr(feature = "hyper-h1", expect(dead_code, reason = "hyper answers it"))]
    Unread,
    Read(&'a Parts),
    /// The handler had it.
    Handled,
}

/// What became of a request in the call of the handler.
enum Begun<'a> {
    Refused(Box<Answer>),
    Called(BoxFuture<'a, Response>, Asked),
    Panicked(Asked),
}

/// What is kept of a request to frame its answer.
struct Asked {
    method: Method,
    version: Version,
    exchange: Exchange,
    /// The protocol that was asked for.
    upgrade: Option<HeaderValue>,
}

pub(crate) type Answer = http::Response<ResponseBody>;

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
    /// Serves a request whose framing is as its head says.
    ///
    /// The handler is called in this call, so that the future returned does not hold the request, which is large.
    pub(crate) fn serve<I>(
        &self,
        request: http::Request<I>,
        exchange: Exchange,
    ) -> impl Future<Output = Answer> + Send
    where
        I: request_body::Incoming,
    {
        let begun = self.begin(request, exchange);
        async move {
            let (called, asked) = match begun {
                Begun::Refused(answer) => return *answer,
                Begun::Called(call, asked) => {
                    let span = asked.exchange.span.clone();
                    (AssertUnwindSafe(call).catch_unwind().instrument(span).await.ok(), asked)
                }
                Begun::Panicked(asked) => (None, asked),
            };
            let span = asked.exchange.span.clone();
            span.in_scope(|| match called {
                Some(response) => self.answer(response, asked),
                None => {
                    tracing::error!(client.addr = %self.context.peer(), "the handler panicked");
                    let refusal = Refusal::new(Outcome::Internal, "an unexpected condition");
                    self.refuse(&refusal, asked, Refused::Handled)
                }
            })
        }
    }

    /// Calls the handler with a request that may be served.
    fn begin<I>(&self, request: http::Request<I>, mut exchange: Exchange) -> Begun<'_>
    where
        I: request_body::Incoming,
    {
        let (mut head, incoming) = request.into_parts();
        let method = head.method.clone();
        let own = !cfg!(feature = "hyper-h1") && head.version != Version::HTTP_2;
        let admitted = admit(&mut head, own && incoming.is_end_stream(), &self.watch.limits);
        let span = spans::request(&self.span, &head);
        exchange.span = span.clone();
        // The others have none (RFC 9110 §7.8).
        let upgrade = head.headers.get(UPGRADE).filter(|_| head.version == Version::HTTP_11).cloned();
        let asked = Asked { method, version: head.version, exchange, upgrade };
        if let Err(refusal) = admitted {
            if !incoming.is_end_stream() {
                self.watch.set_unread();
            }
            drop(incoming);
            let answer = span.in_scope(|| self.refuse(&refusal, asked, Refused::Read(&head)));
            return Begun::Refused(Box::new(answer));
        }
        let body = request_body(incoming, &head.headers, &self.watch, &self.worker);
        let request = Request::from_parts(head, body);
        let call = || self.shared.handler.call(request, Arc::clone(&self.context));
        match span.in_scope(|| catch_unwind(AssertUnwindSafe(call))) {
            Ok(call) => Begun::Called(call, asked),
            Err(_) => Begun::Panicked(asked),
        }
    }

    /// Answers in place of the handler, and closes: the client's idea of the connection cannot be trusted.
    fn refuse(&self, refusal: &Refusal, asked: Asked, refused: Refused<'_>) -> Answer {
        let head = if let Refused::Read(head) = refused { Some(head) } else { None };
        let known = !matches!(refused, Refused::Unread);
        let rejection = Rejection {
            status: refusal.status,
            outcome: refusal.outcome,
            detail: refusal.detail,
            method: known.then(|| asked.method.clone()),
            target: head.map(|head| head.uri.clone()),
            version: known.then_some(asked.version),
            handled: matches!(refused, Refused::Handled),
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

    /// Refuses a head that is none, or has no framing.
    #[cfg(not(feature = "hyper-h1"))]
    pub(crate) fn refuse_head(
        &self,
        refusal: &Refusal,
        head: Option<http::Request<()>>,
        exchange: Exchange,
    ) -> Answer {
        // What follows is nothing to be read.
        self.watch.set_unread();
        let Some(head) = head else {
            let asked = Asked { method: Method::GET, version: Version::HTTP_11, exchange, upgrade: None };
            return self.refuse(refusal, asked, Refused::Unread);
        };
        let (head, ()) = head.into_parts();
        let asked = Asked { method: head.method.clone(), version: head.version, exchange, upgrade: None };
        self.refuse(refusal, asked, Refused::Read(&head))
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
                self.watch.enter(Phase::Tunnel);
                let websocket = upgrade.as_bytes().eq_ignore_ascii_case(b"websocket");
                *self.agreed.lock() = Some(Agreed { tunnel, websocket });
                let (head, _) = response.into_parts();
                let body = ResponseBody::http1(Body::empty(), asked.exchange, false);
                Answer::from_parts(head, body)
            }
            _ => self.refuse(
                &Refusal::new(Outcome::UpstreamMalformed, "an interim answer that was not asked for"),
                asked,
                Refused::Handled,
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
        let unknown = asked.version == Version::HTTP_10
            && !response.headers().contains_key(CONTENT_LENGTH)
            && response.body().size_hint().exact().is_none();
        let (head, body) = response.into_parts();
        let paced = self.watch.limits.min_body_rate == 0 || !is_grpc(&head.headers);
        let body = if asked.version == Version::HTTP_2 {
            ResponseBody::http2(body, asked.exchange, &self.worker, paced)
        } else {
            self.watch.set_paced(paced);
            ResponseBody::http1(body, asked.exchange, unknown)
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
