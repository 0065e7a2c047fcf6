//! A coarse clock per worker: the sweeper reads the time once per tick, everybody else reads an atomic.
//!
//! A stamp is up to one tick early, so [`Ticks::expired`] adds a tick: a timeout is never cut short.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Milliseconds since the worker's start, plus one: never zero, so that zero can mean "not running".
pub(crate) type Stamp = u64;

/// The coarsest tick. Timeouts of seconds need no better.
const LONGEST: Duration = Duration::from_secs(1);
/// The finest tick; a sweep of thousands of connections must stay cheap against it.
const SHORTEST: Duration = Duration::from_millis(5);

/// The coarse clock. It stands still between two [`advance`](Self::advance).
#[derive(Debug)]
pub(crate) struct Ticks {
    epoch: Instant,
    now: AtomicU64,
    tick: AtomicU64,
}

impl Ticks {
    /// A clock that starts now. Must be made where a tokio clock runs.
    pub(crate) fn new() -> Self {
        Self { epoch: Instant::now(), now: AtomicU64::new(1), tick: AtomicU64::new(millis(LONGEST)) }
    }

    /// The coarse time.
    pub(crate) fn now(&self) -> Stamp {
        self.now.load(Ordering::Relaxed)
    }

    /// Moves the clock to the real time.
    pub(crate) fn advance(&self) -> Stamp {
        let now = millis(self.epoch.elapsed()) + 1;
        self.now.store(now, Ordering::Relaxed);
        now
    }

    /// The time between two ticks.
    pub(crate) fn tick(&self) -> Duration {
        Duration::from_millis(self.tick.load(Ordering::Relaxed))
    }

    /// Chooses a tick that resolves timeouts down to `shortest`.
    pub(crate) fn resolve(&self, shortest: Duration) {
        self.tick.store(millis((shortest / 4).clamp(SHORTEST, LONGEST)), Ordering::Relaxed);
    }

    /// Whether `timeout` has passed between `since` and `now`. A stamp of zero never expires.
    pub(crate) fn expired(&self, since: Stamp, timeout: Duration, now: Stamp) -> bool {
        since != 0 && now.saturating_sub(since) > millis(timeout) + self.tick.load(Ordering::Relaxed)
    }
}

/// Whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_timeout_is_never_cut_short() {
        let ticks = Ticks::new();
        ticks.resolve(Duration::from_millis(400));
        assert_eq!(ticks.tick(), Duration::from_millis(100));
        tokio::time::advance(Duration::from_millis(99)).await;
        // The stamp is 99 ms early: the clock has not ticked yet.
        let since = ticks.now();
        tokio::time::advance(Duration::from_millis(400)).await;
        assert!(!ticks.expired(since, Duration::from_millis(400), ticks.advance()));
        tokio::time::advance(Duration::from_millis(102)).await;
        assert!(ticks.expired(since, Duration::from_millis(400), ticks.advance()));
        assert!(!ticks.expired(0, Duration::ZERO, ticks.now()));
    }
}
