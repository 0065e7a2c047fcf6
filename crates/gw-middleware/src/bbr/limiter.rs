//! How many requests may be in flight while the CPU is overloaded: aegis' BBR, which is named after TCP's.
//!
//! Invariant: no lock is waited for, and a calm gateway reads no window.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::ring::Ring;

/// The parts of the window. Only those that are over are looked at.
const BUCKETS: u32 = 100;
/// How long after the first refusal the limit holds although the CPU is calm again.
const COOL_DOWN: Duration = Duration::from_secs(1);
/// No refusal is remembered.
const NEVER: u64 = u64::MAX;

/// What has been in flight, and what is.
#[derive(Debug)]
pub(super) struct Limiter {
    start: Instant,
    window: Duration,
    in_flight: AtomicI64,
    /// When requests were first refused since the gateway was last calm, in nanoseconds from `start`.
    refused: AtomicU64,
    ring: Ring,
    buckets: Box<[Bucket]>,
}

/// What ended in one part of the window.
#[derive(Debug, Default)]
struct Bucket {
    requests: AtomicU64,
    /// The sum of their times.
    micros: AtomicU64,
}

impl Limiter {
    /// A limiter that has seen nothing.
    pub(super) fn new(window: Duration, now: Instant) -> Self {
        Self {
            start: now,
            window,
            in_flight: AtomicI64::new(0),
            refused: AtomicU64::new(NEVER),
            ring: Ring::new(BUCKETS, window, now),
            buckets: (0..BUCKETS).map(|_| Bucket::default()).collect(),
        }
    }

    /// Whether a request may begin; then [`end`](Self::end) is to be called.
    pub(super) fn begin(&self, overloaded: bool, now: impl FnOnce() -> Instant) -> bool {
        let cooling = self.refused.load(Relaxed) != NEVER;
        if (overloaded || cooling) && self.refuses(overloaded, now()) {
            return false;
        }
        self.in_flight.fetch_add(1, Relaxed);
        true
    }

    /// Notes a request's end.
    pub(super) fn end(&self, began: Instant, now: Instant) {
        let micros = now.saturating_duration_since(began).as_micros();
        let bucket = &self.buckets[self.advance(now)];
        bucket.requests.fetch_add(1, Relaxed);
        bucket.micros.fetch_add(u64::try_from(micros).unwrap_or(u64::MAX), Relaxed);
        self.in_flight.fetch_sub(1, Relaxed);
    }

    fn refuses(&self, overloaded: bool, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.start);
        let elapsed = u64::try_from(elapsed.as_nanos()).unwrap_or(NEVER - 1);
        let refused = self.refused.load(Relaxed);
        if !overloaded && u128::from(elapsed.saturating_sub(refused)) > COOL_DOWN.as_nanos() {
            self.refused.store(NEVER, Relaxed);
            return false;
        }
        let in_flight = self.in_flight.load(Relaxed);
        let refuses = in_flight > 1 && in_flight > self.max_in_flight(now);
        if refuses && overloaded && refused == NEVER {
            self.refused.store(elapsed, Relaxed);
        }
        refuses
    }

    /// The most requests that ended in one part of the window, per second, by the least mean time of one part, in
    /// whole milliseconds; both at least 1.
    pub(super) fn max_in_flight(&self, now: Instant) -> i64 {
        let current = self.advance(now);
        let (mut most, mut least) = (1, u64::MAX);
        for (index, bucket) in self.buckets.iter().enumerate() {
            let requests = bucket.requests.load(Relaxed);
            if index == current || requests == 0 {
                continue;
            }
            most = most.max(requests);
            least = least.min(bucket.micros.load(Relaxed).div_ceil(requests).div_ceil(1000));
        }
        let least = if least == u64::MAX { 1 } else { least.max(1) };
        let per_second = most as f64 * f64::from(BUCKETS) / self.window.as_secs_f64();
        (per_second * least as f64 / 1000.0) as i64
    }

    fn advance(&self, now: Instant) -> usize {
        self.ring.advance(now, |bucket| {
            self.buckets[bucket].requests.store(0, Relaxed);
            self.buckets[bucket].micros.store(0, Relaxed);
        })
    }
}
