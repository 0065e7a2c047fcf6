//! Why a source cannot tell who is alive.

use gw_core::BoxError;

/// A failure of a source. The last good snapshot stays in force.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// The service cannot exist: it is not a name that this source understands.
    #[error("`{service}` is no name of a service: {reason}")]
    InvalidName {
        /// The name as given.
        service: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The source answered that it knows no such service, or no instance of it, and does not vouch for that being
    /// meant.
    #[error("`{service}` is not known")]
    NotFound {
        /// The name as given.
        service: String,
    },
    /// The source did not answer, or not in a way that can be understood.
    #[error("cannot look up `{service}`")]
    Unavailable {
        /// The name as given.
        service: String,
        /// What went wrong.
        #[source]
        source: BoxError,
    },
}

impl DiscoveryError {
    /// The service that was asked for.
    pub fn service(&self) -> &str {
        match self {
            Self::InvalidName { service, .. }
            | Self::NotFound { service }
            | Self::Unavailable { service, .. } => service,
        }
    }
}
