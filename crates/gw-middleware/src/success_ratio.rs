//! The breaker of the SRE book ("Handling Overload", client-side throttling): refuses the more, the fewer of the last
//! seconds' requests succeeded. It has no half-open state: a few requests always pass, and find out.
//!
//! Invariants: no lock is waited for, a request costs two additions; what was refused here is not counted, since it says
//! nothing of the upstream (differs from kratos, where a breaker's own refusals keep it shut for longer).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::ring::Ring;

/// When a breaker refuses, and how far back it looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SuccessRatio {
    /// The share of requests that must succeed, above 0 and up to 1.
    pub success: f64,
    /// How many requests the window must hold before it is judged.
    pub request: u32,
    /// The parts of the window: one at a time is forgotten. From 1.
    pub bucket: u32,
    /// How far back it looks. At least a millisecond for each bucket.
    pub window: Duration,
}

impl Default for SuccessRatio {
    /// 0.6 of at least 100 requests in 3 s, in 10 buckets: the defaults of kratos.
    fn default() -> Self {
        Self { success: 0.6, request: 100, bucket: 10, window: Duration::from_secs(3) }
    }
}

/// Counts successes and says whether a request may pass.
#[derive(Debug)]
pub struct SuccessRatioBreaker {
    success: f64,
    request: u32,
    window: Arc<Window>,
}

impl SuccessRatioBreaker {
    /// A breaker that has seen nothing.
    pub fn new(ratio: SuccessRatio, now: Instant) -> Self {
        Self::over(ratio, Arc::new(Window::new(ratio.bucket, ratio.window, now)))
    }

    /// A breaker that judges what a window holds already.
    pub(crate) fn over(ratio: SuccessRatio, window: Arc<Window>) -> Self {
        Self { success: ratio.success, request: ratio.request, window }
    }

    /// Whether a request may pass. `random` is uniform in 0 to 1, and asked for only if it is needed.
    pub fn allows(&self, now: Instant, random: impl FnOnce() -> f64) -> bool {
        let refused = self.refused_share(now);
        refused <= 0.0 || random() >= refused
    }

    /// The share of requests that is refused now, 0 to less than 1: with `k = 1 / success`,
    /// `(total - k × successes) / (total + 1)`.
    pub fn refused_share(&self, now: Instant) -> f64 {
        let (accepted, total) = self.window.sums(now);
        if total < self.request {
            return 0.0;
        }
        let (total, wanted) = (f64::from(total), f64::from(accepted) / self.success);
        ((total - wanted) / (total + 1.0)).max(0.0)
    }

    /// Notes how a request that passed ended.
    pub fn note(&self, now: Instant, success: bool) {
        self.window.note(now, success);
    }
}

/// The successes and the requests of the last while.
#[derive(Debug)]
pub(crate) struct Window {
    ring: Ring,
    /// Requests in the lower half, successes in the upper.
    sum: AtomicU64,
    buckets: Box<[AtomicU64]>,
}

/// One request that failed, and one that succeeded.
const FAILURE: u64 = 1;
const SUCCESS: u64 = 1 | 1 << 32;

impl Window {
    /// An empty window of `length` in so many buckets.
    pub(crate) fn new(buckets: u32, length: Duration, now: Instant) -> Self {
        let ring = Ring::new(buckets, length, now);
        let buckets = (0..ring.len()).map(|_| AtomicU64::default()).collect();
        Self { ring, sum: AtomicU64::new(0), buckets }
    }

    fn note(&self, now: Instant, success: bool) {
        let bucket = self.advance(now);
        let one = if success { SUCCESS } else { FAILURE };
        // The sum first: it is never less than what is taken from it again.
        self.sum.fetch_add(one, Relaxed);
        self.buckets[bucket].fetch_add(one, Relaxed);
    }

    /// Successes and requests.
    fn sums(&self, now: Instant) -> (u32, u32) {
        self.advance(now);
        let sum = self.sum.load(Relaxed);
        // The two halves.
        ((sum >> 32) as u32, sum as u32)
    }

    fn advance(&self, now: Instant) -> usize {
        self.ring.advance(now, |bucket| {
            let forgotten = self.buckets[bucket].swap(0, Relaxed);
            self.sum.fetch_sub(forgotten, Relaxed);
        })
    }
}

#[cfg(test)]
mod tests;
