//! How much a guard doubts, and for how long.

use std::time::Duration;

/// The options of a [`Guard`](crate::Guard).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GuardOptions {
    /// How large a share of the known instances may vanish at once and be believed, 0..=1. Default 0.5. With 1, only
    /// an emptied service is doubted.
    ///
    /// Newcomers make up for as many that vanish, so that a service which is replaced as a whole follows at once.
    pub max_drop_ratio: f64,
    /// From how many known instances the ratio counts, ≥ 1. Default 4: of two instances, one may always go.
    pub min_instances: usize,
    /// How long an instance that vanished in a doubtful way is kept, counted from when it was first missed.
    /// Range 0 s..=1 h, default 5 min; 0 keeps nothing, but still asks again before it believes.
    pub hold: Duration,
    /// How long the source may take to confirm. Range 100 ms..=1 min, default 5 s. What is known stays in use
    /// meanwhile.
    pub confirm_timeout: Duration,
}

impl Default for GuardOptions {
    fn default() -> Self {
        Self {
            max_drop_ratio: 0.5,
            min_instances: 4,
            hold: Duration::from_secs(300),
            confirm_timeout: Duration::from_secs(5),
        }
    }
}
