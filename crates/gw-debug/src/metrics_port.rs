//! `/metrics` on the data port, as the Go gateway has it: only while `compat_metrics` asks for its names.
//!
//! Stands before the proxy and answers that path, whatever the method. A request that came through a proxy is refused.

use std::sync::Arc;

use gw_core::{BoxFuture, ConnContext, Handler, Request, Response};
use gw_telemetry::Metrics;
use http::StatusCode;

use crate::answer;

/// A handler with the metrics before it.
pub struct MetricsPort {
    /// What is shown.
    pub metrics: Arc<Metrics>,
    /// Serves everything else.
    pub inner: Arc<dyn Handler>,
}

impl Handler for MetricsPort {
    fn call(&self, req: Request, conn: Arc<ConnContext>) -> BoxFuture<'_, Response> {
        if req.uri().path() != "/metrics" || !self.metrics.has_compat() {
            return self.inner.call(req, conn);
        }
        let forwarded = ["x-forwarded-for", "forwarded"].iter().any(|name| req.headers().contains_key(*name));
        let response = if forwarded {
            answer::text(StatusCode::FORBIDDEN, "the metrics are not served through proxies\n")
        } else {
            answer::typed(StatusCode::OK, gw_telemetry::CONTENT_TYPE, self.metrics.encode())
        };
        Box::pin(std::future::ready(response))
    }
}
