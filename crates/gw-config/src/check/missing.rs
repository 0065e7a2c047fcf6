//! Keys without which a table means nothing: an endpoint's path, a backend's target, a middleware's name.

use gw_value::{Span, Spanned};

use super::Check;
use crate::codes::MISSING_KEY;
use crate::v1::Middleware;

impl Check<'_> {
    pub(super) fn missing(&mut self) {
        let gateway = self.gateway;
        self.names(&gateway.middlewares);
        for endpoint in &gateway.endpoints {
            self.required(endpoint.span(), "path", &endpoint.path);
            self.names(&endpoint.middlewares);
            for backend in &endpoint.backends {
                self.required(backend.span(), "target", &backend.target);
            }
        }
    }

    fn names(&mut self, middlewares: &[Spanned<Middleware>]) {
        for middleware in middlewares {
            self.required(middleware.span(), "name", &middleware.name);
        }
    }

    /// An empty value that stands in the document is left to those who read it.
    fn required(&mut self, table: Span, key: &str, value: &Spanned<String>) {
        if value.is_empty() && value.span().is_none() && self.faulty.is_sound(table, key) {
            self.error(MISSING_KEY, format!("`{key}` is missing"), table, format!("add `{key}`"));
        }
    }
}
