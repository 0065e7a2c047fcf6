//! `logging`: turns the access log on for the requests of its endpoints.
//!
//! There is one access log, written when a request ends; this only says which requests are in it.
//! Differs from kratos: one line per request, with its attempts, instead of one line per attempt.

use std::sync::Arc;

use gw_core::{Request, RequestContext};
use gw_value::Options;
use serde::Deserialize;

use crate::{Before, BuildContext, BuildError, Filter, Middleware, MiddlewareFactory, Scope};

/// The name of the middleware that turns the access log on.
pub const LOGGING: &str = "logging";

/// Makes `logging`.
#[derive(Debug)]
pub(crate) struct Factory;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct NoOptions {}

struct Logging;

impl MiddlewareFactory for Factory {
    fn name(&self) -> &'static str {
        LOGGING
    }

    fn scope(&self) -> Scope {
        Scope::Shared
    }

    fn build(&self, options: &Options, _: &BuildContext) -> Result<Arc<dyn Middleware>, BuildError> {
        let NoOptions {} = options.decode()?;
        Ok(Arc::new(Logging))
    }
}

impl Filter for Logging {
    fn before(&self, req: &mut Request) -> gw_core::Result<Before> {
        if let Some(cx) = RequestContext::of(req) {
            cx.set_logged();
        }
        Ok(Before::Pass(None))
    }
}
