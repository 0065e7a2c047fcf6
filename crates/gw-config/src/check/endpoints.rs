//! Endpoints: identity, methods.

use std::collections::HashSet;

use gw_value::Spanned;
use http::Method;

use super::Check;
use crate::codes::{BAD_METHOD, METHOD_TWICE, SAME_ID};
use crate::v1::Endpoint;

impl Check<'_> {
    pub(super) fn endpoints(&mut self) {
        let gateway = self.gateway;
        let mut ids = HashSet::new();
        for endpoint in &gateway.endpoints {
            if let Some(id) = &endpoint.id
                && !ids.insert(id.as_str())
            {
                let message = format!("another endpoint has the id `{id}`");
                let help = "an id tells an endpoint from all others; rename one, or remove it";
                self.error(SAME_ID, message, endpoint.span(), help);
            }
            self.methods(endpoint);
            self.balancer(endpoint.balancer.as_ref());
            self.backends(endpoint);
            self.retry(endpoint);
        }
    }

    fn methods(&mut self, endpoint: &Endpoint) {
        if let (Some(method), [_, ..]) = (&endpoint.method, endpoint.methods.as_slice()) {
            let help = "keep `methods`, with all of them";
            self.error(METHOD_TWICE, "both `method` and `methods` are given", method.span(), help);
        }
        // An empty one is any, as in kratos.
        for method in endpoint.method.iter().filter(|method| !method.is_empty()).chain(&endpoint.methods) {
            self.method(method);
        }
    }

    fn method(&mut self, method: &Spanned<String>) {
        // RFC 9110 §9.1: a token. `*` is one, and means any.
        if Method::from_bytes(method.as_bytes()).is_err() {
            let message = format!("`{}` is no method", **method);
            let help = "write one method, such as `GET`, or `*` for any; for several there is `methods`";
            self.error(BAD_METHOD, message, method.span(), help);
        }
    }
}
