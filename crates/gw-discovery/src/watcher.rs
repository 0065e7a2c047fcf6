//! One watch per service, shared by all who use the service.
//!
//! - Subscribing never waits: it begins the watch, or joins the one that runs and sees at once what that knows.
//! - A watch ends with its last [`Subscription`]; a reload that keeps a service keeps its watch too.
//! - A watch is supervised: a stream that ends or panics is begun again, after a wait that grows.
//! - What was once known stays until the source says otherwise; a failure only adds why it is not fresher.
//!
//! Differs from kratos (B18): no lock is held while a source is asked, a first answer that comes late counts, and a
//! watch does not die with the configuration that began it.

mod follow;
mod inspect;
mod known;
mod page;

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::{Arc, Weak};

use gw_core::{BoxFuture, Clock};
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use crate::backoff::Backoff;
use crate::{Discovery, supervised};

pub use inspect::{Applier, ServiceState};
pub use known::{Failure, Known};
pub use page::WatcherDebug;

/// Runs a task to its end, on a runtime with time enabled. The task ends by itself with the last subscription.
pub type Spawn = Arc<dyn Fn(BoxFuture<'static, ()>) + Send + Sync>;

/// Watches services of one source, each once. It holds as many watches as services are subscribed to.
pub struct ServiceWatcher {
    source: Arc<dyn Discovery>,
    spawn: Spawn,
    clock: Clock,
    /// A random number, so that gateways do not begin again in step.
    seed: u64,
    services: Mutex<HashMap<String, Weak<Service>>>,
}

impl ServiceWatcher {
    /// A watcher without subscriptions. `seed` is a random number: gateways must not retry in step.
    pub fn new(source: Arc<dyn Discovery>, spawn: Spawn, clock: Clock, seed: u64) -> Self {
        Self { source, spawn, clock, seed, services: Mutex::default() }
    }

    /// Follows `service` for `applier`, whose name is shown by [`inspect`](Self::inspect). Returns at once.
    pub fn subscribe(&self, service: &str, applier: impl Into<Arc<str>>) -> Subscription {
        self.follow(service).share(applier)
    }

    /// Follows `service` for several, each of whom gets a [share](Subscription::share). Returns at once.
    pub fn follow(&self, service: &str) -> Subscription {
        let mut services = self.services.lock();
        let running = services.get(service).and_then(Weak::upgrade);
        let service = running.unwrap_or_else(|| {
            // Not at each: many are added at once.
            if services.len() == services.capacity() {
                services.retain(|_, service| service.strong_count() > 0);
            }
            let started = self.start(service);
            services.insert(service.to_owned(), Arc::downgrade(&started));
            started
        });
        Subscription { service, applier: None }
    }

    /// Waits until there was a good answer about every service that is subscribed to now. A failure is none.
    pub async fn answered(&self) {
        let known = |service: Arc<Service>| service.known.subscribe();
        let known: Vec<_> = self.services.lock().values().filter_map(Weak::upgrade).map(known).collect();
        for mut known in known {
            // Nobody waits for a service that has lost its last subscription.
            let _ = known.wait_for(|known| known.instances.is_some()).await;
        }
    }

    /// Every service that is subscribed to, by name.
    pub fn inspect(&self) -> Vec<ServiceState> {
        let services: Vec<_> = self.services.lock().values().filter_map(Weak::upgrade).collect();
        let now = self.clock.now();
        let mut states: Vec<_> = services.iter().map(|service| service.inspect(now)).collect();
        states.sort_by(|a, b| a.service.cmp(&b.service));
        states
    }

    fn start(&self, name: &str) -> Arc<Service> {
        let known = watch::Sender::new(Known::default());
        let (end, ended) = oneshot::channel();
        let answers = supervised::watch(Arc::clone(&self.source), name, Backoff::of(self.seed, name));
        let follow = follow::follow(name.to_owned(), answers, known.clone(), self.clock.clone(), ended);
        (self.spawn)(Box::pin(follow));
        Arc::new(Service { name: name.to_owned(), known, appliers: Mutex::default(), _end: end })
    }
}

impl std::fmt::Debug for ServiceWatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceWatcher").field("services", &self.inspect().len()).finish_non_exhaustive()
    }
}

/// One service that is watched.
struct Service {
    name: String,
    known: watch::Sender<Known>,
    appliers: Mutex<Appliers>,
    /// Dropped, it ends the watch.
    _end: oneshot::Sender<Infallible>,
}

/// Who subscribed, by the order in which they did.
#[derive(Default)]
struct Appliers {
    last: u64,
    names: BTreeMap<u64, Arc<str>>,
}

impl Appliers {
    fn add(&mut self, name: Arc<str>) -> u64 {
        self.last += 1;
        self.names.insert(self.last, name);
        self.last
    }
}

/// A share in the watch of a service. Dropped, the share is given up.
pub struct Subscription {
    service: Arc<Service>,
    /// Who it is for, if that is shown.
    applier: Option<u64>,
}

impl Subscription {
    /// Another share, for `applier`, whose name is shown.
    #[must_use]
    pub fn share(&self, applier: impl Into<Arc<str>>) -> Self {
        let service = Arc::clone(&self.service);
        let applier = Some(service.appliers.lock().add(applier.into()));
        Self { service, applier }
    }

    /// What is known at the moment.
    pub fn known(&self) -> Known {
        self.service.known.borrow().clone()
    }

    /// Tells of changes; the first one at once if anything is known already. It keeps no watch alive, and ends
    /// after the last subscription.
    pub fn changes(&self) -> watch::Receiver<Known> {
        let mut changes = self.service.known.subscribe();
        if !changes.borrow().is_pending() {
            changes.mark_changed();
        }
        changes
    }

    /// Gives up an instance that is only held: it took no connection, so it has really left. It is known again once
    /// the source lists it. An instance that the source lists stays.
    pub fn leave(&self, id: &str) {
        let left = self.service.known.send_if_modified(|known| known.leave(id));
        if left {
            tracing::warn!(
                service = self.service.name,
                id,
                "a held instance takes no connection: it has left"
            );
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(applier) = &self.applier {
            self.service.appliers.lock().names.remove(applier);
        }
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").field("service", &self.service.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
