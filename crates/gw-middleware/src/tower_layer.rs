//! Hosts any tower layer in the chain: the layer is applied once, and its state is shared by all requests.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use gw_core::{Body, BoxError, BoxFuture, Error, Outcome, Request, Response, Result};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceExt};

use crate::{Middleware, Next, OwnedNext};

/// A tower layer as a middleware.
///
/// ```
/// use gw_middleware::Tower;
/// use tower_http::set_header::SetResponseHeaderLayer;
///
/// let layer = SetResponseHeaderLayer::overriding(http::header::SERVER, http::HeaderValue::from_static("gw"));
/// let middleware = Tower::new(layer);
/// ```
pub struct Tower(BoxCloneSyncService<Request, Response, BoxError>);

/// The rest of the chain as the service that a layer wraps.
#[derive(Clone, Debug)]
pub struct TowerNext(());

impl Tower {
    /// Applies `layer` to the rest of the chain.
    pub fn new<L, B>(layer: L) -> Self
    where
        L: Layer<TowerNext>,
        L::Service: Service<Request, Response = http::Response<B>> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Error: Into<BoxError>,
        <L::Service as Service<Request>>::Future: Send,
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let service =
            layer.layer(TowerNext(())).map_response(|response| response.map(foreign)).map_err(Into::into);
        Self(BoxCloneSyncService::new(service))
    }
}

/// A layer's body as ours.
fn foreign<B>(body: B) -> Body
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    if body.is_end_stream() { Body::empty() } else { Body::stream(Foreign(Box::pin(body))) }
}

struct Foreign<B>(Pin<Box<B>>);

impl<B> HttpBody for Foreign<B>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        self.0.as_mut().poll_frame(cx).map(|frame| frame.map(|result| result.map_err(blame)))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// A body's error keeps its meaning on its way through the layer's own type.
fn blame(error: impl Into<BoxError>) -> Error {
    match error.into().downcast::<Error>() {
        Ok(ours) => *ours,
        Err(other) => Error::new(Error::find(other.as_ref()).unwrap_or(Outcome::Internal)).with_source(other),
    }
}

impl Service<Request> for TowerNext {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, std::result::Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut req: Request) -> Self::Future {
        let next = req.extensions_mut().remove::<OwnedNext>();
        Box::pin(async move {
            Ok(match next {
                Some(next) => next.run(req).await,
                // Only a layer that makes up its own request gets here: there is nothing to run it through.
                None => {
                    let mut response = Response::new(Body::empty());
                    *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
                    response
                }
            })
        })
    }
}

impl Middleware for Tower {
    fn handle<'a>(&'a self, mut req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        req.extensions_mut().insert(next.detach());
        let service = self.0.clone();
        Box::pin(async move { service.oneshot(req).await.map_err(blame) })
    }
}
