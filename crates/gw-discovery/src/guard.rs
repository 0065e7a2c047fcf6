//! Doubts an answer that would take a service away, and keeps its instances for a bounded time.
//!
//! - An error is never an empty list: it is passed on, and what is known stays.
//! - An answer after which a service would be gone, or most of a larger one, is confirmed by a
//!   [consistent](Consistency::Consistent) read before it counts, and what it still misses is held.
//! - What is held is marked ([`Instance::held`](crate::Instance::held)), present again once the source lists it, and
//!   gone after [`GuardOptions::hold`]. The source is asked once more before, and that it cannot confirm changes
//!   nothing. Only while its watch is in an outage nothing is given up: then it goes with the first answer.
//! - An instance that the source lists as unhealthy is gone at once: the source knows of it, and knows better.
//!
//! Differs from kratos, which ignores an emptied service for ever.

mod decide;
mod options;

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::{Either, select};
use futures_util::{StreamExt, stream};
use gw_core::{BoxFuture, Clock};
use tokio::time::{sleep, timeout};

use crate::backoff::Backoff;
use crate::{BoxStream, Consistency, Discovery, DiscoveryError, Snapshot, SourceStatus, supervised};
use decide::Believed;

pub use options::GuardOptions;

/// A source behind a guard. Each watch remembers what was known, and outlives the ends and panics of the source's.
///
/// A read asks the source itself: it tells what is, not what is held.
pub struct Guard {
    source: Arc<dyn Discovery>,
    options: GuardOptions,
    clock: Clock,
}

impl Guard {
    /// Guards `source`.
    pub fn new(source: Arc<dyn Discovery>, options: GuardOptions, clock: Clock) -> Self {
        Self { source, options, clock }
    }
}

impl Discovery for Guard {
    fn watch(&self, service: &str) -> BoxStream<'static, Result<Snapshot, DiscoveryError>> {
        let watching = Watching {
            answers: supervised::watch(Arc::clone(&self.source), service, Backoff::of(0, service)),
            source: Arc::clone(&self.source),
            service: service.to_owned(),
            options: self.options,
            clock: self.clock.clone(),
            known: Vec::new(),
            unhealthy: Arc::default(),
            told: None,
        };
        Box::pin(stream::unfold(watching, |mut watching| async {
            let item = watching.next().await?;
            Some((item, watching))
        }))
    }

    fn read<'a>(
        &'a self,
        service: &'a str,
        how: Consistency,
    ) -> BoxFuture<'a, Result<Snapshot, DiscoveryError>> {
        self.source.read(service, how)
    }

    fn inspect(&self) -> Vec<SourceStatus> {
        self.source.inspect()
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("options", &self.options).finish_non_exhaustive()
    }
}

struct Watching {
    answers: BoxStream<'static, Result<Snapshot, DiscoveryError>>,
    source: Arc<dyn Discovery>,
    service: String,
    options: GuardOptions,
    clock: Clock,
    known: Vec<Believed>,
    /// As the source has it.
    unhealthy: Arc<[String]>,
    /// What was told last; `None` at the beginning and in an outage.
    told: Option<Snapshot>,
}

enum Heard {
    Answer(Option<Result<Snapshot, DiscoveryError>>),
    /// Nothing until this moment, when the time of an instance is over.
    Nothing(Instant),
}

impl Watching {
    async fn next(&mut self) -> Option<Result<Snapshot, DiscoveryError>> {
        loop {
            match self.hear().await {
                Heard::Answer(None) => return None,
                Heard::Answer(Some(Err(error))) => {
                    self.told = None;
                    return Some(Err(error));
                }
                Heard::Answer(Some(Ok(listed))) => self.answered(listed).await,
                Heard::Nothing(now) => self.expired(now).await,
            }
            let instances = self.known.iter().map(|believed| believed.instance.clone()).collect();
            let snapshot = Snapshot { instances, unhealthy: Arc::clone(&self.unhealthy) };
            if self.told.as_ref() != Some(&snapshot) {
                self.told = Some(snapshot.clone());
                return Some(Ok(snapshot));
            }
        }
    }

    /// The next answer, or the end of a hold. In an outage no hold ends: nobody says that the instance is gone.
    async fn hear(&mut self) -> Heard {
        let over = self.known.iter().filter_map(|believed| believed.missed).min();
        let Some(over) = over.map(|missed| missed + self.options.hold).filter(|_| self.told.is_some()) else {
            return Heard::Answer(self.answers.next().await);
        };
        let left = over.saturating_duration_since(self.clock.now());
        match select(self.answers.next(), pin!(sleep(left))).await {
            Either::Left((answer, _)) => Heard::Answer(answer),
            // The timer may go by another clock than ours; what it waited for is over either way.
            Either::Right(_) => Heard::Nothing(over.max(self.clock.now())),
        }
    }

    async fn answered(&mut self, mut listed: Snapshot) {
        if self.options.is_doubtful(&self.known, &listed) {
            let known = self.known.len();
            tracing::warn!(
                service = self.service,
                known,
                listed = listed.instances.len(),
                "a doubtful answer"
            );
            if let Some(confirmed) = self.confirm().await {
                listed = confirmed;
            }
        }
        self.believe(&listed, self.clock.now());
    }

    /// An answer, if there is one, is believed as any other; else time alone decides.
    async fn expired(&mut self, now: Instant) {
        match self.confirm().await {
            Some(listed) => self.believe(&listed, now),
            None => self.known = self.options.expire(&self.known, now),
        }
    }

    fn believe(&mut self, listed: &Snapshot, now: Instant) {
        self.known = self.options.decide(&self.known, listed, now);
        self.unhealthy = Arc::clone(&listed.unhealthy);
    }

    async fn confirm(&mut self) -> Option<Snapshot> {
        let read = self.source.read(&self.service, Consistency::Consistent);
        match timeout(self.options.confirm_timeout, read).await {
            Ok(Ok(listed)) => Some(listed),
            Ok(Err(error)) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(service = self.service, error, "the source cannot confirm its answer");
                None
            }
            Err(_) => {
                tracing::warn!(service = self.service, "the source does not confirm its answer in time");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
