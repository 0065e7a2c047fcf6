//! The life of a watch: ask, wait for the TTL or after a failure, ask again; tell only what changed.
//!
//! Knows neither sockets nor names: how to ask is passed in.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_core::Stream;
use futures_util::stream;
use tokio::time::sleep;

use super::resolve::{Failure, Found};
use super::{LONGEST, SHORTEST};
use crate::backoff::Backoff;
use crate::{DiscoveryError, Instance, Snapshot};

/// The instances at these addresses.
pub(super) fn snapshot(service: &str, port: u16, addresses: impl IntoIterator<Item = IpAddr>) -> Snapshot {
    let instance = |ip| Instance::at(service, SocketAddr::new(ip, port));
    addresses.into_iter().map(instance).collect::<Vec<_>>().into()
}

/// Follows what `ask` answers, for ever.
pub(super) fn follow<F, A>(
    service: String,
    port: u16,
    ask: F,
    backoff: Backoff,
) -> impl Stream<Item = Result<Snapshot, DiscoveryError>> + Send
where
    F: Fn() -> A + Send,
    A: Future<Output = Result<Found, Failure>> + Send,
{
    let follower =
        Follower { service, port, ask, backoff, wait: Duration::ZERO, last: Vec::new(), failing: false };
    stream::unfold(follower, |mut follower| async {
        let item = follower.next().await;
        Some((item, follower))
    })
}

struct Follower<F> {
    service: String,
    port: u16,
    ask: F,
    backoff: Backoff,
    /// Before the next question.
    wait: Duration,
    /// The last good answer; empty = none yet.
    last: Vec<IpAddr>,
    /// Whether the last question failed.
    failing: bool,
}

impl<F, A> Follower<F>
where
    F: Fn() -> A,
    A: Future<Output = Result<Found, Failure>>,
{
    /// Asks until there is something to tell.
    async fn next(&mut self) -> Result<Snapshot, DiscoveryError> {
        loop {
            sleep(self.wait).await;
            let item = match (self.ask)().await {
                Ok(found) => self.found(&found).map(Ok),
                Err(failure) => self.failed(failure).map(Err),
            };
            if let Some(item) = item {
                return item;
            }
        }
    }

    fn found(&mut self, found: &Found) -> Option<Snapshot> {
        self.wait = found.ttl.clamp(SHORTEST, LONGEST);
        self.backoff.reset();
        let recovered = std::mem::take(&mut self.failing);
        let addresses = found.addresses(&self.last);
        if addresses == self.last && !recovered {
            return None;
        }
        self.last = addresses;
        Some(snapshot(&self.service, self.port, self.last.iter().copied()))
    }

    /// The first failure in a row is told, the others only delay.
    fn failed(&mut self, failure: Failure) -> Option<DiscoveryError> {
        self.wait = self.backoff.wait();
        let first = !std::mem::replace(&mut self.failing, true);
        first.then(|| failure.of(&self.service))
    }
}

#[cfg(test)]
mod tests;
