//! A Maglev lookup table: hash → node, balanced by weight, nearly the same after a change of nodes.
//!
//! Each node has its own order of all entries, derived from its address; the nodes take turns to claim their next
//! free entry until all are claimed. Source: Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load
//! Balancer", NSDI 2016, §3.4; weights as turns that a lighter node sits out.
//!
//! The table does not depend on the order in which the nodes are given: two gateways agree.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::Node;

/// The number of entries, a prime so that every step visits all entries: 256 KiB. The share of a node is exact to
/// about one entry, 0.0015 %.
const SIZE: u32 = 65_537;

/// Marks an entry that is not claimed yet.
const FREE: u32 = u32::MAX;

#[derive(Debug)]
pub(crate) struct Table {
    /// Positions in the tier.
    entries: Box<[u32]>,
}

/// One node's order of the entries: `next`, `next + step`, …
struct Claimant {
    slot: u32,
    next: u32,
    step: u32,
    weight: u64,
    /// What the turns so far add up to before it claims again.
    due: u64,
}

impl Table {
    /// The table for at least one node.
    pub(crate) fn new(nodes: &[Arc<Node>]) -> Self {
        let mut claimants: Vec<_> = (0..).zip(nodes).map(|(slot, node)| Claimant::new(slot, node)).collect();
        claimants.sort_by(|a, b| address(nodes, a).cmp(address(nodes, b)));
        let heaviest = claimants.iter().map(|claimant| claimant.weight).max().unwrap_or(1);
        let mut entries = vec![FREE; SIZE as usize].into_boxed_slice();
        let mut left = SIZE;
        let mut turn = 0;
        while left > 0 && !claimants.is_empty() {
            turn += 1;
            for claimant in &mut claimants {
                if turn * claimant.weight >= claimant.due && left > 0 {
                    claimant.due += heaviest;
                    claimant.claim(&mut entries);
                    left -= 1;
                }
            }
        }
        Self { entries }
    }

    /// The positions of nodes at the entry of `hash`, then at all others, in an order that depends on `hash`.
    ///
    /// Not simply at the following entries: there, a node has the same neighbours over and over, and some would
    /// inherit twice as much from it as others.
    pub(crate) fn walk(&self, hash: u64) -> impl Iterator<Item = usize> {
        let start = hash % u64::from(SIZE);
        let step = 1 + (hash >> 32) % u64::from(SIZE - 1);
        let entry = move |turn| ((start + turn * step) % u64::from(SIZE)) as usize;
        (0..u64::from(SIZE)).map(move |turn| self.entries[entry(turn)] as usize)
    }
}

impl Claimant {
    fn new(slot: u32, node: &Node) -> Self {
        let hash = |seed, range| (xxh3_64_with_seed(node.info.address.as_bytes(), seed) % range) as u32;
        let (next, step) = (hash(0, u64::from(SIZE)), 1 + hash(1, u64::from(SIZE) - 1));
        Self { slot, next, step, weight: u64::from(node.info.weight.max(1)), due: 0 }
    }

    /// Claims its next free entry. One must be left.
    fn claim(&mut self, entries: &mut [u32]) {
        loop {
            let entry = &mut entries[self.next as usize];
            self.next = (self.next + self.step) % SIZE;
            if *entry == FREE {
                *entry = self.slot;
                return;
            }
        }
    }
}

fn address<'a>(nodes: &'a [Arc<Node>], claimant: &Claimant) -> &'a str {
    &nodes[claimant.slot as usize].info.address
}
