//! `round_robin`: equal turns in the order of the nodes, whatever their weights; only weight 0 has its meaning.

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;

use crate::Pick;
use crate::balancer::{Choice, Strategy};
use crate::eligible::Candidates;
use crate::tier::Tier;

/// Counts turns; a retry or a filtered pick does not take one away from the others.
///
/// With one counter for both, two nodes of which one always fails would see each request begin at the same node.
#[derive(Default)]
pub(crate) struct Turns {
    whole: CachePadded<AtomicU64>,
    narrowed: CachePadded<AtomicU64>,
}

impl Turns {
    /// The number of this turn, from 0.
    pub(crate) fn next(&self, candidates: &Candidates<'_>) -> u64 {
        let turns = if candidates.is_narrowed() { &self.narrowed } else { &self.whole };
        turns.fetch_add(1, Ordering::Relaxed)
    }
}

#[derive(Default)]
pub(crate) struct RoundRobin {
    turns: Turns,
}

impl Strategy for RoundRobin {
    type Plan = ();

    fn plan(&self, _: &Tier) {}

    fn choose(&self, (): &(), candidates: &Candidates<'_>, _: &Pick<'_>) -> Choice {
        let turn = self.turns.next(candidates);
        ((turn % candidates.len() as u64) as usize).into()
    }
}
