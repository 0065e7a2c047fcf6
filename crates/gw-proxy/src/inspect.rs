//! `/debug/proxy/…`: the routes that are served, and the tables that still drain.

use std::sync::Arc;

use gw_core::{BoxFuture, DebugRequest, DebugResponse, Debuggable, Response, json_page};
use serde_json::json;

use crate::Proxy;

/// Shows a proxy on the admin port.
pub struct ProxyDebug(pub Arc<Proxy>);

impl Debuggable for ProxyDebug {
    fn name(&self) -> &'static str {
        "proxy"
    }

    fn pages(&self) -> &'static [&'static str] {
        &["router/inspect"]
    }

    fn handle<'a>(&'a self, tail: &'a str, _: DebugRequest) -> BoxFuture<'a, Option<DebugResponse>> {
        Box::pin(async move { (tail == "router/inspect").then(|| self.routes()) })
    }
}

impl ProxyDebug {
    fn routes(&self) -> Response {
        let table = self.0.current();
        let routes: Vec<_> = table
            .router
            .inspect()
            .into_iter()
            .map(|route| {
                let endpoint = table.routes.get(route.index).map(|compiled| &*compiled.endpoint.name);
                json!({
                    "endpoint": endpoint,
                    "path_template": route.path,
                    "path_regexp": route.regex,
                    "hosts": route.hosts,
                    "methods": route.methods,
                    "variables": route.variables,
                    "shadowed_by": route.shadowed_by,
                })
            })
            .collect();
        json_page(&json!({ "generation": table.generation, "routes": routes, "draining": self.0.draining() }))
    }
}
