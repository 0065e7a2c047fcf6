//! The clockwork of a sliding window: time as a ring of buckets, of which the oldest is cleared when a new one begins.
//!
//! Invariant: no lock is waited for. Two who count at the moment when a bucket ends may count in the one before.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Which bucket is written, and which are to be cleared. Whoever has it has the buckets.
#[derive(Debug)]
pub(crate) struct Ring {
    start: Instant,
    length: Duration,
    buckets: u64,
    /// The number of the bucket that is written, counted from `start`.
    last: AtomicU64,
    /// Held by whoever clears the buckets that time has passed over; nobody waits for it.
    clearing: Mutex<()>,
}

impl Ring {
    /// A ring of at least one bucket that spans `length`, all of whose buckets are empty.
    pub(crate) fn new(buckets: u32, length: Duration, now: Instant) -> Self {
        let buckets = u64::from(buckets.max(1));
        Self { start: now, length, buckets, last: AtomicU64::new(0), clearing: Mutex::new(()) }
    }

    /// How many buckets there are.
    pub(crate) const fn len(&self) -> usize {
        self.buckets as usize
    }

    /// Has those buckets cleared that time has passed over, and says which one is written now.
    pub(crate) fn advance(&self, now: Instant, mut clear: impl FnMut(usize)) -> usize {
        let elapsed = now.saturating_duration_since(self.start).as_nanos();
        let number = elapsed * u128::from(self.buckets) / self.length.as_nanos().max(1);
        let number = u64::try_from(number).unwrap_or(u64::MAX);
        if number > self.last.load(Relaxed)
            && let Some(_clearing) = self.clearing.try_lock()
        {
            let passed = number.saturating_sub(self.last.load(Relaxed)).min(self.buckets);
            for bucket in 0..passed {
                clear(self.index(number - bucket));
            }
            self.last.fetch_max(number, Relaxed);
        }
        self.index(self.last.load(Relaxed))
    }

    fn index(&self, number: u64) -> usize {
        (number % self.buckets) as usize
    }
}
