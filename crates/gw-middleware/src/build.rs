//! What a factory is given, and how it says no.

mod states;
mod tasks;

use std::sync::Arc;

use gw_core::{BoxError, Client, Clock, EndpointInfo};
use gw_telemetry::{BuildInfo, Metrics};
use gw_value::{Fault, Options};

pub use states::States;
pub use tasks::{TaskGuard, Tasks};

/// What all middlewares of a gateway share.
#[derive(Clone)]
pub struct Surroundings {
    /// The time.
    pub clock: Clock,
    /// Where random numbers come from.
    pub random: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// What is kept across reloads.
    pub states: Arc<States>,
    /// What runs beside requests.
    pub tasks: Tasks,
}

impl Surroundings {
    /// Surroundings of their own: nothing is kept of former ones, and no task runs.
    pub fn alone(clock: Clock) -> Self {
        Self {
            clock,
            random: Arc::new(rand::random),
            metrics: Metrics::new(1, BuildInfo::default()),
            states: Arc::default(),
            tasks: Tasks::none(),
        }
    }
}

impl std::fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings").field("tasks", &self.tasks).finish_non_exhaustive()
    }
}

/// Lowers an endpoint-shaped value to a client.
pub type Clients = Arc<dyn Fn(&Options) -> Result<Arc<dyn Client>, BuildError> + Send + Sync>;

/// What a middleware may need of its surroundings.
#[derive(Clone)]
pub struct BuildContext {
    endpoint: Arc<EndpointInfo>,
    surroundings: Surroundings,
    clients: Clients,
    identity: Arc<str>,
    gateway: Arc<str>,
}

impl BuildContext {
    /// The context of one instance in the chain of `endpoint`. `identity` names it among all middlewares of the
    /// gateway, across reloads: endpoint, chain, name, and which of that name.
    pub fn new(
        endpoint: Arc<EndpointInfo>,
        surroundings: Surroundings,
        clients: Clients,
        identity: &str,
    ) -> Self {
        Self { endpoint, surroundings, clients, identity: identity.into(), gateway: "".into() }
    }

    /// The same in a gateway of this name. Default: it has none.
    #[must_use]
    pub fn with_gateway(mut self, name: &str) -> Self {
        self.gateway = name.into();
        self
    }

    /// A context with surroundings of its own and no clients: for tests, and for programs that put a chain together
    /// by hand.
    pub fn alone(endpoint: Arc<EndpointInfo>, clock: Clock) -> Self {
        let none: Clients = Arc::new(|_| Err(BuildError::Failed("there are no clients here".into())));
        Self::new(endpoint, Surroundings::alone(clock), none, "")
    }

    /// The endpoint whose chain this is.
    pub fn endpoint(&self) -> &Arc<EndpointInfo> {
        &self.endpoint
    }

    /// The name that the configuration gives the gateway; empty if it gives none.
    pub fn gateway(&self) -> &str {
        &self.gateway
    }

    /// The clock to read.
    pub fn clock(&self) -> &Clock {
        &self.surroundings.clock
    }

    /// The metrics to count in.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.surroundings.metrics
    }

    /// A random number, as a seed.
    pub fn random(&self) -> u64 {
        (self.surroundings.random)()
    }

    /// What this instance keeps across reloads, whatever becomes of its options: `init` makes it the first time. It
    /// lives while an instance holds it.
    pub fn state<T: Send + Sync + 'static>(&self, init: impl FnOnce() -> T) -> Arc<T> {
        self.surroundings.states.get(&self.identity, init)
    }

    /// What all instances of the gateway share, one of each type: `init` makes it the first time. It lives while an
    /// instance holds it.
    pub fn shared<T: Send + Sync + 'static>(&self, init: impl FnOnce() -> T) -> Arc<T> {
        self.surroundings.states.get("", init)
    }

    /// A client for the backends of an endpoint-shaped value, `{ backends = [{ target = "…" }], protocol = "http" }`:
    /// for fallbacks and for asking other services. It makes one attempt. A configuration that is only checked gets
    /// one that answers nothing.
    ///
    /// # Errors
    /// Everything that is wrong with the value, at its place.
    pub fn client(&self, endpoint: &Options) -> Result<Arc<dyn Client>, BuildError> {
        (self.clients)(endpoint)
    }

    /// Runs a task beside requests, on the control runtime, until the guard is dropped. `name` is what it is listed
    /// under. A configuration that is only checked runs none.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) -> TaskGuard {
        self.surroundings.tasks.spawn(name, task)
    }
}

impl std::fmt::Debug for BuildContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BuildContext")
            .field("endpoint", &self.endpoint)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

/// Why a middleware could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The options are wrong; each fault says where.
    #[error("{}", .0.iter().map(|fault| fault.message.as_str()).collect::<Vec<_>>().join("; "))]
    Options(Vec<Fault>),
    /// Something outside the options is missing or refused.
    #[error("{0}")]
    Failed(#[source] BoxError),
}

impl From<Vec<Fault>> for BuildError {
    fn from(faults: Vec<Fault>) -> Self {
        Self::Options(faults)
    }
}
