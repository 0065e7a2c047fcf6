//! The state of the watches, for the admin port and for metrics.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Service;
use crate::Instance;

/// A service at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceState {
    /// Its name.
    pub service: String,
    /// Its instances; `None` before the first answer.
    pub instances: Option<Arc<[Instance]>>,
    /// The time since the last good answer; `None` before the first. A source that is quiet has told no change.
    pub answered: Option<Duration>,
    /// How long the source has been unable to tell; `None` while it can.
    pub failing: Option<Duration>,
    /// Why it cannot.
    pub error: Option<Arc<str>>,
    /// Who subscribed, oldest first.
    pub appliers: Vec<Applier>,
}

/// A subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applier {
    /// Names it among those of its service.
    pub id: u64,
    /// The name that it gave, such as that of an endpoint.
    pub name: Arc<str>,
}

impl ServiceState {
    /// How many instances are held.
    pub fn held(&self) -> usize {
        self.instances.iter().flat_map(|instances| &**instances).filter(|instance| instance.held).count()
    }
}

impl Service {
    pub(super) fn inspect(&self, now: Instant) -> ServiceState {
        let ago = |at: Instant| now.saturating_duration_since(at);
        let known = self.known.borrow().clone();
        let appliers = self.appliers.lock();
        let applier = |(id, name): (&u64, &Arc<str>)| Applier { id: *id, name: Arc::clone(name) };
        ServiceState {
            service: self.name.clone(),
            instances: known.instances,
            answered: known.answered.map(ago),
            failing: known.failure.as_ref().map(|failure| ago(failure.since)),
            error: known.failure.map(|failure| failure.error),
            appliers: appliers.names.iter().map(applier).collect(),
        }
    }
}
