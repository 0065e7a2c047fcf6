//! What a factory is given, and how it says no.

use std::sync::Arc;

use gw_core::{BoxError, Clock, EndpointInfo};
use gw_value::Fault;

/// What a middleware may need of its surroundings.
#[derive(Clone, Debug)]
pub struct BuildContext {
    endpoint: Arc<EndpointInfo>,
    clock: Clock,
}

impl BuildContext {
    /// A context for the chain of `endpoint`.
    pub fn new(endpoint: Arc<EndpointInfo>, clock: Clock) -> Self {
        Self { endpoint, clock }
    }

    /// The endpoint whose chain this is.
    pub fn endpoint(&self) -> &Arc<EndpointInfo> {
        &self.endpoint
    }

    /// The clock to read.
    pub fn clock(&self) -> &Clock {
        &self.clock
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
