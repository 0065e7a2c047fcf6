//! The series of one route: durations, bytes and what is in flight.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use gw_core::{EndpointInfo, Outcome};
use http::Method;
use parking_lot::Mutex;

use super::cells::Cells;
use super::histogram::Merged;
use super::labels::{MethodLabel, OutcomeLabel, ProtocolLabel, StatusLabel};
use super::shards::Shards;

/// A request that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Finished<'a> {
    /// Its method; what is not registered counts as `_OTHER`.
    pub method: &'a Method,
    /// The status of the answer, if one was begun.
    pub status: Option<u16>,
    /// What became of it.
    pub outcome: Outcome,
    /// The version of HTTP: `1.0`, `1.1`, `2` or `3`.
    pub protocol: &'static str,
    /// From its head to the end of its answer, in seconds.
    pub seconds: f64,
    /// Bytes of its body.
    pub request_bytes: u64,
    /// Bytes of the answer's body.
    pub response_bytes: u64,
}

/// The metric series of a route, one shard per worker. Made by [`Metrics::route`](crate::Metrics::route).
pub struct RouteSeries {
    pub(super) route: Arc<str>,
    pub(super) endpoint: Arc<str>,
    info: Mutex<Option<Arc<EndpointInfo>>>,
    shards: Shards<Shard>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) method: MethodLabel,
    pub(super) status: StatusLabel,
    pub(super) outcome: OutcomeLabel,
    pub(super) protocol: ProtocolLabel,
}

/// In this order, so that a request touches one cache line or two, a GET one.
#[derive(Default)]
#[repr(C)]
struct Shard {
    in_flight: AtomicI64,
    /// By method, so that clients who play with methods do not lengthen each other's lists.
    methods: [OfMethod; MethodLabel::COUNT],
}

#[derive(Default)]
struct OfMethod {
    durations: Cells<Key>,
    request_bytes: AtomicU64,
    response_bytes: AtomicU64,
}

impl RouteSeries {
    pub(super) fn new(workers: usize, route: Arc<str>, endpoint: Arc<str>) -> Self {
        Self { route, endpoint, info: Mutex::default(), shards: Shards::new(workers, Shard::default) }
    }

    /// Counts a request as in flight until the guard is dropped, on whichever thread.
    #[must_use]
    pub fn begin(self: &Arc<Self>, worker: usize) -> InFlight {
        self.enter(worker);
        InFlight { series: Arc::clone(self), worker }
    }

    /// Counts a request as in flight until [`leave`](Self::leave): for who is a guard itself, and holds the series anyway.
    pub fn enter(&self, worker: usize) {
        self.shards.of(worker).in_flight.fetch_add(1, Relaxed);
    }

    /// Counts a request as no longer in flight.
    pub fn leave(&self, worker: usize) {
        self.shards.of(worker).in_flight.fetch_sub(1, Relaxed);
    }

    /// Records a request that has ended. Allocates only when its combination of labels is new on this worker.
    pub fn record(&self, worker: usize, finished: &Finished<'_>) {
        let key = Key {
            method: MethodLabel::of(finished.method),
            status: StatusLabel::of(finished.status),
            outcome: OutcomeLabel::of(finished.outcome),
            protocol: ProtocolLabel::of(finished.protocol),
        };
        let cells = &self.shards.of(worker).methods[key.method.index()];
        cells.durations.get(key).record(finished.seconds);
        // Most requests have no body.
        if finished.request_bytes > 0 {
            cells.request_bytes.fetch_add(finished.request_bytes, Relaxed);
        }
        cells.response_bytes.fetch_add(finished.response_bytes, Relaxed);
    }

    pub(super) fn durations(&self) -> BTreeMap<Key, Merged> {
        let mut merged: BTreeMap<Key, Merged> = BTreeMap::new();
        let methods = self.shards.iter().flat_map(|shard| &shard.methods);
        for (key, histogram) in methods.flat_map(|method| method.durations.iter()) {
            merged.entry(key).or_default().add(histogram);
        }
        merged
    }

    /// Never below zero: a scrape may see the end of a request on one shard and miss its begin on another.
    pub(super) fn in_flight(&self) -> i64 {
        self.shards.iter().map(|shard| shard.in_flight.load(Relaxed)).sum::<i64>().max(0)
    }

    pub(super) fn request_bytes(&self) -> u64 {
        MethodLabel::all().map(|method| self.bytes(method).0).sum()
    }

    pub(super) fn response_bytes(&self) -> u64 {
        MethodLabel::all().map(|method| self.bytes(method).1).sum()
    }

    /// Bytes of the requests of a method and of their answers.
    pub(super) fn bytes(&self, method: MethodLabel) -> (u64, u64) {
        let cells = self.shards.iter().map(|shard| &shard.methods[method.index()]);
        cells.fold((0, 0), |(up, down), cell| {
            (up + cell.request_bytes.load(Relaxed), down + cell.response_bytes.load(Relaxed))
        })
    }

    /// Says whose route it is, for names of metrics that have more of it. Called at each reload.
    pub fn describe(&self, endpoint: &Arc<EndpointInfo>) {
        *self.info.lock() = Some(Arc::clone(endpoint));
    }

    pub(super) fn info(&self) -> Option<Arc<EndpointInfo>> {
        self.info.lock().clone()
    }
}

impl std::fmt::Debug for RouteSeries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RouteSeries")
            .field("route", &self.route)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// A request in flight; its drop is the end.
#[derive(Debug)]
pub struct InFlight {
    series: Arc<RouteSeries>,
    worker: usize,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.series.leave(self.worker);
    }
}
