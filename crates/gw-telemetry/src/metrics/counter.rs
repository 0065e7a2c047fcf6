//! Counters that other crates own: a family is a constant beside the code that counts, a handle is made when that code is
//! built, and the series is in the scrape for as long as a handle lives.
//!
//! Invariants: a family's name has one definition; label values are compared whole; a family has a bounded number of series.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;
use prometheus::proto::MetricFamily;

use super::families::Family;
use super::interned::Interned;
use super::shards::Shards;

/// How many series a family may have. Further ones share the one whose labels are all [`OVERFLOW`].
pub(super) const MAX_SERIES: usize = 10_000;
/// The label values of what is beyond the bound.
pub(super) const OVERFLOW: &str = "_OTHER";

/// What is counted. A constant in the crate that counts it; `docs/observability.md` has a row for it.
#[derive(Debug, PartialEq, Eq)]
pub struct CounterFamily {
    /// The name, by Prometheus' rules: `gateway_…_total`, with a base unit if it has one.
    pub name: &'static str,
    /// One sentence, with its full stop.
    pub help: &'static str,
    /// The names of the labels.
    pub labels: &'static [&'static str],
}

/// A series of a [`CounterFamily`], one shard per worker. Made by [`Metrics::counter`](crate::Metrics::counter).
pub struct Counter {
    labels: Box<[String]>,
    shards: Shards<AtomicU64>,
}

impl Counter {
    fn new(workers: usize, labels: Box<[String]>) -> Self {
        Self { labels, shards: Shards::new(workers, AtomicU64::default) }
    }

    /// Adds `n`: one relaxed addition in the worker's own cache line.
    pub fn add(&self, worker: usize, n: u64) {
        self.shards.of(worker).fetch_add(n, Relaxed);
    }

    /// The sum over all workers since the series began.
    pub fn value(&self) -> u64 {
        self.shards.iter().map(|shard| shard.load(Relaxed)).sum()
    }
}

impl std::fmt::Debug for Counter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counter").field("labels", &self.labels).field("value", &self.value()).finish()
    }
}

/// All counters of other crates. Its size is bounded by the number of constants in the program.
#[derive(Default)]
pub(super) struct Counters(Mutex<BTreeMap<&'static str, Entry>>);

struct Entry {
    family: &'static CounterFamily,
    series: Interned<Box<[String]>, Counter>,
}

impl Counters {
    /// The series of `labels`; one that no scrape shows if the family's name means something else already.
    pub(super) fn get(
        &self,
        workers: usize,
        family: &'static CounterFamily,
        labels: &[&str],
    ) -> Arc<Counter> {
        debug_assert_eq!(family.labels.len(), labels.len(), "labels of {}", family.name);
        let key = |label: &dyn Fn(usize) -> String| (0..family.labels.len()).map(label).collect::<Box<[_]>>();
        let labels = key(&|n| labels.get(n).copied().unwrap_or_default().to_owned());
        let make = |labels: &[String]| Counter::new(workers, labels.into());
        let mut families = self.0.lock();
        let entry =
            families.entry(family.name).or_insert_with(|| Entry { family, series: Interned::default() });
        if entry.family != family || Family::is_ours(family.name) {
            tracing::error!(name = family.name, "two definitions of one metric; this one is not shown");
            return Arc::new(make(&labels));
        }
        if let Some(series) = entry.series.get_within(MAX_SERIES, labels.clone(), || make(&labels)) {
            return series;
        }
        tracing::warn!(
            name = family.name,
            max = MAX_SERIES,
            "too many series of one metric; the rest is one"
        );
        let other = key(&|_| OVERFLOW.to_owned());
        entry.series.get(other.clone(), || make(&other))
    }

    /// The counts of a family by its label `endpoint`; none if nobody counts it.
    pub(super) fn by_endpoint(&self, name: &str) -> BTreeMap<String, u64> {
        let families = self.0.lock();
        let Some(entry) = families.get(name) else { return BTreeMap::new() };
        let label = entry.family.labels.iter().position(|label| *label == "endpoint");
        let mut counts = BTreeMap::new();
        for series in entry.series.living() {
            if let Some(endpoint) = label.and_then(|label| series.labels.get(label)) {
                *counts.entry(endpoint.clone()).or_insert(0) += series.value();
            }
        }
        counts
    }

    /// The families that have series.
    pub(super) fn collect(&self, families: &mut Vec<MetricFamily>) {
        for entry in self.0.lock().values() {
            let family = Family::counter(entry.family);
            let sample = |series: &Arc<Counter>| {
                let labels: Vec<&str> = series.labels.iter().map(String::as_str).collect();
                family.sample(&labels, series.value() as f64)
            };
            families.push(family.with(entry.series.living().iter().map(sample).collect()));
        }
    }
}
