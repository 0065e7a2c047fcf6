//! Who may be picked: filters, weight 0, tried nodes and priorities, once for all policies.

use std::sync::Arc;

use crate::tier::{Tier, Tiers};
use crate::weights::Weights;
use crate::{Node, Pick};

/// The nodes of one tier that a pick may use: all of them, or some. Never empty.
pub(crate) struct Candidates<'a> {
    tier: &'a Tier,
    narrowed: Option<Narrowed>,
}

struct Narrowed {
    /// Positions in the tier, rising.
    slots: Vec<usize>,
    weights: Weights,
}

impl Candidates<'_> {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.weights().len()
    }

    /// Whether some nodes of the tier are not among them.
    pub(crate) fn is_narrowed(&self) -> bool {
        self.narrowed.is_some()
    }

    /// Their weights, by position among the candidates.
    pub(crate) fn weights(&self) -> &Weights {
        self.narrowed.as_ref().map_or(&self.tier.weights, |narrowed| &narrowed.weights)
    }

    /// The candidate at a position that came from `weights` or `find` of the same candidates.
    pub(crate) fn node(&self, index: usize) -> &Arc<Node> {
        let slot = self.narrowed.as_ref().map_or(index, |narrowed| narrowed.slots[index]);
        &self.tier.nodes[slot]
    }

    /// The candidate at a position of the tier.
    pub(crate) fn find(&self, slot: usize) -> Option<usize> {
        match &self.narrowed {
            None => Some(slot),
            Some(narrowed) => narrowed.slots.binary_search(&slot).ok(),
        }
    }

    /// The candidate of that address.
    pub(crate) fn named(&self, address: &str) -> Option<usize> {
        (0..self.len()).find(|index| *self.node(*index).info.address == *address)
    }
}

impl Tiers {
    /// The candidates of a pick and the number of their tier; the rules stand at [`Selector`](crate::Selector).
    pub(crate) fn eligible(&self, pick: &Pick<'_>) -> Option<(usize, Candidates<'_>)> {
        if pick.filters.is_empty() && pick.tried.is_empty() {
            return self.iter().next().map(|tier| (0, Candidates { tier, narrowed: None }));
        }
        let passes = |node: &Node| pick.filters.iter().all(|filter| filter(&node.info));
        let untried = |node: &Node| !pick.tried.contains(&node.info.address) && passes(node);
        let weighted = first(&self.weighted, &untried).or_else(|| first(&self.weighted, &passes));
        weighted.or_else(|| {
            let found = first(&self.unweighted, &untried).or_else(|| first(&self.unweighted, &passes));
            found.map(|(number, candidates)| (self.weighted.len() + number, candidates))
        })
    }
}

/// The first tier in which `accept` leaves a node. One allocation per narrowed pick: retries and filters only.
fn first<'a>(tiers: &'a [Tier], accept: &dyn Fn(&Node) -> bool) -> Option<(usize, Candidates<'a>)> {
    tiers.iter().enumerate().find_map(|(number, tier)| {
        let accepted = |slot: &usize| accept(&tier.nodes[*slot]);
        let slots: Vec<_> = (0..tier.nodes.len()).filter(accepted).collect();
        if slots.is_empty() {
            return None;
        }
        let whole = slots.len() == tier.nodes.len();
        let narrowed = (!whole).then(|| Narrowed {
            weights: slots.iter().map(|slot| tier.nodes[*slot].info.weight.max(1)).collect(),
            slots,
        });
        Some((number, Candidates { tier, narrowed }))
    })
}
