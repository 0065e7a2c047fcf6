//! From a document to live: compile, prepare everything that can fail, then commit what cannot.

use std::sync::Arc;
use std::time::SystemTime;

use gw_client::ClientFactory;
use gw_config::{Changed, Diagnostic, Diagnostics, Environment, Loaded, v1};
use gw_proxy::{Compiled, Compiler, Proxy, Report};
use gw_server::{Bound, ListenerOptions, ProxyServer};
use gw_telemetry::Metrics;
use gw_value::Spanned;

use crate::{discovery, listeners};

/// Turns documents into what is served.
pub(crate) struct Reloader {
    pub(crate) compiler: Compiler,
    pub(crate) environment: Environment,
    /// Addresses of the command line, in place of the configured ones.
    pub(crate) addresses: Vec<String>,
    pub(crate) proxy: Arc<Proxy>,
    pub(crate) clients: Arc<ClientFactory>,
    pub(crate) server: Arc<ProxyServer>,
    pub(crate) metrics: Arc<Metrics>,
    /// The discovery that it started with, which stays.
    pub(crate) discovery: v1::Discovery,
    pub(crate) admin: v1::Admin,
}

/// A document that compiled, with its listeners.
pub(crate) struct Checked {
    pub(crate) compiled: Compiled,
    pub(crate) listeners: Vec<ListenerOptions>,
    /// What it asks for.
    pub(crate) discovery: v1::Discovery,
    pub(crate) admin: v1::Admin,
}

/// What was made of a document, and its listeners, not yet bound.
type Made = (gw_proxy::Prepared, Vec<ListenerOptions>);

/// Why a document is not served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReloadError {
    /// It is wrong.
    #[error(transparent)]
    Config(#[from] Diagnostics),
    /// A listener cannot be bound.
    #[error(transparent)]
    Bind(#[from] gw_server::BindError),
    /// The thread that made it panicked.
    #[error("the gateway failed at it, please report this: {0}")]
    Fault(#[from] tokio::task::JoinError),
}

/// Checks a document that was read, without opening anything.
///
/// # Errors
/// Everything that is wrong with it: what reading found, and what lowering finds in the rest.
pub(crate) fn check(
    compiler: &Compiler,
    environment: &Environment,
    addresses: &[String],
    read: Result<Loaded, Diagnostics>,
) -> Result<Checked, Diagnostics> {
    match read {
        Ok(loaded) => lower(compiler, environment, addresses, loaded),
        Err(found) => Err(all_errors(compiler, environment, addresses, found)),
    }
}

/// Adds to what reading found what only lowering can tell.
pub(crate) fn all_errors(
    compiler: &Compiler,
    environment: &Environment,
    addresses: &[String],
    found: Diagnostics,
) -> Diagnostics {
    let partial = found.partial().cloned();
    match partial.map(|partial| lower(compiler, environment, addresses, partial)) {
        Some(Err(later)) => found.and(later),
        Some(Ok(_)) | None => found,
    }
}

fn lower(
    compiler: &Compiler,
    environment: &Environment,
    addresses: &[String],
    mut loaded: Loaded,
) -> Result<Checked, Diagnostics> {
    environment.apply(&mut loaded.gateway);
    replace_addresses(&mut loaded.gateway, addresses);
    let loaded = Arc::new(loaded);
    let v1::Gateway { listeners, discovery, admin, .. } = &loaded.gateway;
    let made = discovery::make(discovery, environment, &compiler.surroundings.clock);
    match (compiler.compile(Arc::clone(&loaded)), listeners::lower(listeners), made) {
        (Ok(compiled), Ok(listeners), Ok(_)) => {
            Ok(Checked { compiled, listeners, discovery: discovery.clone(), admin: admin.clone() })
        }
        (compiled, listeners, made) => {
            let mut errors: Vec<Diagnostic> = listeners.err().unwrap_or_default();
            errors.extend(made.err());
            errors.extend(compiled.err().into_iter().flat_map(Diagnostics::into_inner));
            Err(Diagnostics::new(Arc::clone(&loaded.document), errors))
        }
    }
}

/// `-addr` replaces the configured addresses; the first listener's other settings stay.
fn replace_addresses(gateway: &mut v1::Gateway, addresses: &[String]) {
    if addresses.is_empty() {
        return;
    }
    let model = gateway.listeners.first().map(|listener| (**listener).clone()).unwrap_or_default();
    let listener = |address: &String| v1::Listener {
        name: None,
        address: Spanned::unplaced(address.clone()),
        ..model.clone()
    };
    gateway.listeners = addresses.iter().map(|address| Spanned::unplaced(listener(address))).collect();
}

impl Reloader {
    /// Serves the first document, once the discovery has answered or `INITIAL_RESOLVE_TIMEOUT` is over.
    ///
    /// # Errors
    /// Everything that is wrong with it, or the address that is taken.
    pub(crate) async fn start(&self, loaded: Loaded) -> Result<(Report, Vec<Bound>), ReloadError> {
        let made = self.make(Ok(loaded))?;
        if let Some(limit) = self.environment.initial_resolve_timeout {
            self.clients.discovered(limit).await;
        }
        self.serve(made)
    }

    /// Serves a document from now on, or changes nothing. It is checked and made on a thread of its own, which is gone after
    /// it, beside all that control has to do meanwhile.
    ///
    /// # Errors
    /// Everything that is wrong with it, or the address that is taken.
    pub(crate) async fn apply(self: &Arc<Self>, changed: Changed) -> Result<Report, ReloadError> {
        let this = Arc::clone(self);
        #[expect(clippy::disallowed_methods, reason = "one at a time")]
        let made = tokio::task::spawn_blocking(move || this.make(changed.parse()));
        let served = made.await.map_err(Into::into).flatten().and_then(|made| self.serve(made));
        served.map(|(report, _)| report).inspect_err(|_| self.metrics.config_rejected())
    }

    /// Makes all that a document asks for, but its listeners.
    fn make(&self, read: Result<Loaded, Diagnostics>) -> Result<Made, ReloadError> {
        let Checked { compiled, listeners, discovery, admin } =
            check(&self.compiler, &self.environment, &self.addresses, read)?;
        let changed = [("discovery", discovery != self.discovery), ("admin", admin != self.admin)];
        for (key, _) in changed.iter().filter(|(_, changed)| *changed) {
            tracing::warn!("`{key}` has changed, which takes effect with the next start (SIGUSR2 is one)");
        }
        compiled.log_warnings();
        for name in compiled.left_out() {
            self.metrics.middleware_build_failed(name);
        }
        Ok((self.proxy.prepare(compiled, &|spec| self.clients.client(spec))?, listeners))
    }

    fn serve(&self, (table, listeners): Made) -> Result<(Report, Vec<Bound>), ReloadError> {
        let listeners = self.server.prepare(listeners)?;
        let report = self.proxy.commit(table);
        self.metrics.config_loaded(report.generation, SystemTime::now());
        Ok((report, self.server.commit(listeners)))
    }
}
