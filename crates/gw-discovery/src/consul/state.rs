//! What is remembered of a service while somebody watches or reads it: its limit, and what an operator wants to see.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use super::entry::Listing;
use super::pace::Bucket;
use super::{ConsulError, Timing};
use crate::SourceStatus;

/// The services of one provider. It holds none of them: as many are kept as are in use.
#[derive(Debug, Default)]
pub(super) struct Services {
    services: Mutex<HashMap<Arc<str>, Weak<Service>>>,
}

impl Services {
    /// The state of a service, shared by all that use it.
    pub(super) fn get(&self, name: &str, timing: &Timing) -> Arc<Service> {
        let mut services = self.services.lock();
        if let Some(service) = services.get(name).and_then(Weak::upgrade) {
            return service;
        }
        services.retain(|_, service| service.strong_count() > 0);
        let service = Arc::new(Service::new(name, timing));
        services.insert(Arc::clone(&service.name), Arc::downgrade(&service));
        service
    }

    /// All that are in use, by name.
    pub(super) fn inspect(&self) -> Vec<SourceStatus> {
        let services: Vec<_> = self.services.lock().values().filter_map(Weak::upgrade).collect();
        let mut all: Vec<_> = services.iter().map(|service| service.inspect()).collect();
        all.sort_by(|a, b| a.service.cmp(&b.service));
        all
    }
}

/// One service.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) name: Arc<str>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    bucket: Bucket,
    /// Whether it ever had an entry: an empty list then means that it has been emptied.
    seen: bool,
    base: Arc<str>,
    index: u64,
    success: Option<Instant>,
    error: Option<String>,
    skipped: u64,
    requests: u64,
}

impl Service {
    fn new(name: &str, timing: &Timing) -> Self {
        let state = State {
            bucket: Bucket::new(timing.burst, timing.interval, Instant::now()),
            seen: false,
            base: "".into(),
            index: 0,
            success: None,
            error: None,
            skipped: 0,
            requests: 0,
        };
        Self { name: name.into(), state: Mutex::new(state) }
    }

    /// Waits until the service may be asked for once more, and counts that.
    pub(super) async fn admit(&self, base: &Arc<str>) {
        let wait = self.state.lock().bucket.take(Instant::now());
        if !wait.is_zero() {
            sleep(wait).await;
        }
        let mut state = self.state.lock();
        state.requests += 1;
        state.base = Arc::clone(base);
    }

    /// Remembers what came of a question; whether the service has ever had an entry.
    pub(super) fn record(&self, answer: &Result<(Listing, Option<u64>), ConsulError>) -> bool {
        let mut state = self.state.lock();
        match answer {
            Ok((listing, index)) => {
                state.seen |= listing.any;
                state.success = Some(Instant::now());
                state.error = None;
                state.skipped += listing.skipped;
                state.index = index.unwrap_or_default();
            }
            Err(error) => state.error = Some(error.line()),
        }
        state.seen
    }

    fn inspect(&self) -> SourceStatus {
        let state = self.state.lock();
        SourceStatus {
            service: self.name.to_string(),
            asked: state.base.to_string(),
            index: state.index,
            last_success: state.success.map(|success| success.elapsed()),
            last_error: state.error.clone(),
            skipped: state.skipped,
            requests: state.requests,
        }
    }
}
