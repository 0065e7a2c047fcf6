//! Simulated traffic: each node answers after its own latency, and the clock stands still in between.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Instant;

use gw_core::Outcome;

use super::*;
use crate::testing::{Sequence, node};
use crate::{Node, Picked, Policy, Selector};

const MS: Duration = Duration::from_millis(1);

/// What a node does, by the number of the request that it gets.
type Behaviour = fn(u64) -> (Duration, Outcome);

/// An answer on its way: when, the number of the request, how.
type Due = Reverse<(Instant, usize)>;

struct Traffic {
    selector: Arc<dyn Selector>,
    nodes: Vec<Arc<Node>>,
    behaviours: Vec<Behaviour>,
    random: Sequence,
    now: Instant,
    counts: Vec<u64>,
    due: BinaryHeap<Due>,
    open: Vec<Option<(Picked, Outcome)>>,
}

impl Traffic {
    fn new(behaviours: &[Behaviour]) -> Self {
        let nodes: Vec<_> = (0..behaviours.len()).map(|n| node(&format!("n{n}:1"), 100, 0)).collect();
        let selector = Policy::P2c.build();
        selector.apply(&nodes);
        Self {
            selector,
            counts: vec![0; nodes.len()],
            nodes,
            behaviours: behaviours.to_vec(),
            random: Sequence::new(5),
            now: Instant::now(),
            due: BinaryHeap::new(),
            open: Vec::new(),
        }
    }

    /// Sends a request every `gap` for a while and returns the share of each node in them.
    fn run(&mut self, time: Duration, gap: Duration) -> Vec<f64> {
        let before = self.counts.clone();
        let end = self.now + time;
        while self.now < end {
            self.answer();
            self.send();
            self.now += gap;
        }
        let sent: Vec<_> = self.counts.iter().zip(&before).map(|(after, before)| after - before).collect();
        let total: u64 = sent.iter().sum();
        sent.iter().map(|sent| *sent as f64 / total as f64).collect()
    }

    fn send(&mut self) {
        let picked = self.selector.select(&Pick::new(self.now, self.random.next_u64())).unwrap();
        let index = self.nodes.iter().position(|node| Arc::ptr_eq(node, picked.node())).unwrap();
        let (latency, outcome) = self.behaviours[index](self.counts[index]);
        self.counts[index] += 1;
        self.due.push(Reverse((self.now + latency, self.open.len())));
        self.open.push(Some((picked, outcome)));
    }

    fn answer(&mut self) {
        while self.due.peek().is_some_and(|Reverse((at, _))| *at <= self.now) {
            let Reverse((at, number)) = self.due.pop().unwrap();
            let (mut picked, outcome) = self.open[number].take().unwrap();
            picked.respond(at, outcome);
        }
    }
}

fn good(_: u64) -> (Duration, Outcome) {
    (10 * MS, Outcome::Ok)
}

fn slow(_: u64) -> (Duration, Outcome) {
    (200 * MS, Outcome::Ok)
}

fn broken(_: u64) -> (Duration, Outcome) {
    (MS / 10, Outcome::UpstreamStatus)
}

#[test]
fn a_slow_node_gets_little() {
    for gap in [MS, 5 * MS, 50 * MS] {
        let mut traffic = Traffic::new(&[good, good, slow]);
        traffic.run(Duration::from_secs(3), gap);
        let shares = traffic.run(Duration::from_secs(30), gap);
        assert!(shares[2] < 0.05, "a request every {gap:?}: {shares:?}");
        assert!((shares[0] - shares[1]).abs() < 0.1, "a request every {gap:?}: {shares:?}");
    }
}

#[test]
fn a_node_that_fails_at_once_is_not_taken_for_a_fast_one() {
    for gap in [MS, 5 * MS, 50 * MS] {
        let shares = Traffic::new(&[good, broken, good]).run(Duration::from_secs(30), gap);
        assert!(shares[1] < 0.05, "a request every {gap:?}: {shares:?}");
    }
}

#[test]
fn a_node_that_fails_every_third_time_gets_less() {
    fn shaky(n: u64) -> (Duration, Outcome) {
        if n.is_multiple_of(3) { (10 * MS, Outcome::UpstreamReset) } else { good(n) }
    }
    let shares = Traffic::new(&[good, shaky]).run(Duration::from_secs(30), 2 * MS);
    assert!(shares[1] < 0.4, "{shares:?}");
}

#[test]
fn clients_that_go_away_hurt_nobody() {
    fn abandoned(n: u64) -> (Duration, Outcome) {
        if n.is_multiple_of(2) { (10 * MS, Outcome::ClientClosed) } else { good(n) }
    }
    let shares = Traffic::new(&[good, abandoned]).run(Duration::from_secs(30), 2 * MS);
    assert!((shares[1] - 0.5).abs() < 0.05, "{shares:?}");
}

#[test]
fn nodes_that_are_all_broken_share_the_load() {
    let shares = Traffic::new(&[broken, broken, broken]).run(Duration::from_secs(30), 2 * MS);
    assert!(shares.iter().all(|share| (share - 1.0 / 3.0).abs() < 0.1), "{shares:?}");
}

#[test]
fn less_than_a_millisecond_makes_no_difference() {
    fn near(_: u64) -> (Duration, Outcome) {
        (MS / 10, Outcome::Ok)
    }
    fn next_rack(_: u64) -> (Duration, Outcome) {
        (MS / 5, Outcome::Ok)
    }
    let shares = Traffic::new(&[near, next_rack]).run(Duration::from_secs(30), 2 * MS);
    assert!((shares[1] - 0.5).abs() < 0.05, "{shares:?}");
}

#[test]
fn a_recovered_node_is_found_again() {
    let mut traffic = Traffic::new(&[good, broken]);
    let shares = traffic.run(Duration::from_secs(30), 10 * MS);
    assert!(shares[1] < 0.05, "{shares:?}");
    traffic.behaviours[1] = good;
    traffic.run(Duration::from_secs(8), 10 * MS);
    let shares = traffic.run(Duration::from_secs(30), 10 * MS);
    assert!(shares[1] > 0.4, "{shares:?}");
}

#[test]
fn a_new_node_is_used_soon_and_not_stampeded() {
    let mut traffic = Traffic::new(&[good, good, good]);
    traffic.run(Duration::from_secs(5), MS);
    let new = node("new:1", 100, 0);
    traffic.nodes.push(new);
    traffic.behaviours.push(slow);
    traffic.counts.push(0);
    traffic.selector.apply(&traffic.nodes);
    // Before its first answer, it is known by its load only.
    let shares = traffic.run(150 * MS, MS);
    assert!(traffic.counts[3] > 0, "it was not used in 150 requests");
    assert!(shares[3] < 0.4, "an equal share is 0.25: {shares:?}");
}

#[test]
fn a_hanging_node_holds_few_requests() {
    fn hanging(_: u64) -> (Duration, Outcome) {
        (Duration::from_secs(3600), Outcome::UpstreamTimeout)
    }
    let mut traffic = Traffic::new(&[good, good, hanging]);
    traffic.run(Duration::from_secs(10), MS);
    let held = traffic.nodes[2].stats().in_flight();
    assert!(held < 30, "{held} requests of 10000 hang");
}

#[test]
fn one_request_at_a_time_probes_a_node() {
    let nodes = [node("a:1", 100, 0), node("b:1", 100, 0)];
    let selector = Policy::P2c.build();
    selector.apply(&nodes);
    let start = Instant::now();
    nodes[0].stats().succeeded(start, MS);
    nodes[1].stats().begin(start);
    nodes[1].stats().succeeded(start, 1000 * MS);
    nodes[1].stats().end();
    let mut random = Sequence::new(1);
    let mut picks = |now: Instant, count: usize| -> Vec<Picked> {
        let picked = (0..count).filter_map(|_| selector.select(&Pick::new(now, random.next_u64())));
        picked.filter(|picked| Arc::ptr_eq(picked.node(), &nodes[1])).collect()
    };
    assert_eq!(picks(start + PROBE_AFTER, 20).len(), 0, "not idle for long enough");
    let probe = picks(start + PROBE_AFTER + MS, 20);
    assert_eq!(probe.len(), 1, "one probe");
    assert_eq!(picks(start + PROBE_AFTER * 3, 20).len(), 0, "the probe is still on its way");
    drop(probe);
    let mut probe = picks(start + PROBE_AFTER * 5, 20);
    assert_eq!(probe.len(), 1, "dropped without an answer, the next may go");
    probe[0].respond(start + PROBE_AFTER * 6, Outcome::UpstreamStatus);
    assert_eq!(picks(start + PROBE_AFTER * 7, 20).len(), 1, "it was answered, though its body is still open");
}

#[test]
fn the_worst_success_is_no_matter_of_degree() {
    assert!(cost(None, 1.0, 0.0).is_finite());
    assert!(cost(None, 1.0, 0.0) <= cost(None, 1.0, 1e-9), "a trace of success is none");
    assert!(cost(None, 1.0, 0.02) < cost(None, 1.0, 0.0));
}
