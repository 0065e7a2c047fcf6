//! The life of a watch: a question that Consul holds until something changes, and the next one.
//!
//! - After any failure the next question is not held and names no index: what happened meanwhile is told at once,
//!   also by a Consul that counts from the beginning again, and at the next address.
//! - An index that goes back is forgotten; it is 1 at least (Consul, "Blocking Queries").
//! - Only a list that differs from the last one is told, whatever the index says.

use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;
use futures_util::stream;
use tokio::time::{Instant, sleep};

use super::entry::Listing;
use super::pace::Retry;
use super::state::Service;
use super::{ConsulError, Inner, Question};
use crate::{Consistency, DiscoveryError, Snapshot};

/// Follows a service, for ever.
pub(super) fn follow(
    consul: Arc<Inner>,
    service: Arc<Service>,
    retry: Retry,
) -> impl Stream<Item = Result<Snapshot, DiscoveryError>> + Send {
    let follower = Follower {
        consul,
        service,
        retry,
        address: 0,
        index: 0,
        wait: Duration::ZERO,
        last: None,
        failing: false,
    };
    stream::unfold(follower, |mut follower| async {
        let item = follower.next().await;
        Some((item, follower))
    })
}

struct Follower {
    consul: Arc<Inner>,
    service: Arc<Service>,
    retry: Retry,
    /// Counts up; the address is this one modulo their number.
    address: usize,
    /// What is known; 0: to be asked for without being held.
    index: u64,
    /// Before the next question.
    wait: Duration,
    last: Option<Snapshot>,
    /// Whether a failure has been told since the last snapshot.
    failing: bool,
}

impl Follower {
    /// Asks until there is something to tell.
    async fn next(&mut self) -> Result<Snapshot, DiscoveryError> {
        loop {
            if !self.wait.is_zero() {
                sleep(self.wait).await;
            }
            let question = Question {
                address: self.address,
                passing: true,
                how: Consistency::Default,
                index: (self.index > 0).then_some(self.index),
            };
            let item = match self.consul.ask(&self.service, question).await {
                Ok(heard) => self.heard(heard.listing, heard.index, heard.seen),
                Err(error) => self.failed(error).map(Err),
            };
            if let Some(item) = item {
                return item;
            }
        }
    }

    fn heard(
        &mut self,
        listing: Listing,
        index: Option<u64>,
        seen: bool,
    ) -> Option<Result<Snapshot, DiscoveryError>> {
        self.retry.reset();
        self.wait = Duration::ZERO;
        self.index = match index {
            Some(index) if index.max(1) >= self.index => index.max(1),
            _ => 0,
        };
        if !seen {
            let service = self.service.name.to_string();
            let first = !std::mem::replace(&mut self.failing, true);
            return first.then_some(Err(DiscoveryError::NotFound { service }));
        }
        let recovered = std::mem::take(&mut self.failing);
        if recovered {
            tracing::info!(service = %self.service.name, "Consul tells again");
        }
        if !recovered && self.last.as_ref() == Some(&listing.snapshot) {
            return None;
        }
        self.last = Some(listing.snapshot.clone());
        Some(Ok(listing.snapshot))
    }

    /// The first failure in a row that a quick retry does not cure is told, the others only delay.
    fn failed(&mut self, error: ConsulError) -> Option<DiscoveryError> {
        self.index = 0;
        self.address = self.address.wrapping_add(1);
        let (wait, told) = self.retry.failed(error.is_absence(), Instant::now());
        self.wait = wait;
        tracing::debug!(service = %self.service.name, error = error.line(), ?wait, "Consul does not tell");
        let first = told && !std::mem::replace(&mut self.failing, true);
        first.then(|| DiscoveryError::Unavailable {
            service: self.service.name.to_string(),
            source: error.into(),
        })
    }
}
