//! The handler of the admin listener.

use std::sync::Arc;

use gw_core::{BoxFuture, ConnContext, Handler, Request, Response};
use http::header::{ALLOW, CACHE_CONTROL, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Method, StatusCode};

use crate::reply::{json, text, with_type};
use crate::{Readiness, Registry, guard};

/// The Prometheus text format.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Serves `/livez`, `/readyz`, `/healthz`, `/metrics` and `/debug/…`.
pub struct Admin {
    registry: Registry,
    readiness: Readiness,
    metrics: Box<dyn Fn() -> String + Send + Sync>,
}

impl Admin {
    /// An admin handler; `metrics` writes the text of a scrape.
    pub fn new(
        registry: Registry,
        readiness: Readiness,
        metrics: impl Fn() -> String + Send + Sync + 'static,
    ) -> Self {
        Self { registry, readiness, metrics: Box::new(metrics) }
    }

    async fn answer(&self, req: Request) -> Response {
        if let Some(reason) = guard::refuse(&req) {
            return text(StatusCode::FORBIDDEN, reason.to_owned());
        }
        let path = req.uri().path().to_owned();
        let own = match path.as_str() {
            "/livez" => Some(text(StatusCode::OK, "ok\n".to_owned())),
            "/readyz" | "/healthz" => Some(self.ready(req.uri().query() == Some("verbose"))),
            "/metrics" => Some(with_type(StatusCode::OK, (self.metrics)(), METRICS)),
            "/debug/ping" => Some(text(StatusCode::OK, String::new())),
            "/debug" | "/debug/" => Some(self.index()),
            _ => None,
        };
        match own {
            Some(_) if !matches!(*req.method(), Method::GET | Method::HEAD) => not_allowed(),
            Some(response) => response,
            None => self.component(&path, req).await.unwrap_or_else(|| self.not_found()),
        }
    }

    fn ready(&self, verbose: bool) -> Response {
        let reasons = self.readiness.reasons();
        let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let summary = if reasons.is_empty() { "ok".to_owned() } else { reasons.join(", ") };
        if !verbose {
            return text(status, summary + "\n");
        }
        let line = |(name, holds)| format!("[{}] {name}\n", if holds { '+' } else { '-' });
        let lines: String = self.readiness.conditions().into_iter().map(line).collect();
        text(status, format!("{lines}{summary}\n"))
    }

    fn index(&self) -> Response {
        let pages: Vec<_> =
            ["ping"].into_iter().chain(self.registry.names()).map(|name| format!("/debug/{name}")).collect();
        json(&pages)
    }

    async fn component(&self, path: &str, req: Request) -> Option<Response> {
        let rest = path.strip_prefix("/debug/")?;
        let (name, tail) = rest.split_once('/').unwrap_or((rest, ""));
        self.registry.get(name)?.handle(tail, req).await
    }

    fn not_found(&self) -> Response {
        let names: Vec<_> = self.registry.names().map(|name| format!("/debug/{name}/")).collect();
        let own = "/livez /readyz /metrics /debug/ping";
        text(StatusCode::NOT_FOUND, format!("not found; there are {own} {}\n", names.join(" ")))
    }
}

impl Handler for Admin {
    fn call(&self, req: Request, _: Arc<ConnContext>) -> BoxFuture<'_, Response> {
        Box::pin(async move {
            let mut response = self.answer(req).await;
            let headers = response.headers_mut();
            headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        })
    }
}

fn not_allowed() -> Response {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n".to_owned());
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

#[cfg(test)]
mod tests;
