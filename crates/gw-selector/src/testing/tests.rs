//! Every policy keeps the contract; and the shares of each, against what its weights say.

use std::collections::VecDeque;

use super::*;
use crate::Policy;

#[test]
fn p2c() {
    contract(|| Policy::P2c.build());
}

#[test]
fn wrr() {
    contract(|| Policy::WeightedRoundRobin.build());
}

#[test]
fn random() {
    contract(|| Policy::Random.build());
}

#[test]
fn round_robin() {
    contract(|| Policy::RoundRobin.build());
}

#[test]
fn least_request() {
    contract(|| Policy::LeastRequest.build());
}

#[test]
fn hash() {
    contract(|| Policy::Hash.build());
}

/// How far a count may be from what its weight says.
#[derive(Clone, Copy)]
struct Tolerance {
    /// Standard deviations of a draw by weight.
    deviations: f64,
    /// A part of the expected count.
    relative: f64,
}

/// Sends requests of equal latency, `open` of which are in flight at a time, and counts them by node.
fn count(policy: Policy, nodes: &[Arc<Node>], open: usize, picks: usize) -> Vec<u64> {
    let selector = policy.build();
    selector.apply(nodes);
    let mut random = Sequence::new(11);
    let mut now = Instant::now();
    let mut counts = vec![0; nodes.len()];
    let mut held = VecDeque::new();
    for _ in 0..picks {
        now += Duration::from_millis(1);
        if held.len() == open {
            let mut picked: Picked = held.pop_front().unwrap();
            picked.respond(now, Outcome::Ok);
        }
        let pick = Pick { key: Some(random.next_u64()), ..Pick::new(now, random.next_u64()) };
        let picked = selector.select(&pick).unwrap();
        counts[nodes.iter().position(|node| Arc::ptr_eq(node, picked.node())).unwrap()] += 1;
        held.push_back(picked);
    }
    counts
}

#[track_caller]
fn check(policy: Policy, weights: &[u32], open: usize, tolerance: Tolerance) {
    const PICKS: usize = 40_000;
    let nodes: Vec<_> = (0..).zip(weights).map(|(n, weight)| node(&format!("n{n}:1"), *weight, 0)).collect();
    let counts = count(policy, &nodes, open, PICKS);
    let total: f64 = weights.iter().copied().map(f64::from).sum();
    for (found, weight) in counts.iter().zip(weights) {
        let expected = f64::from(*weight) / total * PICKS as f64;
        let allowed = 2.0 + tolerance.deviations * expected.sqrt() + tolerance.relative * expected;
        let off = (*found as f64 - expected).abs();
        assert!(off <= allowed, "{policy}, weights {weights:?}, {open} open: {counts:?}, {off} > {allowed}");
    }
}

const SHAPES: &[&[u32]] = &[&[1, 3], &[100, 100, 100], &[5, 1, 1], &[10, 20, 30, 40], &[1, 9_999, 10_000]];

#[test]
fn wrr_shares_by_weight() {
    for weights in SHAPES {
        check(Policy::WeightedRoundRobin, weights, 1, Tolerance { deviations: 0.0, relative: 0.0 });
    }
}

#[test]
fn random_shares_by_weight() {
    for weights in SHAPES {
        check(Policy::Random, weights, 1, Tolerance { deviations: 4.0, relative: 0.0 });
    }
}

#[test]
fn hash_shares_keys_by_weight() {
    for weights in SHAPES {
        check(Policy::Hash, weights, 1, Tolerance { deviations: 4.0, relative: 0.0 });
    }
}

#[test]
fn round_robin_shares_equally() {
    check(Policy::RoundRobin, &[1; 5], 1, Tolerance { deviations: 0.0, relative: 0.0 });
    let nodes = [node("a:1", 1, 0), node("b:1", 500, 0)];
    assert_eq!(count(Policy::RoundRobin, &nodes, 1, 100), [50, 50]);
}

#[test]
fn nodes_of_equal_latency_share_by_weight_at_any_load() {
    for policy in [Policy::P2c, Policy::LeastRequest] {
        for weights in SHAPES {
            check(policy, weights, 1, Tolerance { deviations: 4.0, relative: 0.0 });
            for open in [2, 3, 5, 10, 30] {
                check(policy, weights, open, Tolerance { deviations: 4.0, relative: 0.33 });
            }
            check(policy, weights, 100, Tolerance { deviations: 4.0, relative: 0.05 });
        }
    }
}

#[test]
fn nearly_equal_weights_do_not_decide_every_tie() {
    for policy in [Policy::P2c, Policy::LeastRequest] {
        for open in [1, 2, 3, 5, 7, 10] {
            check(policy, &[99, 100], open, Tolerance { deviations: 4.0, relative: 0.05 });
        }
    }
}
