//! How long to wait after failures in a row: 1 s, doubled each time, at most 30 s, each 25 % more or less.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use crate::random::Random;

const FIRST: Duration = Duration::from_secs(1);
const LAST: Duration = Duration::from_secs(30);

/// The waits after failures, with jitter out of a seed.
#[derive(Debug)]
pub(crate) struct Backoff {
    random: Random,
    next: Duration,
}

impl Backoff {
    /// At the beginning. Equal seeds give equal waits.
    pub(crate) const fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), next: FIRST }
    }

    /// At the beginning, for one of many services: they must not wait in step either.
    pub(crate) fn of(seed: u64, service: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (seed, service).hash(&mut hasher);
        Self::new(hasher.finish())
    }

    /// Back to the beginning, after a success.
    pub(crate) const fn reset(&mut self) {
        self.next = FIRST;
    }

    /// The wait after one more failure.
    pub(crate) fn wait(&mut self) -> Duration {
        let wait = self.random.around(self.next);
        self.next = (self.next * 2).min(LAST);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_half_a_minute() {
        for seed in 0..100 {
            let mut backoff = Backoff::new(seed);
            for base in [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0] {
                let wait = backoff.wait().as_secs_f64();
                assert!((base * 0.75..base * 1.25).contains(&wait), "seed {seed}: {wait} s for {base} s");
            }
            backoff.reset();
            assert!(backoff.wait() <= FIRST.mul_f64(1.25));
        }
    }

    #[test]
    fn gateways_do_not_wait_in_step() {
        let waits: std::collections::BTreeSet<_> =
            (1..100).map(|seed| Backoff::new(seed << 20).wait()).collect();
        assert!(waits.len() > 90, "{} different waits of 99", waits.len());
    }
}
