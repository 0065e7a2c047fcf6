//! What a component shows of itself on the admin port.

use crate::{Body, BoxFuture, Request, Response};

/// A request below `/debug/<name>/`.
pub type DebugRequest = Request;
/// Its answer.
pub type DebugResponse = Response;

/// A page of JSON, status 200: `body` as its alternate form writes it, which a `serde_json::Value` indents for people.
pub fn json_page(body: &impl std::fmt::Display) -> DebugResponse {
    let mut page = Response::new(Body::from(format!("{body:#}\n")));
    page.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    page
}

/// A component that owns `/debug/<name>/…`.
pub trait Debuggable: Send + Sync + 'static {
    /// The path segment it owns, e.g. `config`.
    fn name(&self) -> &'static str;

    /// The pages that it has, for those who look around: what follows `/debug/<name>/`, empty for a page there.
    fn pages(&self) -> &'static [&'static str];

    /// Answers a request; `tail` is the path after `/debug/<name>/`, and `None` means no such page (404).
    fn handle<'a>(&'a self, tail: &'a str, req: DebugRequest) -> BoxFuture<'a, Option<DebugResponse>>;
}
