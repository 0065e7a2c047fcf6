//! A closure as a debug page: for components that import nothing and have a plain `inspect()`.

use std::sync::Arc;

use gw_core::{BoxFuture, DebugRequest, DebugResponse, Debuggable};

/// Makes `page` own `/debug/<name>/…`; it is given the path after that, and `None` means no such page. `pages` are the
/// paths for which there is one.
///
/// ```
/// use gw_debug::{Registry, debuggable, json};
///
/// let nodes = debuggable("nodes", &["inspect"], |tail| (tail == "inspect").then(|| json(&["10.0.0.1:80"])));
/// let registry = Registry::new().with(nodes)?;
/// # Ok::<(), gw_debug::RegisterError>(())
/// ```
pub fn debuggable<F>(name: &'static str, pages: &'static [&'static str], page: F) -> Arc<dyn Debuggable>
where
    F: Fn(&str) -> Option<DebugResponse> + Send + Sync + 'static,
{
    Arc::new(Closure { name, pages, page })
}

struct Closure<F> {
    name: &'static str,
    pages: &'static [&'static str],
    page: F,
}

impl<F> Debuggable for Closure<F>
where
    F: Fn(&str) -> Option<DebugResponse> + Send + Sync + 'static,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn pages(&self) -> &'static [&'static str] {
        self.pages
    }

    fn handle<'a>(&'a self, tail: &'a str, _: DebugRequest) -> BoxFuture<'a, Option<DebugResponse>> {
        Box::pin(std::future::ready((self.page)(tail)))
    }
}
