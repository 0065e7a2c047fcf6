//! A duration histogram of relaxed atomics, and the sum of several at scrape.
//!
//! Invariant: the count is the sum of the buckets, so that a scrape in the middle of a record is consistent.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Upper bounds in seconds, inclusive, as OpenTelemetry's HTTP conventions advise; one more bucket takes the rest.
pub(crate) const BOUNDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

const BUCKETS: usize = BOUNDS.len() + 1;

/// In this order, so that most durations touch one cache line.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Histogram {
    nanoseconds: AtomicU64,
    buckets: [AtomicU64; BUCKETS],
}

impl Histogram {
    /// Adds a duration; what is no duration (negative, not a number) counts as 0.
    pub(crate) fn record(&self, seconds: f64) {
        let seconds = seconds.max(0.0);
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        self.buckets[bucket].fetch_add(1, Relaxed);
        // Whole nanoseconds need no compare-and-swap loop; the counter wraps after 584 years.
        self.nanoseconds.fetch_add((seconds * 1e9) as u64, Relaxed);
    }
}

/// The sum of histograms.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Merged {
    buckets: [u64; BUCKETS],
    nanoseconds: u64,
}

impl Merged {
    pub(crate) fn add(&mut self, histogram: &Histogram) {
        for (sum, bucket) in self.buckets.iter_mut().zip(&histogram.buckets) {
            *sum += bucket.load(Relaxed);
        }
        self.nanoseconds = self.nanoseconds.wrapping_add(histogram.nanoseconds.load(Relaxed));
    }

    /// Adds what another sum has.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (sum, bucket) in self.buckets.iter_mut().zip(&other.buckets) {
            *sum += bucket;
        }
        self.nanoseconds = self.nanoseconds.wrapping_add(other.nanoseconds);
    }

    /// How many durations there are.
    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// With fewer buckets, of which each bound is one of ours, in a unit of which `per_second` make a second.
    pub(crate) fn coarse(&self, bounds: &[f64], per_second: f64) -> prometheus::proto::Histogram {
        let cumulative = bounds.iter().map(|coarse| {
            let within = BOUNDS.iter().zip(&self.buckets).filter(|(bound, _)| *bound <= coarse);
            let mut bucket = prometheus::proto::Bucket::default();
            bucket.set_upper_bound(coarse * per_second);
            bucket.set_cumulative_count(within.map(|(_, count)| count).sum());
            bucket
        });
        let mut histogram = prometheus::proto::Histogram::default();
        histogram.set_bucket(cumulative.collect());
        histogram.set_sample_count(self.count());
        histogram.set_sample_sum(self.nanoseconds as f64 / 1e9 * per_second);
        histogram
    }

    pub(crate) fn to_proto(&self) -> prometheus::proto::Histogram {
        let mut seen = 0;
        let cumulative = BOUNDS.iter().zip(&self.buckets).map(|(bound, count)| {
            seen += count;
            let mut bucket = prometheus::proto::Bucket::default();
            bucket.set_upper_bound(*bound);
            bucket.set_cumulative_count(seen);
            bucket
        });
        let mut histogram = prometheus::proto::Histogram::default();
        histogram.set_bucket(cumulative.collect());
        histogram.set_sample_count(self.buckets.iter().sum());
        histogram.set_sample_sum(self.nanoseconds as f64 / 1e9);
        histogram
    }
}
