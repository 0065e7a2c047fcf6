//! `/debug/proxy/…`: the routes that are served, and the tables that still drain.

use std::sync::Arc;

use gw_core::{Body, BoxFuture, DebugRequest, DebugResponse, Debuggable, Response};
use http::header::{CONTENT_TYPE, HeaderValue};
use serde::Serialize;
use serde_json::json;

use crate::Proxy;

/// Shows a proxy on the admin port.
pub struct ProxyDebug(pub Arc<Proxy>);

impl Debuggable for ProxyDebug {
    fn name(&self) -> &'static str {
        "proxy"
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
        page(&json!({ "generation": table.generation, "routes": routes, "draining": self.0.draining() }))
    }
}

/// A page of JSON, indented for people.
pub(crate) fn page(value: &impl Serialize) -> Response {
    let text =
        serde_json::to_string_pretty(value).unwrap_or_else(|error| json!(error.to_string()).to_string());
    let mut response = Response::new(Body::from(text + "\n"));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
