//! The retry breaker: stops retries of an endpoint whose retries keep failing (the SRE client-side throttle, as kratos
//! guards its retries).
//!
//! Touched by retries only, never by first attempts, so one mutex serves all workers.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The share of retries that must succeed: 0.8, as in kratos.
const SUCCESS: f64 = 0.8;
/// Retries in the window before it judges at all.
const MIN_REQUESTS: f64 = 10.0;
const BUCKETS: usize = 10;
const BUCKET: Duration = Duration::from_millis(300);

/// Counts the retries of the last 3 s and says whether one more may be made.
#[derive(Debug)]
pub(crate) struct RetryBreaker(Mutex<Window>);

#[derive(Debug)]
struct Window {
    start: Instant,
    /// The number of the bucket written last, counted from `start`.
    last: u64,
    buckets: [Bucket; BUCKETS],
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    accepted: u32,
    total: u32,
}

impl RetryBreaker {
    /// A breaker that has seen nothing.
    pub(crate) fn new(now: Instant) -> Self {
        Self(Mutex::new(Window { start: now, last: 0, buckets: Default::default() }))
    }

    /// Whether a retry may be made; `random` is uniform in 0 to 1.
    pub(crate) fn allows(&self, now: Instant, random: f64) -> bool {
        let mut window = self.0.lock();
        window.advance(now);
        let (accepted, total) = window.sums();
        let wanted = accepted / SUCCESS;
        if total < MIN_REQUESTS || total < wanted {
            return true;
        }
        random >= (total - wanted) / (total + 1.0)
    }

    /// Notes how a retry ended.
    pub(crate) fn note(&self, now: Instant, success: bool) {
        let mut window = self.0.lock();
        window.advance(now);
        let bucket = &mut window.current();
        bucket.total += 1;
        bucket.accepted += u32::from(success);
    }
}

impl Window {
    /// Clears the buckets that time has passed over.
    fn advance(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.start).as_nanos() / BUCKET.as_nanos();
        let bucket = u64::try_from(elapsed).unwrap_or(u64::MAX);
        let passed = bucket.saturating_sub(self.last).min(BUCKETS as u64);
        for step in 1..=passed {
            let index = index(bucket - passed + step);
            self.buckets[index] = Bucket::default();
        }
        self.last = self.last.max(bucket);
    }

    fn current(&mut self) -> &mut Bucket {
        let index = index(self.last);
        &mut self.buckets[index]
    }

    fn sums(&self) -> (f64, f64) {
        let sum = |field: fn(&Bucket) -> u32| f64::from(self.buckets.iter().map(field).sum::<u32>());
        (sum(|bucket| bucket.accepted), sum(|bucket| bucket.total))
    }
}

/// A bucket's place in the ring.
fn index(bucket: u64) -> usize {
    usize::try_from(bucket % BUCKETS as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failing_retries_are_stopped_and_time_forgets_them() {
        let now = Instant::now();
        let breaker = RetryBreaker::new(now);
        for _ in 0..9 {
            breaker.note(now, false);
        }
        assert!(breaker.allows(now, 0.0), "nine are too few to judge");
        breaker.note(now, false);
        assert!(!breaker.allows(now, 0.5), "ten failures of ten");
        assert!(breaker.allows(now, 0.95), "a few always pass: 10/11 are refused");
        assert!(!breaker.allows(now + Duration::from_millis(2_600), 0.5));
        assert!(breaker.allows(now + Duration::from_secs(3), 0.5), "the window is 3 s");
    }

    #[test]
    fn retries_that_mostly_succeed_go_on() {
        let now = Instant::now();
        let breaker = RetryBreaker::new(now);
        for index in 0..100 {
            breaker.note(now, index % 10 != 0);
        }
        assert!(breaker.allows(now, 0.0));
    }
}
