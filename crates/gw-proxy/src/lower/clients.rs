//! Clients that middlewares ask for: lowered with the document, made when it is put together.

use std::sync::{Arc, OnceLock};

use gw_client::ClusterSpec;
use gw_config::v1::Endpoint;
use gw_config::{Diagnostic, Loaded, check_nested};
use gw_core::{BoxFuture, Client, EndpointInfo, Error, Outcome, Request, Response, Result};
use gw_middleware::{BuildError, Clients};
use gw_value::{Fault, Options, Span, Spanned};
use parking_lot::Mutex;

use super::backends::{self, Profiles};
use super::{Compiler, Pass, policy};
use crate::deadline::Timeouts;

/// A client whose cluster is made when its document is put together. Until then it answers nothing.
pub(crate) struct Deferred {
    pub(crate) spec: ClusterSpec,
    pub(crate) timeouts: Timeouts,
    pub(crate) span: Span,
    pub(crate) made: OnceLock<Arc<dyn Client>>,
}

impl Client for Deferred {
    fn call(&self, req: Request) -> BoxFuture<'_, Result<Response>> {
        match self.made.get() {
            Some(client) => client.call(req),
            None => Box::pin(std::future::ready(Err(Error::unsent(Outcome::Internal)))),
        }
    }
}

/// The clients asked for since they were last taken.
#[derive(Clone, Default)]
pub(crate) struct Asked(Arc<Mutex<Vec<Arc<Deferred>>>>);

impl Asked {
    /// Those asked for since the last time.
    pub(super) fn take(&self) -> Vec<Arc<Deferred>> {
        std::mem::take(&mut *self.0.lock())
    }

    /// What lowers a value for a middleware, and notes that it was asked for.
    pub(super) fn clients(
        &self,
        compiler: &Compiler,
        loaded: &Arc<Loaded>,
        profiles: &Arc<Profiles>,
    ) -> Clients {
        let (asked, compiler) = (self.clone(), compiler.clone());
        let (loaded, profiles) = (Arc::clone(loaded), Arc::clone(profiles));
        Arc::new(move |options: &Options| {
            let client =
                Arc::new(lower(&compiler, &loaded, &profiles, options).map_err(BuildError::Options)?);
            asked.0.lock().push(Arc::clone(&client));
            Ok(client as _)
        })
    }
}

fn lower(
    compiler: &Compiler,
    loaded: &Loaded,
    profiles: &Profiles,
    options: &Options,
) -> std::result::Result<Deferred, Vec<Fault>> {
    options.lower(|endpoint: Endpoint, faults| {
        let endpoint = Spanned::new(endpoint, options.span());
        let info = EndpointInfo { name: options.path().into(), ..EndpointInfo::default() };
        let mut pass = Pass::new(compiler, loaded);
        pass.errors = check_nested(&endpoint, loaded);
        let spec = backends::cluster(&mut pass, &endpoint, &info, profiles);
        let timeouts = policy::timeouts(&pass, &endpoint);
        faults.extend(pass.errors.into_iter().map(fault));
        Some(Deferred { spec, timeouts, span: options.span(), made: OnceLock::new() })
    })
}

/// Whatever is found makes the client useless, also what an endpoint is only warned of.
fn fault(found: Diagnostic) -> Fault {
    let help = (!found.help.is_empty()).then(|| found.help.join("; "));
    let Diagnostic { code, message, span, path, .. } = found;
    Fault { code, severity: gw_value::Severity::Error, message, span, path, help }
}
