//! The series of an endpoint's attempts at its upstream.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use gw_core::{EndpointInfo, Outcome};
use http::Method;
use parking_lot::Mutex;

use super::cells::Cells;
use super::histogram::Merged;
use super::labels::{MethodLabel, OutcomeLabel, StatusLabel};
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
    info: Mutex<Option<Arc<EndpointInfo>>>,
    shards: Shards<Shard>,
}

/// In this order, so that an attempt that is not repeated touches one cache line.
#[derive(Default)]
#[repr(C)]
struct Shard {
    /// By method, so that clients who play with methods do not lengthen each other's lists.
    durations: [Cells<(StatusLabel, OutcomeLabel)>; MethodLabel::COUNT],
    retries: [[AtomicU64; RetryResult::ALL.len()]; MethodLabel::COUNT],
}

impl UpstreamSeries {
    pub(super) fn new(workers: usize, endpoint: Arc<str>) -> Self {
        Self { endpoint, info: Mutex::default(), shards: Shards::new(workers, Shard::default) }
    }

    /// Records an attempt that ended after `seconds`. `status` is the answer's, if one came. Allocates only
    /// when the combination is new on this worker.
    pub fn record_attempt(
        &self,
        worker: usize,
        method: &Method,
        status: Option<u16>,
        outcome: Outcome,
        seconds: f64,
    ) {
        let key = (StatusLabel::of(status), OutcomeLabel::of(outcome));
        self.shards.of(worker).durations[MethodLabel::of(method).index()].get(key).record(seconds);
    }

    /// Counts a wish for another attempt.
    pub fn record_retry(&self, worker: usize, method: &Method, result: RetryResult) {
        self.shards.of(worker).retries[MethodLabel::of(method).index()][result as usize]
            .fetch_add(1, Relaxed);
    }

    /// Says whose attempts they are, for names of metrics that have more of it. Called at each reload.
    pub fn describe(&self, endpoint: &Arc<EndpointInfo>) {
        *self.info.lock() = Some(Arc::clone(endpoint));
    }

    pub(super) fn info(&self) -> Option<Arc<EndpointInfo>> {
        self.info.lock().clone()
    }

    /// The durations by method, status and outcome.
    pub(super) fn attempts(&self) -> BTreeMap<(MethodLabel, StatusLabel, OutcomeLabel), Merged> {
        let mut merged: BTreeMap<_, Merged> = BTreeMap::new();
        for shard in self.shards.iter() {
            for (method, cells) in MethodLabel::all().zip(&shard.durations) {
                for ((status, outcome), histogram) in cells.iter() {
                    merged.entry((method, status, outcome)).or_default().add(histogram);
                }
            }
        }
        merged
    }

    pub(super) fn durations(&self) -> BTreeMap<OutcomeLabel, Merged> {
        let mut merged: BTreeMap<OutcomeLabel, Merged> = BTreeMap::new();
        for ((_, _, outcome), sum) in self.attempts() {
            merged.entry(outcome).or_default().merge(&sum);
        }
        merged
    }

    pub(super) fn retries(&self, result: RetryResult) -> u64 {
        MethodLabel::all().map(|method| self.retries_of(method, result)).sum()
    }

    pub(super) fn retries_of(&self, method: MethodLabel, result: RetryResult) -> u64 {
        let counters = self.shards.iter().map(|shard| &shard.retries[method.index()][result as usize]);
        counters.map(|counter| counter.load(Relaxed)).sum()
    }
}

impl std::fmt::Debug for UpstreamSeries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpstreamSeries").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
