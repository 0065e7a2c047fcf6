//! The one implementation of [`Selector`]: it knows who is eligible, and a [`Strategy`] chooses among those.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::eligible::Candidates;
use crate::tier::{Tier, Tiers};
use crate::{Node, Pick, Picked, Selector};

/// How a node is chosen among candidates.
pub(crate) trait Strategy: Send + Sync + 'static {
    /// What is prepared for a tier when the nodes change.
    type Plan: Send + Sync + 'static;

    /// Prepares a tier.
    fn plan(&self, tier: &Tier) -> Self::Plan;

    /// Chooses one of at least two candidates.
    fn choose(&self, plan: &Self::Plan, candidates: &Candidates<'_>, pick: &Pick<'_>) -> Choice;
}

/// The position of a candidate.
pub(crate) struct Choice {
    pub(crate) index: usize,
    /// Whether the probe of its node was started for it.
    pub(crate) probe: bool,
}

impl From<usize> for Choice {
    fn from(index: usize) -> Self {
        Self { index, probe: false }
    }
}

/// A selector with the policy `S`.
pub(crate) struct Balancer<S: Strategy> {
    strategy: S,
    nodes: ArcSwap<Planned<S::Plan>>,
}

/// What a change of nodes replaces as a whole.
struct Planned<P> {
    tiers: Tiers,
    /// One for each tier, in their order.
    plans: Vec<P>,
}

impl<S: Strategy> Balancer<S> {
    pub(crate) fn new(strategy: S) -> Self {
        Self {
            strategy,
            nodes: ArcSwap::from_pointee(Planned { tiers: Tiers::default(), plans: Vec::new() }),
        }
    }
}

impl<S: Strategy> Selector for Balancer<S> {
    fn apply(&self, nodes: &[Arc<Node>]) {
        let tiers = Tiers::new(nodes);
        let plans = tiers.iter().map(|tier| self.strategy.plan(tier)).collect();
        self.nodes.store(Arc::new(Planned { tiers, plans }));
    }

    fn select(&self, pick: &Pick<'_>) -> Option<Picked> {
        let planned = self.nodes.load();
        let (tier, candidates) = planned.tiers.eligible(pick)?;
        let wanted = pick.stick.and_then(|address| candidates.named(address));
        let choice = match wanted {
            Some(index) => index.into(),
            None if candidates.len() == 1 => 0.into(),
            None => self.strategy.choose(planned.plans.get(tier)?, &candidates, pick),
        };
        Some(Picked::new(Arc::clone(candidates.node(choice.index)), pick.now, choice.probe))
    }
}

#[cfg(test)]
mod tests;
