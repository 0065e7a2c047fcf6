//! What is measured of a node: load, peak-sensitive latency, success. Only atomics, written by all workers.
//!
//! Averages decay with the time between two reports, not with their number: after [`TAU`] an old value has lost
//! 63 % of its weight, whatever the rate of requests.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

/// The time constant of the averages. Source: kratos selector/node/ewma.
const TAU: Duration = Duration::from_millis(600);

/// The statistics of one node. They never block; each is exact, but two are not read at the same moment.
#[derive(Debug, Default)]
pub struct NodeStats(CachePadded<Cells>);

/// A cache line of its own per node, so that two nodes do not disturb each other.
///
/// Relaxed ordering everywhere: each cell is a measure for itself, and none guards other memory.
#[derive(Debug)]
struct Cells {
    in_flight: AtomicU64,
    /// Latency and success in one word, so that a report changes both or none.
    average: AtomicU64,
    /// When the last report came, in ticks; 0 = none yet.
    reported: AtomicU64,
    /// When the node was picked last, in ticks; 0 = never.
    picked: AtomicU64,
    probing: AtomicBool,
    /// The first moment anybody reported: where ticks count from.
    origin: OnceLock<Instant>,
}

impl Default for Cells {
    fn default() -> Self {
        Self {
            in_flight: AtomicU64::new(0),
            average: AtomicU64::new(Average { latency: 0.0, success: 1.0 }.pack()),
            reported: AtomicU64::new(0),
            picked: AtomicU64::new(0),
            probing: AtomicBool::new(false),
            origin: OnceLock::new(),
        }
    }
}

/// Both averages as `f32`: seven digits are far more than a choice needs.
#[derive(Clone, Copy)]
struct Average {
    /// Nanoseconds; 0 = not measured yet.
    latency: f32,
    /// 0..=1.
    success: f32,
}

impl Average {
    fn pack(self) -> u64 {
        u64::from(self.latency.to_bits()) << 32 | u64::from(self.success.to_bits())
    }

    fn unpack(word: u64) -> Self {
        let latency = f32::from_bits((word >> 32) as u32);
        let success = f32::from_bits(word as u32);
        Self { latency, success }
    }
}

/// The statistics of a node at one moment, for people.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NodeSnapshot {
    /// Requests picked and not yet dropped.
    pub in_flight: u64,
    /// The average time until the response head, quick to rise and slow to fall; `None` = not measured yet.
    pub latency: Option<Duration>,
    /// The average share of attempts that did not hurt the node, 0..=1. Starts at 1.
    pub success: f64,
}

impl NodeStats {
    /// Requests picked and not yet dropped, bodies and tunnels included.
    pub fn in_flight(&self) -> u64 {
        self.0.in_flight.load(Ordering::Relaxed)
    }

    /// All of it, for inspection.
    pub fn snapshot(&self) -> NodeSnapshot {
        let average = self.average();
        NodeSnapshot {
            in_flight: self.in_flight(),
            latency: (average.latency > 0.0).then(|| Duration::from_nanos(average.latency as u64)),
            success: f64::from(average.success),
        }
    }

    /// The average latency in nanoseconds, if measured, and the average success, 0..=1.
    pub(crate) fn averages(&self) -> (Option<f64>, f64) {
        let Average { latency, success } = self.average();
        ((latency > 0.0).then_some(f64::from(latency)), f64::from(success))
    }

    /// Whether it was last picked more than `gap` before `now`, or never.
    pub(crate) fn is_idle(&self, now: Instant, gap: Duration) -> bool {
        let picked = self.0.picked.load(Ordering::Relaxed);
        picked == 0 || self.ticks(now).saturating_sub(picked) > nanoseconds(gap)
    }

    /// Takes the right to probe the node, which one request at a time holds.
    pub(crate) fn start_probe(&self) -> bool {
        !self.0.probing.swap(true, Ordering::Relaxed)
    }

    pub(crate) fn end_probe(&self) {
        self.0.probing.store(false, Ordering::Relaxed);
    }

    pub(crate) fn begin(&self, now: Instant) {
        self.0.in_flight.fetch_add(1, Ordering::Relaxed);
        self.0.picked.store(self.ticks(now), Ordering::Relaxed);
    }

    pub(crate) fn end(&self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// A good answer. Its latency counts in full if it is a new peak, else as much as time has passed.
    pub(crate) fn succeeded(&self, now: Instant, latency: Duration) {
        let sample = (nanoseconds(latency) as f32).max(1.0);
        self.report(now, |old, keep| Average {
            latency: if sample > old.latency { sample } else { mix(old.latency, sample, keep) },
            success: mix(old.success, 1.0, keep),
        });
    }

    /// A failure. It may raise the latency but never lowers it: a node that fails at once is not a fast one.
    pub(crate) fn failed(&self, now: Instant, latency: Option<Duration>) {
        let sample = latency.map_or(0.0, |latency| nanoseconds(latency) as f32);
        self.report(now, |old, keep| Average {
            latency: if old.latency > 0.0 { old.latency.max(sample) } else { 0.0 },
            success: mix(old.success, 0.0, keep),
        });
    }

    /// Applies a report; `change` gets the old averages and the weight that they keep, 0..=1.
    fn report(&self, now: Instant, change: impl Fn(Average, f32) -> Average) {
        let ticks = self.ticks(now);
        // Of two reports at once, either sees the other's time, so the weights multiply to that of the whole span.
        let before = self.0.reported.fetch_max(ticks, Ordering::Relaxed);
        let keep = match before {
            0 => 0.0,
            _ => (-(ticks.saturating_sub(before) as f32) / TAU.as_nanos() as f32).exp(),
        };
        let average = &self.0.average;
        let mut word = average.load(Ordering::Relaxed);
        loop {
            let next = change(Average::unpack(word), keep).pack();
            match average.compare_exchange_weak(word, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => break,
                Err(newer) => word = newer,
            }
        }
    }

    fn average(&self) -> Average {
        Average::unpack(self.0.average.load(Ordering::Relaxed))
    }

    /// Nanoseconds since the first moment known here, counted from 1.
    fn ticks(&self, now: Instant) -> u64 {
        let origin = *self.0.origin.get_or_init(|| now);
        nanoseconds(now.saturating_duration_since(origin)).saturating_add(1)
    }
}

fn mix(old: f32, sample: f32, keep: f32) -> f32 {
    old * keep + sample * (1.0 - keep)
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
