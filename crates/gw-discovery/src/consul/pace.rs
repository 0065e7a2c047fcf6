//! How often Consul is asked: a limit for each service, and the waits after failures.
//!
//! Knows neither clocks nor Consul: the time is passed in.

use std::time::Duration;

use tokio::time::Instant;

use crate::random::Random;

/// A token bucket: `burst` requests at once, then one per `interval`. It keeps a blocking query that returns at once
/// from spinning, and adds nothing to one that is held.
#[derive(Debug)]
pub(super) struct Bucket {
    burst: u32,
    interval: Duration,
    /// When the bucket is full again.
    full: Instant,
}

impl Bucket {
    /// A full one.
    pub(super) const fn new(burst: u32, interval: Duration, now: Instant) -> Self {
        Self { burst, interval, full: now }
    }

    /// Takes one; the caller has to wait for this long before it uses it.
    pub(super) fn take(&mut self, now: Instant) -> Duration {
        self.full = self.full.max(now) + self.interval;
        self.full.saturating_duration_since(now).saturating_sub(self.interval * self.burst)
    }
}

/// The waits of a watch after failures in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waits {
    /// The first retry comes after at most this, without a word: a restarted agent or one bad address of several is
    /// no outage.
    pub(super) quick: Duration,
    /// The wait after the quick retries, which doubles.
    pub(super) first: Duration,
    /// The longest wait for a while, so that a short outage is over soon after it is over.
    pub(super) calm: Duration,
    /// For how long that is.
    pub(super) calm_for: Duration,
    /// The longest wait after that.
    pub(super) last: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            quick: Duration::from_millis(250),
            first: Duration::from_secs(1),
            calm: Duration::from_secs(3),
            calm_for: Duration::from_secs(120),
            last: Duration::from_secs(60),
        }
    }
}

/// Where a watch stands in its waits.
#[derive(Debug)]
pub(super) struct Retry {
    waits: Waits,
    /// How many failures in a row are retried quickly.
    quick: usize,
    failures: usize,
    next: Duration,
    /// When failures of this kind began, and whether their kind is that nobody was there.
    since: Option<(Instant, bool)>,
    random: Random,
}

impl Retry {
    /// Before any failure. Equal seeds give equal waits.
    pub(super) const fn new(waits: Waits, quick: usize, seed: u64) -> Self {
        Self { waits, quick, failures: 0, next: waits.first, since: None, random: Random::new(seed) }
    }

    /// Back to the beginning, after a success.
    pub(super) const fn reset(&mut self) {
        self.failures = 0;
        self.since = None;
    }

    /// One more failure: how long to wait, and whether it was more than one to be retried quickly. With `absent`,
    /// nobody was there: to try that again soon costs Consul nothing, so the wait stays short.
    pub(super) fn failed(&mut self, absent: bool, now: Instant) -> (Duration, bool) {
        self.failures += 1;
        if self.failures <= self.quick {
            return (self.waits.quick.mul_f64(self.random.next()), false);
        }
        let since = match self.since {
            Some((since, kind)) if kind == absent => since,
            _ => {
                self.since = Some((now, absent));
                self.next = self.waits.first;
                now
            }
        };
        let calm = absent || now.saturating_duration_since(since) < self.waits.calm_for;
        let wait = self.next.min(if calm { self.waits.calm } else { self.waits.last });
        self.next = wait * 2;
        (self.random.around(wait), true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_bucket_gives_its_burst_and_then_one_per_interval() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, SECOND, start);
        let waits: Vec<_> = (0..13).map(|_| bucket.take(start).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3]);
        // Whoever waits as told finds the next one a second later.
        assert_eq!(bucket.take(start + 3 * SECOND), SECOND);
        // It fills up again, but not beyond its burst.
        let later = start + 3600 * SECOND;
        let waits: Vec<_> = (0..11).map(|_| bucket.take(later).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn held_queries_never_wait_for_the_bucket() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, SECOND, start);
        for n in 0..1000 {
            assert_eq!(bucket.take(start + n * SECOND), Duration::ZERO);
        }
    }

    /// The waits of failures one after another, in whole seconds of their middle.
    fn play(retry: &mut Retry, absent: bool, start: Instant, count: usize) -> Vec<(f64, bool)> {
        let mut now = start;
        let wait = |_| {
            let (wait, told) = retry.failed(absent, now);
            now += wait;
            (wait.as_secs_f64(), told)
        };
        (0..count).map(wait).collect()
    }

    #[track_caller]
    fn check(waits: &[(f64, bool)], bases: &[f64]) {
        for ((wait, told), base) in waits.iter().zip(bases) {
            assert!((base * 0.75..=base * 1.25).contains(wait) && *told, "{wait} for {base}");
        }
    }

    #[test]
    fn a_short_outage_is_over_within_five_seconds_and_a_long_one_backs_off() {
        for seed in 0..50 {
            let mut retry = Retry::new(Waits::default(), 1, seed << 20);
            let waits = play(&mut retry, false, Instant::now(), 120);
            assert!(waits[0].0 <= 0.25 && !waits[0].1);
            check(&waits[1..6], &[1.0, 2.0, 3.0, 3.0, 3.0]);
            let mut elapsed = 0.0;
            for (wait, _) in &waits {
                assert!(elapsed >= 120.0 || *wait < 4.0, "{wait} s after {elapsed} s");
                elapsed += wait;
            }
            check(&waits[119..], &[60.0]);
            retry.reset();
            assert!(!retry.failed(false, Instant::now()).1);
        }
    }

    #[test]
    fn an_absent_server_is_looked_for_every_few_seconds() {
        let mut retry = Retry::new(Waits::default(), 1, 7);
        let start = Instant::now();
        assert!(play(&mut retry, true, start, 500).iter().all(|(wait, _)| *wait < 4.0));
        // Once it is there and has no leader yet, that is a new failure.
        let later = start + Duration::from_secs(3600);
        check(&play(&mut retry, false, later, 3), &[1.0, 2.0, 3.0]);
    }

    #[test]
    fn gateways_do_not_wait_in_step() {
        let wait = |seed: u64| Retry::new(Waits::default(), 0, seed << 20).failed(false, Instant::now()).0;
        let waits: std::collections::BTreeSet<_> = (1..100).map(wait).collect();
        assert!(waits.len() > 90, "{} different waits of 99", waits.len());
    }
}
