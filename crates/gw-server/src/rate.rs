//! The least rate of bytes: what a client moves is held against a window of time in which it was waited for.
//!
//! The stream counts bytes; the sweeper asks once per tick whether the client is waited for. Time in which it is not,
//! because the upstream is slow or nobody reads, does not count against it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::Limits;
use crate::ticks::{Stamp, millis};

/// The rate of one stream, or of one HTTP/1 connection. Only the sweeper calls [`sweep`](Self::sweep).
#[derive(Debug)]
pub(crate) struct Rate {
    /// Bytes per second; 0 asks for none.
    least: u64,
    window: Duration,
    moved: AtomicU64,
    /// Milliseconds of the window that have gone by.
    waited: AtomicU64,
    /// The last sweep; zero before the first.
    swept: AtomicU64,
}

impl Rate {
    pub(crate) fn of(limits: &Limits) -> Self {
        Self {
            least: limits.min_body_rate,
            window: limits.body_rate_window,
            moved: AtomicU64::new(0),
            waited: AtomicU64::new(0),
            swept: AtomicU64::new(0),
        }
    }

    /// The client moved so many bytes.
    pub(crate) fn add(&self, bytes: usize) {
        if self.least > 0 {
            self.moved.fetch_add(bytes as u64, Relaxed);
        }
    }

    /// Whether a window has ended in which the client moved too little.
    pub(crate) fn sweep(&self, waiting: bool, now: Stamp) -> bool {
        if self.least == 0 {
            return false;
        }
        let before = self.swept.swap(now, Relaxed);
        if !waiting || before == 0 {
            return false;
        }
        let waited = self.waited.load(Relaxed) + now.saturating_sub(before);
        if waited < millis(self.window) {
            self.waited.store(waited, Relaxed);
            return false;
        }
        self.waited.store(0, Relaxed);
        let moved = self.moved.swap(0, Relaxed);
        u128::from(moved) * 1000 < u128::from(self.least) * u128::from(waited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds at a rate of at least 100 bytes per second: what came in each, and whether the client was waited for.
    #[track_caller]
    fn check(seconds: impl IntoIterator<Item = (usize, bool)>, expect: Option<usize>) {
        let limits = Limits { min_body_rate: 100, ..Limits::default() };
        let rate = Rate::of(&limits);
        rate.sweep(true, 1);
        let cut = seconds.into_iter().zip(1..).find_map(|((bytes, waiting), second)| {
            rate.add(bytes);
            rate.sweep(waiting, second as u64 * 1000 + 1).then_some(second)
        });
        assert_eq!(cut, expect);
    }

    #[test]
    fn who_moves_too_little_is_cut_after_a_window() {
        check([(99, true); 30], Some(10));
        check([(100, true); 30], None);
        // A burst holds for its own window alone.
        check([(2000, true)].into_iter().chain([(99, true); 30]), Some(20));
    }

    #[test]
    fn only_time_in_which_the_client_is_waited_for_counts() {
        check([(0, false); 100], None);
        check([(0, true), (0, false)].repeat(50), Some(19));
        check([(200, true), (0, false), (0, true)].repeat(50), None);
    }

    #[test]
    fn without_a_least_rate_nobody_is_cut() {
        let rate = Rate::of(&Limits::default());
        assert!((0..100).all(|second| !rate.sweep(true, second * 1000 + 1)));
    }
}
