//! The proxy as a [`tower::Service`](tower_service::Service), for programs that have a server of their own.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use gw_core::{BoxFuture, ConnContext, Request, Response};
use tower_service::Service;

use crate::Proxy;

/// A [`Proxy`] for the requests of one connection: a `tower::Service` that always is ready and never fails, since every
/// failure already is an answer. A clone is two counts.
///
/// It sheds no load by itself; whoever has a limit puts it around it.
///
/// ```
/// use std::net::{Ipv4Addr, SocketAddr};
/// use std::sync::Arc;
///
/// use gw_core::{Body, ConnContext, Request};
/// use gw_proxy::{Proxy, ProxyService};
/// use gw_telemetry::{BuildInfo, Metrics};
/// use tower::ServiceExt;
///
/// let proxy = Proxy::builder(1, Metrics::new(1, BuildInfo::default())).build();
/// let [peer, local] = [50_000, 80].map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
/// let conn = ConnContext::new(0, "mine", peer, local);
/// let service = ProxyService::new(proxy, Arc::new(conn));
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let Ok(answer) = service.oneshot(Request::new(Body::empty())).await;
/// // A proxy without a configuration has no routes.
/// assert_eq!(answer.status(), 404);
/// # });
/// ```
#[derive(Clone)]
pub struct ProxyService {
    proxy: Arc<Proxy>,
    conn: Arc<ConnContext>,
}

impl ProxyService {
    /// Serves requests that came over `conn`. Its `worker` is less than the proxy's number of workers.
    pub fn new(proxy: Arc<Proxy>, conn: Arc<ConnContext>) -> Self {
        Self { proxy, conn }
    }
}

impl std::fmt::Debug for ProxyService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProxyService").field("conn", &self.conn).finish_non_exhaustive()
    }
}

impl Service<Request> for ProxyService {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    /// # Cancel safety
    /// Dropping the future aborts the request and releases its node.
    fn call(&mut self, req: Request) -> Self::Future {
        let served = self.proxy.serve(req, Arc::clone(&self.conn));
        Box::pin(async move { Ok(served.await) })
    }
}
