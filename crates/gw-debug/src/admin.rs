//! The handler of the admin port.
//!
//! | path | answer |
//! |---|---|
//! | `/livez` | 200 while the process answers at all |
//! | `/readyz`, `/healthz` | 200, or 503 with reasons until ready and while draining; `?verbose` lists the conditions |
//! | `/metrics` | the metrics as Prometheus reads them |
//! | `/debug/` | the pages there are |
//! | `/debug/ping` | 200, empty |
//! | `/debug/<name>/` | the component's own, else its pages |
//! | `/debug/<name>/…` | the component's own |
//!
//! A path is matched as it stands, without decoding it.

use std::sync::Arc;

use gw_core::{Body, BoxFuture, ConnContext, Handler, Request, Response};
use http::header::{self, HeaderValue};
use http::{Method, StatusCode};
use http_body::Body as _;

use crate::answer::{self, text};
use crate::{Readiness, Registry, guard};

#[cfg(test)]
mod tests;

const READ_ONLY: [Method; 2] = [Method::GET, Method::HEAD];

/// Serves health, metrics and debug pages.
pub struct Admin {
    registry: Registry,
    readiness: Readiness,
    metrics: Box<dyn Fn() -> String + Send + Sync>,
    hosts: Vec<String>,
}

impl Admin {
    /// Serves the pages of `registry`, the state of `readiness`, and what `metrics` returns, in the Prometheus text
    /// format.
    pub fn new(
        registry: Registry,
        readiness: Readiness,
        metrics: impl Fn() -> String + Send + Sync + 'static,
    ) -> Self {
        Self { registry, readiness, metrics: Box::new(metrics), hosts: Vec::new() }
    }

    /// Answers to the host `name` too, beside IP addresses and `localhost`: for scrapers that reach the port by a
    /// name of the network's own. `*` is any name.
    #[must_use]
    pub fn allow_host(mut self, name: &str) -> Self {
        self.hosts.push(name.to_ascii_lowercase());
        self
    }

    async fn answer(&self, req: Request) -> Response {
        if let Some(reason) = guard::refusal(&req, &self.hosts) {
            return text(StatusCode::FORBIDDEN, format!("{reason}\n"));
        }
        let path = req.uri().path().to_owned();
        match (path.as_str(), path.strip_prefix("/debug/")) {
            ("/livez", _) => read_only(&req, || text(StatusCode::OK, "ok\n")),
            ("/readyz" | "/healthz", _) => read_only(&req, || self.ready(req.uri().query())),
            ("/metrics", _) => read_only(&req, || {
                answer::typed(StatusCode::OK, gw_telemetry::CONTENT_TYPE, (self.metrics)())
            }),
            ("/debug", _) | (_, Some("")) => {
                read_only(&req, || self.index(&req, StatusCode::OK, "debug pages:"))
            }
            (_, Some("ping")) => read_only(&req, || Response::new(Body::empty())),
            (_, Some(page)) => self.page(page, req).await,
            _ => text(
                StatusCode::NOT_FOUND,
                "no such page; there are /livez, /readyz, /healthz, /metrics, /debug/\n",
            ),
        }
    }

    fn ready(&self, query: Option<&str>) -> Response {
        let reasons = self.readiness.reasons();
        let verbose = query.is_some_and(|query| {
            query.split('&').any(|pair| pair == "verbose" || pair.starts_with("verbose="))
        });
        let conditions = if verbose { self.readiness.verbose() } else { String::new() };
        if reasons.is_empty() {
            text(StatusCode::OK, format!("{conditions}ready\n"))
        } else {
            text(StatusCode::SERVICE_UNAVAILABLE, format!("{conditions}not ready: {}\n", reasons.join("; ")))
        }
    }

    async fn page(&self, page: &str, req: Request) -> Response {
        let (name, tail) = page.split_once('/').unwrap_or((page, ""));
        let Some(entry) = self.registry.get(name) else {
            return self.index(&req, StatusCode::NOT_FOUND, "no such page; there are:");
        };
        let allowed = || READ_ONLY.iter().chain(&entry.methods);
        if !allowed().any(|method| method == req.method()) {
            return method_not_allowed(allowed());
        }
        let (status, title) = match tail {
            "" if READ_ONLY.contains(req.method()) => (StatusCode::OK, "debug pages:"),
            _ => (StatusCode::NOT_FOUND, "the component has no such page; it has:"),
        };
        let list = answer::list(status, req.headers(), title, &entry.paths());
        entry.page.handle(tail, req).await.unwrap_or(list)
    }

    fn index(&self, req: &Request, status: StatusCode, title: &str) -> Response {
        answer::list(status, req.headers(), title, &self.registry.paths())
    }
}

impl Handler for Admin {
    fn call(&self, req: Request, _: Arc<ConnContext>) -> BoxFuture<'_, Response> {
        Box::pin(async move {
            let head = *req.method() == Method::HEAD;
            let mut response = self.answer(req).await;
            answer::secure(&mut response);
            if head {
                strip_body(&mut response);
            }
            response
        })
    }
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin")
            .field("registry", &self.registry)
            .field("readiness", &self.readiness)
            .finish_non_exhaustive()
    }
}

fn read_only(req: &Request, answer: impl FnOnce() -> Response) -> Response {
    if READ_ONLY.contains(req.method()) { answer() } else { method_not_allowed(READ_ONLY.iter()) }
}

fn method_not_allowed<'a>(allowed: impl Iterator<Item = &'a Method>) -> Response {
    let allowed = allowed.map(Method::as_str).collect::<Vec<_>>().join(", ");
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, format!("this page takes {allowed}\n"));
    if let Ok(value) = HeaderValue::try_from(allowed) {
        response.headers_mut().insert(header::ALLOW, value);
    }
    response
}

/// An answer to HEAD tells the length of what GET would give (RFC 9110 §9.3.2).
fn strip_body(response: &mut Response) {
    if let Some(length) = response.body().size_hint().exact() {
        response.headers_mut().entry(header::CONTENT_LENGTH).or_insert(HeaderValue::from(length));
    }
    *response.body_mut() = Body::empty();
}
