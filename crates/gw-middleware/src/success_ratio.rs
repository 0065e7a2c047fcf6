//! The breaker of the SRE book ("Handling Overload", client-side throttling): refuses the more, the fewer of the last
//! seconds' requests succeeded. It has no half-open state: a few requests always pass, and find out.
//!
//! Invariants: no lock is waited for, a request costs two additions; what was refused here is not counted, since it says
//! nothing of the upstream (differs from kratos, where a breaker's own refusals keep it shut for longer).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

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

/// The successes and the requests of the last while, in a ring of buckets.
///
/// Two requests at the moment when a bucket ends may be counted in the one before; the sums are of whole buckets anyway.
#[derive(Debug)]
pub(crate) struct Window {
    start: Instant,
    length: Duration,
    /// The number of the bucket that is written, counted from `start`.
    last: AtomicU64,
    /// Held by whoever clears the buckets that time has passed over; nobody waits for it.
    clearing: Mutex<()>,
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
        let buckets = (0..buckets.max(1)).map(|_| AtomicU64::default()).collect();
        Self {
            start: now,
            length,
            last: AtomicU64::new(0),
            clearing: Mutex::new(()),
            sum: AtomicU64::new(0),
            buckets,
        }
    }

    /// Whether it has these buckets.
    fn is_shaped(&self, ratio: SuccessRatio) -> bool {
        self.buckets.len() == ratio.bucket.max(1) as usize && self.length == ratio.window
    }

    fn note(&self, now: Instant, success: bool) {
        self.advance(now);
        let one = if success { SUCCESS } else { FAILURE };
        // The sum first: it is never less than what is taken from it again.
        self.sum.fetch_add(one, Relaxed);
        self.bucket(self.last.load(Relaxed)).fetch_add(one, Relaxed);
    }

    /// Successes and requests.
    fn sums(&self, now: Instant) -> (u32, u32) {
        self.advance(now);
        let sum = self.sum.load(Relaxed);
        // The two halves.
        ((sum >> 32) as u32, sum as u32)
    }

    /// Clears the buckets that time has passed over.
    fn advance(&self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.start).as_nanos();
        let number = elapsed * self.buckets.len() as u128 / self.length.as_nanos().max(1);
        let number = u64::try_from(number).unwrap_or(u64::MAX);
        if number <= self.last.load(Relaxed) {
            return;
        }
        let Some(_clearing) = self.clearing.try_lock() else { return };
        let last = self.last.load(Relaxed);
        let passed = number.saturating_sub(last).min(self.buckets.len() as u64);
        for bucket in 0..passed {
            let forgotten = self.bucket(number - bucket).swap(0, Relaxed);
            self.sum.fetch_sub(forgotten, Relaxed);
        }
        self.last.fetch_max(number, Relaxed);
    }

    fn bucket(&self, number: u64) -> &AtomicU64 {
        let index = number % self.buckets.len() as u64;
        &self.buckets[usize::try_from(index).unwrap_or_default()]
    }
}

/// The windows of one middleware, kept across reloads: one for each shape that is in use.
#[derive(Debug, Default)]
pub(crate) struct Windows(Mutex<Vec<std::sync::Weak<Window>>>);

impl Windows {
    /// The window of this shape, an empty one if nobody holds one. Other shares and thresholds judge the same window.
    pub(crate) fn get(&self, ratio: SuccessRatio, now: Instant) -> Arc<Window> {
        let mut windows = self.0.lock();
        windows.retain(|window| window.strong_count() > 0);
        let kept = windows.iter().filter_map(std::sync::Weak::upgrade);
        if let Some(window) = kept.into_iter().find(|window| window.is_shaped(ratio)) {
            return window;
        }
        let window = Arc::new(Window::new(ratio.bucket, ratio.window, now));
        windows.push(Arc::downgrade(&window));
        window
    }
}

#[cfg(test)]
mod tests;
