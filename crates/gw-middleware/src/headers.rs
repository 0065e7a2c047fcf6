//! `headers`: sets, adds and removes header fields of requests and of responses.
//!
//! Fields that frame messages or manage connections cannot be edited: that is the gateway's own work.

use std::sync::Arc;

use gw_core::{Request, Response};
use gw_value::Options;
use http::HeaderValue;
use serde::Deserialize;

use crate::header_edits::{HeaderEdits, HeadersPolicy};
use crate::{Before, BuildContext, BuildError, Filter, Middleware, MiddlewareFactory, Scope};

/// Makes `headers`.
#[derive(Debug)]
pub(crate) struct Factory;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct HeadersOptions {
    request: HeadersPolicy,
    response: HeadersPolicy,
}

struct Headers {
    request: HeaderEdits,
    response: HeaderEdits,
}

impl MiddlewareFactory for Factory {
    fn name(&self) -> &'static str {
        "headers"
    }

    fn scope(&self) -> Scope {
        Scope::Shared
    }

    fn build(&self, options: &Options, _: &BuildContext) -> Result<Arc<dyn Middleware>, BuildError> {
        let headers = options.lower(|options: HeadersOptions, faults| {
            let request = HeaderEdits::parse(&options.request, "request", faults);
            Some(Headers { request, response: HeaderEdits::parse(&options.response, "response", faults) })
        });
        Ok(Arc::new(headers?))
    }
}

impl Filter for Headers {
    fn before(&self, req: &mut Request) -> gw_core::Result<Before> {
        self.request.apply(req.headers_mut());
        Ok(Before::Pass(None))
    }

    fn after(&self, _: Option<HeaderValue>, response: &mut Response) {
        self.response.apply(response.headers_mut());
    }
}
