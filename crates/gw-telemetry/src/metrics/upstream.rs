//! The series of an endpoint's attempts at its upstream.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use gw_core::Outcome;

use super::cells::Cells;
use super::histogram::Merged;
use super::labels::OutcomeLabel;
use super::shards::Shards;

/// How a request fared for which another attempt was wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryResult {
    /// The further attempt gave the answer.
    Success,
    /// The further attempt failed too.
    Failure,
    /// The retry breaker held the further attempt back.
    Breaker,
}

impl RetryResult {
    pub(super) const ALL: [Self; 3] = [Self::Success, Self::Failure, Self::Breaker];

    /// The word in the `result` label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Breaker => "breaker",
        }
    }
}

/// The metric series of an endpoint's attempts, one shard per worker. Made by
/// [`Metrics::upstream`](crate::Metrics::upstream).
pub struct UpstreamSeries {
    pub(super) endpoint: Arc<str>,
    shards: Shards<Shard>,
}

#[derive(Default)]
struct Shard {
    durations: Cells<OutcomeLabel>,
    retries: [AtomicU64; RetryResult::ALL.len()],
}

impl UpstreamSeries {
    pub(super) fn new(workers: usize, endpoint: Arc<str>) -> Self {
        Self { endpoint, shards: Shards::new(workers, Shard::default) }
    }

    /// Records an attempt that ended after `seconds`. Allocates only when the outcome is new on this worker.
    pub fn record_attempt(&self, worker: usize, outcome: Outcome, seconds: f64) {
        self.shards.of(worker).durations.get(OutcomeLabel::of(outcome)).record(seconds);
    }

    /// Counts a wish for another attempt.
    pub fn record_retry(&self, worker: usize, result: RetryResult) {
        self.shards.of(worker).retries[result as usize].fetch_add(1, Relaxed);
    }

    pub(super) fn durations(&self) -> BTreeMap<OutcomeLabel, Merged> {
        let mut merged: BTreeMap<OutcomeLabel, Merged> = BTreeMap::new();
        for (key, histogram) in self.shards.iter().flat_map(|shard| shard.durations.iter()) {
            merged.entry(key).or_default().add(histogram);
        }
        merged
    }

    pub(super) fn retries(&self, result: RetryResult) -> u64 {
        self.shards.iter().map(|shard| shard.retries[result as usize].load(Relaxed)).sum()
    }
}

impl std::fmt::Debug for UpstreamSeries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpstreamSeries").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
