//! The order of turns against nginx' algorithm by brute force.

use std::sync::Arc;
use std::time::Instant;

use gw_core::{NodeFilter, NodeInfo};
use proptest::prelude::*;

use super::*;
use crate::testing::node;
use crate::{Node, Policy, Selector};

/// Smooth weighted round robin as nginx does it, one turn at a time.
struct Oracle {
    weights: Vec<i64>,
    current: Vec<i64>,
}

impl Oracle {
    fn new(weights: &[u32]) -> Self {
        let weights: Vec<i64> = weights.iter().copied().map(i64::from).collect();
        Self { current: vec![0; weights.len()], weights }
    }

    fn next(&mut self) -> usize {
        let mut best: Option<usize> = None;
        for peer in 0..self.weights.len() {
            self.current[peer] += self.weights[peer];
            if best.is_none_or(|best| self.current[peer] > self.current[best]) {
                best = Some(peer);
            }
        }
        let best = best.unwrap();
        self.current[best] -= self.weights.iter().sum::<i64>();
        best
    }
}

fn nodes(weights: &[u32]) -> Vec<Arc<Node>> {
    (0..).zip(weights).map(|(n, weight)| node(&format!("n{n}:1"), *weight, 0)).collect()
}

fn pick(selector: &dyn Selector, filters: &[NodeFilter]) -> String {
    let picked = selector.select(&Pick { filters, ..Pick::new(Instant::now(), 0) }).unwrap();
    picked.node().info.address.to_string()
}

proptest! {
    #[test]
    fn the_order_is_that_of_nginx(weights in prop::collection::vec(1u32..400, 2..10), scale in 1u32..50) {
        let weights: Vec<_> = weights.iter().map(|weight| weight * scale).collect();
        let selector = Policy::WeightedRoundRobin.build();
        selector.apply(&nodes(&weights));
        let mut oracle = Oracle::new(&weights);
        // Twice the longest order: its end must fit its beginning.
        for turn in 0..2 * LONGEST {
            let expect = format!("n{}:1", oracle.next());
            prop_assert_eq!(pick(&*selector, &[]), expect, "turn {}, weights {:?}", turn, weights);
        }
    }

    #[test]
    fn long_orders_are_spread_as_evenly(weights in prop::collection::vec(5_000u32..100_000, 2..6)) {
        let weights: Weights = weights.into_iter().collect();
        let mut counts = vec![0f64; weights.len()];
        for turn in 0..2_000 {
            counts[weights.at(spread(turn))] += 1.0;
            for (index, count) in counts.iter().enumerate() {
                let due = weights.get(index) as f64 / weights.total() as f64 * (turn + 1) as f64;
                prop_assert!((count - due).abs() < 5.0, "turn {}: {} of {}", turn, count, due);
            }
        }
    }
}

#[test]
fn the_order_of_the_nginx_announcement() {
    let order = order(&[5, 1, 1].into_iter().collect());
    assert_eq!(order, [0, 0, 1, 0, 2, 0, 0]);
}

#[test]
fn a_long_order_is_not_computed() {
    assert!(order(&[1, 4_096].into_iter().collect()).is_empty());
    assert_eq!(order(&[1, 4_095].into_iter().collect()).len(), 4_096);
    assert_eq!(order(&[u32::MAX, u32::MAX].into_iter().collect()), [0, 1]);
}

#[test]
fn narrowed_picks_take_no_turn_away_and_share_by_weight() {
    let selector = Policy::WeightedRoundRobin.build();
    selector.apply(&nodes(&[600, 300, 100]));
    let not_the_first: [NodeFilter; 1] = [Arc::new(|info: &NodeInfo| *info.address != *"n0:1")];
    let mut oracle = Oracle::new(&[600, 300, 100]);
    let mut narrowed = [0, 0];
    for _ in 0..4_000 {
        assert_eq!(pick(&*selector, &[]), format!("n{}:1", oracle.next()));
        narrowed[usize::from(pick(&*selector, &not_the_first) == "n2:1")] += 1;
    }
    assert!((2_995..=3_005).contains(&narrowed[0]), "3 : 1, not {narrowed:?}");
}

#[test]
fn a_retry_that_leaves_all_nodes_is_in_order() {
    let selector = Policy::WeightedRoundRobin.build();
    selector.apply(&nodes(&[5, 1, 1]));
    let tried: [Arc<str>; 1] = ["gone:1".into()];
    let pick = || selector.select(&Pick { tried: &tried, ..Pick::new(Instant::now(), 0) }).unwrap();
    let order: Vec<_> = (0..7).map(|_| pick().node().info.address.to_string()).collect();
    assert_eq!(order, ["n0:1", "n0:1", "n1:1", "n0:1", "n2:1", "n0:1", "n0:1"]);
}
