//! Time as a dependency: who needs it is given a clock, and a test can move that clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

/// Reads the time. Clones of a movable clock move together.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Nanoseconds ahead of the machine's clock.
    ahead: Option<Arc<AtomicU64>>,
}

impl Clock {
    /// The machine's clock.
    pub const fn system() -> Self {
        Self { ahead: None }
    }

    /// A clock that can be moved ahead of the machine's.
    pub fn movable() -> Self {
        Self { ahead: Some(Arc::default()) }
    }

    /// Moves a movable clock forward; the machine's does not obey.
    pub fn advance(&self, by: Duration) {
        if let Some(ahead) = &self.ahead {
            ahead.fetch_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX), Relaxed);
        }
    }

    /// The monotonic time.
    pub fn now(&self) -> Instant {
        Instant::now() + self.offset()
    }

    /// The wall-clock time, for logs only.
    pub fn wall(&self) -> SystemTime {
        SystemTime::now() + self.offset()
    }

    fn offset(&self) -> Duration {
        self.ahead.as_ref().map_or(Duration::ZERO, |ahead| Duration::from_nanos(ahead.load(Relaxed)))
    }
}
