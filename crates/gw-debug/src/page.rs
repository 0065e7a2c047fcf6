//! A closure as a component with one page, so that crates that know nothing of this one can be shown.

use std::sync::Arc;

use gw_core::{BoxFuture, DebugRequest, DebugResponse, Debuggable, Response};

/// A component of one page, `/debug/<name>`; see [`page`].
pub struct Page<F> {
    name: &'static str,
    show: F,
}

/// Shows what the closure returns at `/debug/<name>`.
pub fn page<F>(name: &'static str, show: F) -> Arc<dyn Debuggable>
where
    F: Fn() -> Response + Send + Sync + 'static,
{
    Arc::new(Page { name, show })
}

impl<F> Debuggable for Page<F>
where
    F: Fn() -> Response + Send + Sync + 'static,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn handle<'a>(&'a self, tail: &'a str, _: DebugRequest) -> BoxFuture<'a, Option<DebugResponse>> {
        Box::pin(async move { tail.is_empty().then(|| (self.show)()) })
    }
}
