//! Instances that somebody else sets: a configuration, a program that embeds the gateway, a test.
//!
//! A service that was never set is unknown; one that was set to nothing has no instances.

use std::collections::HashMap;

use futures_util::stream;
use gw_core::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{BoxStream, Consistency, Discovery, DiscoveryError, Instance, Snapshot};

/// A source of instances by hand. Its size is that of what is set and watched; nothing is forgotten.
#[derive(Debug, Default)]
pub struct Static {
    services: Mutex<HashMap<String, watch::Sender<Option<Snapshot>>>>,
}

impl Static {
    /// A source that knows no service.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the instances of a service; watches hear of it if they differ.
    pub fn set(&self, service: &str, instances: Vec<Instance>) {
        let snapshot = Some(Snapshot::from(instances));
        self.with(service, |sender| sender.send_replace(snapshot));
    }

    fn with<T>(&self, service: &str, what: impl FnOnce(&watch::Sender<Option<Snapshot>>) -> T) -> T {
        let mut services = self.services.lock();
        what(services.entry(service.to_owned()).or_insert_with(|| watch::Sender::new(None)))
    }
}

impl Discovery for Static {
    fn watch(&self, service: &str) -> BoxStream<'static, Result<Snapshot, DiscoveryError>> {
        let mut receiver = self.with(service, watch::Sender::subscribe);
        receiver.mark_changed();
        let watching = Watching { service: service.to_owned(), receiver, last: None };
        Box::pin(stream::unfold(watching, |mut watching| async {
            let item = watching.next().await;
            Some((item, watching))
        }))
    }

    fn read<'a>(
        &'a self,
        service: &'a str,
        _: Consistency,
    ) -> BoxFuture<'a, Result<Snapshot, DiscoveryError>> {
        let known = self.services.lock().get(service).and_then(|sender| sender.borrow().clone());
        let answer = known.ok_or_else(|| DiscoveryError::NotFound { service: service.to_owned() });
        Box::pin(std::future::ready(answer))
    }
}

struct Watching {
    service: String,
    receiver: watch::Receiver<Option<Snapshot>>,
    last: Option<Snapshot>,
}

impl Watching {
    async fn next(&mut self) -> Result<Snapshot, DiscoveryError> {
        loop {
            if self.receiver.changed().await.is_err() {
                // The source is gone: what it said last stays in force.
                return std::future::pending().await;
            }
            let current = self.receiver.borrow_and_update().clone();
            match current {
                // Changes that cancel out between two polls are none.
                Some(snapshot) if self.last.as_ref() != Some(&snapshot) => {
                    self.last = Some(snapshot.clone());
                    return Ok(snapshot);
                }
                Some(_) => {}
                // Only at the beginning: what was set once stays known.
                None => return Err(DiscoveryError::NotFound { service: self.service.clone() }),
            }
        }
    }
}

#[cfg(test)]
mod tests;
