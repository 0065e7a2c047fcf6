//! One pick: what the caller wants, and the node it got.

use std::sync::Arc;
use std::time::Instant;

use gw_core::{NodeFilter, Outcome};

use crate::Node;

/// What a pick depends on besides the nodes.
#[derive(Clone, Copy)]
pub struct Pick<'a> {
    /// What `hash` hashes: equal keys get the same node. `None` = a random node. It need not be well mixed.
    pub key: Option<u64>,
    /// The address of the node that is wanted, e.g. from a session cookie; it is taken if it is eligible.
    pub stick: Option<&'a str>,
    /// The addresses tried before in this request.
    pub tried: &'a [Arc<str>],
    /// All of them must accept a node.
    pub filters: &'a [NodeFilter],
    /// The time of the pick; the latency is counted from here.
    pub now: Instant,
    /// A uniformly random number, a new one for each pick.
    pub random: u64,
}

impl Pick<'_> {
    /// A first attempt without wishes.
    pub const fn new(now: Instant, random: u64) -> Self {
        Self { key: None, stick: None, tried: &[], filters: &[], now, random }
    }
}

impl std::fmt::Debug for Pick<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pick")
            .field("key", &self.key)
            .field("stick", &self.stick)
            .field("tried", &self.tried)
            .field("filters", &self.filters.len())
            .finish_non_exhaustive()
    }
}

/// A picked node. It counts as in flight until this is dropped: at the end of the response body or tunnel.
///
/// Differs from kratos: there a `DoneFunc` must be called, and each forgotten call raises the node's load for ever.
#[derive(Debug)]
pub struct Picked {
    node: Arc<Node>,
    started: Instant,
    probe: bool,
    responded: bool,
}

impl Picked {
    /// Counts a request on `node` from `now` on; `probe` says that it holds the node's probe, which ends with it.
    pub(crate) fn new(node: Arc<Node>, now: Instant, probe: bool) -> Self {
        node.stats().begin(now);
        Self { node, started: now, probe, responded: false }
    }

    /// The node.
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Reports the response head, or the failure that came instead of it.
    ///
    /// `Ok` counts for the node and outcomes that [hurt nodes](gw_core::Facts::hurts_node) against it; report a 5xx
    /// answer as [`Outcome::UpstreamStatus`]. All others are neutral: they say nothing about the node. Only the
    /// first report is a measure of latency; a later one counts if it is a failure (the body broke off).
    ///
    /// Differs from kratos: there a client that goes away counts against the node, and a 5xx answer does not.
    pub fn respond(&mut self, now: Instant, outcome: Outcome) {
        let first = !std::mem::replace(&mut self.responded, true);
        if outcome == Outcome::Ok {
            if first {
                self.node.stats().succeeded(now, now.saturating_duration_since(self.started));
            }
        } else if outcome.facts().hurts_node {
            let latency = first.then(|| now.saturating_duration_since(self.started));
            self.node.stats().failed(now, latency);
        }
        self.end_probe();
    }

    fn end_probe(&mut self) {
        if std::mem::take(&mut self.probe) {
            self.node.stats().end_probe();
        }
    }
}

impl Drop for Picked {
    fn drop(&mut self) {
        self.end_probe();
        self.node.stats().end();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::node;

    const MS: Duration = Duration::from_millis(1);

    /// The latency in milliseconds and the success after these reports, each 10 ms after the one before.
    fn after(reports: &[Outcome]) -> (Option<u128>, f64) {
        let node = node("a:1", 100, 0);
        let mut now = Instant::now();
        let mut picked = Picked::new(Arc::clone(&node), now, false);
        for outcome in reports {
            now += 10 * MS;
            picked.respond(now, *outcome);
        }
        let seen = node.stats().snapshot();
        (seen.latency.map(|latency| latency.as_millis()), seen.success)
    }

    #[test]
    fn each_outcome_counts_as_its_facts_say() {
        for outcome in Outcome::ALL {
            let expect = match outcome {
                Outcome::Ok => (Some(10), 1.0),
                other if other.facts().hurts_node => (None, 0.0),
                _ => (None, 1.0),
            };
            assert_eq!(after(&[*outcome]), expect, "{outcome}");
        }
    }

    #[test]
    fn the_first_report_is_the_only_measure_of_latency() {
        assert_eq!(after(&[Outcome::Ok, Outcome::Ok]), (Some(10), 1.0));
        assert_eq!(after(&[Outcome::ClientClosed, Outcome::Ok]), (None, 1.0));
    }

    #[test]
    fn a_body_that_breaks_off_is_a_failure_of_its_own() {
        let (latency, success) = after(&[Outcome::Ok, Outcome::UpstreamReset]);
        assert_eq!(latency, Some(10));
        assert!(success < 0.99, "{success}");
        assert_eq!(after(&[Outcome::Ok, Outcome::ClientClosed]), (Some(10), 1.0));
    }

    #[test]
    fn dropped_without_a_report_it_is_neutral() {
        let node = node("a:1", 100, 0);
        let picked = Picked::new(Arc::clone(&node), Instant::now(), false);
        assert_eq!(node.stats().in_flight(), 1);
        drop(picked);
        let seen = node.stats().snapshot();
        assert_eq!((seen.in_flight, seen.latency, seen.success), (0, None, 1.0));
    }

    #[test]
    fn a_report_from_before_the_pick_is_no_time_at_all() {
        let node = node("a:1", 100, 0);
        let now = Instant::now();
        Picked::new(Arc::clone(&node), now + MS, false).respond(now, Outcome::Ok);
        assert_eq!(node.stats().snapshot().latency, Some(Duration::from_nanos(1)));
    }
}
