//! What is known of a service: plain data that answers and failures change.

use std::sync::Arc;
use std::time::Instant;

use crate::{Instance, Snapshot};

/// What is known of a service. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The instances of the last good answer, without those that [left](crate::Subscription::leave); `None` before
    /// the first.
    pub instances: Option<Arc<[Instance]>>,
    /// When the last good answer came.
    pub answered: Option<Instant>,
    /// Why the source cannot tell at the moment; `None` while it can.
    pub failure: Option<Failure>,
    /// The ids of held instances that took no connection.
    left: Arc<[String]>,
}

/// An outage of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When it began.
    pub since: Instant,
    /// The error that was told last, with its causes.
    pub error: Arc<str>,
}

impl Known {
    /// Whether nothing has been heard yet, not even a failure.
    pub fn is_pending(&self) -> bool {
        self.instances.is_none() && self.failure.is_none()
    }

    pub(super) fn answer(&mut self, snapshot: &Snapshot, now: Instant) {
        let held = |id: &String| snapshot.instances.iter().any(|known| known.held && known.id == *id);
        if !self.left.is_empty() {
            self.left = self.left.iter().filter(|id| held(id)).cloned().collect();
        }
        self.instances = Some(without(&snapshot.instances, &self.left));
        self.answered = Some(now);
        self.failure = None;
    }

    pub(super) fn fail(&mut self, error: &str, now: Instant) {
        let since = self.failure.as_ref().map_or(now, |failure| failure.since);
        self.failure = Some(Failure { since, error: error.into() });
    }

    /// Whether there was such an instance, held.
    pub(super) fn leave(&mut self, id: &str) -> bool {
        let Some(instances) = &self.instances else { return false };
        if !instances.iter().any(|instance| instance.held && instance.id == id) {
            return false;
        }
        self.left = self.left.iter().cloned().chain([id.to_owned()]).collect();
        self.instances = Some(without(instances, &self.left));
        true
    }
}

fn without(instances: &Arc<[Instance]>, left: &[String]) -> Arc<[Instance]> {
    if left.is_empty() {
        return Arc::clone(instances);
    }
    instances.iter().filter(|instance| !left.contains(&instance.id)).cloned().collect()
}
