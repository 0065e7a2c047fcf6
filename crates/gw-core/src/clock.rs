//! Time as a dependency: the real clock, or one that a test moves.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;

/// Reads the time. Cheap to clone; clones of a manual clock move together.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<Manual>>);

#[derive(Debug)]
struct Manual {
    origin: (Instant, SystemTime),
    elapsed: Mutex<Duration>,
}

impl Clock {
    /// The machine's clock.
    pub const fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still until [`advance`](Self::advance) moves it.
    pub fn manual() -> Self {
        let origin = (Instant::now(), SystemTime::now());
        Self(Some(Arc::new(Manual { origin, elapsed: Mutex::default() })))
    }

    /// The monotonic time.
    pub fn now(&self) -> Instant {
        match &self.0 {
            None => Instant::now(),
            Some(manual) => manual.origin.0 + *manual.elapsed.lock(),
        }
    }

    /// The wall-clock time, for logs only.
    pub fn wall(&self) -> SystemTime {
        match &self.0 {
            None => SystemTime::now(),
            Some(manual) => manual.origin.1 + *manual.elapsed.lock(),
        }
    }

    /// Moves a manual clock forward; the system clock does not obey.
    pub fn advance(&self, by: Duration) {
        if let Some(manual) = &self.0 {
            *manual.elapsed.lock() += by;
        }
    }
}
