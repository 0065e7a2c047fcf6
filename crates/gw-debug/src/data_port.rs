//! The debug pages on the data port too, as the original has them.
//!
//! Stands before the proxy and answers `/debug` and what is below it (not `/debugger`, which the original answers too). A
//! request that came through a proxy is refused: those pages are not for the world.

use std::sync::Arc;

use gw_core::{Body, BoxFuture, ConnContext, Handler, Request, Response};
use http::StatusCode;

/// A handler with the debug pages before it.
pub struct DataPort {
    /// Serves the pages.
    pub admin: Arc<dyn Handler>,
    /// Serves everything else.
    pub inner: Arc<dyn Handler>,
}

impl Handler for DataPort {
    fn call(&self, req: Request, conn: Arc<ConnContext>) -> BoxFuture<'_, Response> {
        let path = req.uri().path();
        if path != "/debug" && !path.starts_with("/debug/") {
            return self.inner.call(req, conn);
        }
        if req.headers().contains_key("x-forwarded-for") || req.headers().contains_key("forwarded") {
            let mut response = Response::new(Body::from("the debug pages are not served through proxies\n"));
            *response.status_mut() = StatusCode::FORBIDDEN;
            return Box::pin(std::future::ready(response));
        }
        self.admin.call(req, conn)
    }
}
