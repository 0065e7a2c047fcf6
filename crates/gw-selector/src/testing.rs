//! What every [`Selector`] must keep, as functions that any implementation can be run through.
//!
//! For tests only: everything here panics at the first rule that is broken. Time stands where a test puts it, and
//! all randomness comes from seeds.
//!
//! ```
//! gw_selector::testing::contract(|| gw_selector::Policy::Random.build());
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gw_core::{NodeFilter, NodeInfo, Outcome};

use crate::{Node, Pick, Picked, Selector};

/// A sequence of random numbers that is the same each time.
#[derive(Clone, Debug)]
pub struct Sequence(u64);

impl Sequence {
    /// The sequence of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, uniform over all `u64`.
    pub fn next_u64(&mut self) -> u64 {
        // SplitMix64: its state is a counter, its output well mixed.
        let next = crate::weights::remix(self.0);
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        next
    }
}

/// A node with this address, weight and priority.
pub fn node(address: &str, weight: u32, priority: u32) -> Arc<Node> {
    Node::new(NodeInfo { weight, priority, ..NodeInfo::new(address) })
}

/// Checks the rules that stand at [`Selector`] and [`Picked`]. `make` returns a new selector without nodes.
///
/// # Panics
/// If a rule is broken.
pub fn contract(make: impl Fn() -> Arc<dyn Selector>) {
    nobody_is_picked_from_nobody(&*make());
    the_only_node_is_picked(&*make());
    refused_nodes_are_never_picked(&*make());
    tried_nodes_are_avoided_while_another_is_left(&*make());
    levels_are_used_in_order(&*make());
    weight_zero_takes_nothing_unless_all_are_zero(&*make());
    a_wanted_node_is_taken_if_eligible(&*make());
    in_flight_is_released(&*make());
    statistics_survive_changes(&*make());
    every_node_gets_something(&*make());
    threads_may_pick_and_apply_at_once(&*make());
}

/// How often each address is picked in `picks` picks, each dropped at once.
fn tally(selector: &dyn Selector, pick: &Pick<'_>, picks: u64) -> BTreeMap<String, u64> {
    let mut random = Sequence::new(7);
    let mut tally = BTreeMap::new();
    for _ in 0..picks {
        let random = random.next_u64();
        let pick = Pick { random, key: Some(random.rotate_left(17)), ..*pick };
        let picked = selector.select(&pick);
        let address = picked.map_or_else(|| "nobody".to_owned(), |picked| address(&picked));
        *tally.entry(address).or_default() += 1;
    }
    tally
}

#[track_caller]
fn only(selector: &dyn Selector, pick: &Pick<'_>, expect: &[&str], rule: &str) {
    let tally = tally(selector, pick, 400);
    assert_eq!(tally.keys().collect::<Vec<_>>(), expect, "{rule}: {tally:?}");
}

fn address(picked: &Picked) -> String {
    picked.node().info.address.to_string()
}

fn any() -> Pick<'static> {
    Pick::new(Instant::now(), 0)
}

fn nobody_is_picked_from_nobody(selector: &dyn Selector) {
    assert!(selector.select(&any()).is_none(), "a new selector has no nodes");
    selector.apply(&[node("a:1", 100, 0)]);
    selector.apply(&[]);
    assert!(selector.select(&any()).is_none(), "no node is left");
    let accept: NodeFilter = Arc::new(|_| true);
    assert!(selector.select(&Pick { filters: &[accept], ..any() }).is_none(), "a filter makes no nodes");
}

fn the_only_node_is_picked(selector: &dyn Selector) {
    selector.apply(&[node("a:1", 1, 0)]);
    only(selector, &any(), &["a:1"], "one node takes all");
    only(selector, &Pick { key: None, ..any() }, &["a:1"], "one node takes what has no key");
}

fn refused_nodes_are_never_picked(selector: &dyn Selector) {
    selector.apply(&[node("a:1", 100, 0), node("b:1", 100, 0), node("c:1", 100, 0)]);
    let not = |address: &'static str| -> NodeFilter { Arc::new(move |info| *info.address != *address) };
    only(selector, &Pick { filters: &[not("a:1")], ..any() }, &["b:1", "c:1"], "filters refuse");
    only(selector, &Pick { filters: &[not("a:1"), not("b:1")], ..any() }, &["c:1"], "all filters count");
    let none = [not("a:1"), not("b:1"), not("c:1")];
    only(selector, &Pick { filters: &none, ..any() }, &["nobody"], "refused nodes are not taken in need");
}

fn tried_nodes_are_avoided_while_another_is_left(selector: &dyn Selector) {
    selector.apply(&[node("a:1", 100, 0), node("b:1", 100, 0), node("c:1", 30, 0)]);
    let tried: [Arc<str>; 3] = ["a:1".into(), "b:1".into(), "c:1".into()];
    only(selector, &Pick { tried: &tried[..1], ..any() }, &["b:1", "c:1"], "tried nodes are avoided");
    only(selector, &Pick { tried: &tried[..2], ..any() }, &["c:1"], "tried nodes are avoided");
    only(selector, &Pick { tried: &tried, ..any() }, &["a:1", "b:1", "c:1"], "all tried: all again");
    let gone: [Arc<str>; 1] = ["gone:1".into()];
    only(selector, &Pick { tried: &gone, ..any() }, &["a:1", "b:1", "c:1"], "others do not matter");
    let filter: NodeFilter = Arc::new(|info| *info.address == *"a:1");
    let pick = Pick { tried: &tried[..1], filters: &[filter], ..any() };
    only(selector, &pick, &["a:1"], "a tried node is taken if filters leave no other");
}

fn levels_are_used_in_order(selector: &dyn Selector) {
    selector.apply(&[node("c:1", 100, 9), node("a:1", 1, 0), node("b:1", 100, 1), node("a:2", 1, 0)]);
    only(selector, &any(), &["a:1", "a:2"], "the lowest level takes all");
    let below: NodeFilter = Arc::new(|info| info.priority > 0);
    only(selector, &Pick { filters: &[below], ..any() }, &["b:1"], "the next level follows");
    let tried: [Arc<str>; 3] = ["a:1".into(), "a:2".into(), "b:1".into()];
    only(selector, &Pick { tried: &tried[..2], ..any() }, &["b:1"], "a tried level gives way to the next");
    only(selector, &Pick { tried: &tried, ..any() }, &["c:1"], "and so on");
}

fn weight_zero_takes_nothing_unless_all_are_zero(selector: &dyn Selector) {
    let weighted = [node("b:1", 1, 1), node("b:2", 1, 1), node("b:3", 1, 1)];
    selector.apply(&[&[node("a:1", 0, 0), node("a:2", 0, 0)], &weighted[..]].concat());
    only(selector, &any(), &["b:1", "b:2", "b:3"], "weight 0 gives way even to a higher level");
    let tried = weighted.map(|node| Arc::clone(&node.info.address));
    only(selector, &Pick { tried: &tried, ..any() }, &["b:1", "b:2", "b:3"], "and to nodes that were tried");
    let zero: NodeFilter = Arc::new(|info| info.weight == 0);
    only(selector, &Pick { filters: &[zero], ..any() }, &["a:1", "a:2"], "unless filters leave no other");
    selector.apply(&[node("a:1", 0, 0), node("a:2", 0, 0), node("b:1", 0, 1)]);
    only(selector, &any(), &["a:1", "a:2"], "all 0: all equal, level by level");
    let tried: [Arc<str>; 2] = ["a:1".into(), "a:2".into()];
    only(selector, &Pick { tried: &tried[..1], ..any() }, &["a:2"], "of those, tried ones are avoided");
    only(selector, &Pick { tried: &tried, ..any() }, &["b:1"], "level by level");
}

fn a_wanted_node_is_taken_if_eligible(selector: &dyn Selector) {
    selector.apply(&[node("a:1", 1000, 0), node("b:1", 1, 0), node("c:1", 0, 0), node("d:1", 100, 1)]);
    only(selector, &Pick { stick: Some("b:1"), ..any() }, &["b:1"], "the wanted node is taken");
    for stick in ["gone:1", "c:1", "d:1", ""] {
        let tally = tally(selector, &Pick { stick: Some(stick), ..any() }, 400);
        assert!(tally.contains_key("a:1"), "{stick} cannot be had: {tally:?}");
        assert!(!tally.contains_key(stick), "{stick} is not eligible: {tally:?}");
    }
    let tried: [Arc<str>; 1] = ["b:1".into()];
    only(selector, &Pick { stick: Some("b:1"), tried: &tried, ..any() }, &["a:1"], "a tried node is avoided");
    let refuse: NodeFilter = Arc::new(|info| *info.address != *"b:1");
    let pick = Pick { stick: Some("b:1"), filters: &[refuse], ..any() };
    only(selector, &pick, &["a:1"], "filters come before wishes");
}

fn in_flight_is_released(selector: &dyn Selector) {
    let node = node("a:1", 100, 0);
    selector.apply(&[Arc::clone(&node)]);
    let now = Instant::now();
    let mut held: Vec<_> = (0..3).filter_map(|random| selector.select(&Pick::new(now, random))).collect();
    assert_eq!(node.stats().in_flight(), 3, "each pick is in flight");
    let outcomes = [Outcome::Ok, Outcome::UpstreamStatus, Outcome::ClientClosed];
    for (picked, outcome) in held.iter_mut().zip(outcomes) {
        picked.respond(now, outcome);
    }
    assert_eq!(node.stats().in_flight(), 3, "an answer still has its body to come");
    held.pop();
    assert_eq!(node.stats().in_flight(), 2, "dropped, it is not in flight");
    selector.apply(&[]);
    drop(held);
    assert_eq!(node.stats().in_flight(), 0, "even if the node is gone");
}

fn statistics_survive_changes(selector: &dyn Selector) {
    let old = node("a:1", 100, 0);
    let start = Instant::now();
    selector.apply(&[Arc::clone(&old)]);
    let held = selector.select(&Pick::new(start, 0));
    if let Some(mut picked) = selector.select(&Pick::new(start, 1)) {
        picked.respond(start + Duration::from_millis(20), Outcome::Ok);
    }
    let measured = old.stats().snapshot();
    assert_eq!(measured.latency, Some(Duration::from_millis(20)), "the answer was measured");
    let new = old.with_info(NodeInfo { weight: 7, ..NodeInfo::new("a:1") });
    selector.apply(&[Arc::clone(&new), node("b:1", 100, 0)]);
    assert_eq!(new.stats().snapshot(), measured, "the weight changed, the measures did not");
    drop(held);
    assert_eq!(new.stats().in_flight(), 0, "a request of before counts for the node of after");
    selector.apply(&[Arc::clone(&new)]);
    only(selector, &any(), &["a:1"], "it is picked on");
    assert_eq!(new.stats().snapshot().latency, measured.latency, "the same node keeps its measures");
}

fn every_node_gets_something(selector: &dyn Selector) {
    let nodes: Vec<_> = (0..7).map(|n| node(&format!("n{n}:1"), 100, 0)).collect();
    selector.apply(&nodes);
    let tally = tally(selector, &any(), 7_000);
    assert_eq!(tally.len(), 7, "equal nodes are all used: {tally:?}");
    assert!(tally.values().all(|count| (500..2000).contains(count)), "about equally: {tally:?}");
}

fn threads_may_pick_and_apply_at_once(selector: &dyn Selector) {
    let nodes: Vec<_> = (0..4).map(|n| node(&format!("n{n}:1"), 50 + n, n / 3)).collect();
    selector.apply(&nodes);
    let now = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..3 {
            scope.spawn(move || {
                let mut random = Sequence::new(thread);
                for turn in 0..2_000 {
                    let now = now + Duration::from_micros(turn);
                    let pick = Pick { key: Some(turn), ..Pick::new(now, random.next_u64()) };
                    let picked = selector.select(&pick);
                    assert!(picked.is_some(), "one node is always left");
                    if let Some(mut picked) = picked {
                        picked.respond(now + Duration::from_millis(turn % 7), Outcome::Ok);
                    }
                }
            });
        }
        scope.spawn(|| {
            for turn in 0..20 {
                selector.apply(&nodes[turn % 3..]);
            }
        });
    });
    for node in &nodes {
        let seen = node.stats().snapshot();
        assert_eq!(seen.in_flight, 0, "every request came back from {}", node.info.address);
        assert!(seen.latency.is_none_or(|latency| latency <= Duration::from_millis(6)), "{seen:?}");
    }
}

#[cfg(test)]
mod tests;
