//! The nodes in the order in which whole groups of them are considered.
//!
//! A tier holds nodes of one priority. Those of weight 0 stand in tiers of their own after all others, so that
//! every weight within a tier is at least 1.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Node;
use crate::weights::Weights;

/// Nodes that share one load. Never empty.
#[derive(Debug)]
pub(crate) struct Tier {
    pub(crate) nodes: Vec<Arc<Node>>,
    pub(crate) weights: Weights,
}

/// All nodes of a selector.
#[derive(Debug, Default)]
pub(crate) struct Tiers {
    /// Tiers of nodes with a weight, by priority.
    pub(crate) weighted: Vec<Tier>,
    /// Tiers of nodes with weight 0, by priority. They share equally.
    pub(crate) unweighted: Vec<Tier>,
}

impl Tiers {
    pub(crate) fn new(nodes: &[Arc<Node>]) -> Self {
        let (weighted, unweighted) = nodes.iter().partition(|node| node.info.weight > 0);
        Self { weighted: by_priority(weighted), unweighted: by_priority(unweighted) }
    }

    /// All tiers, in the order in which they are numbered.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Tier> {
        self.weighted.iter().chain(&self.unweighted)
    }
}

fn by_priority(nodes: Vec<&Arc<Node>>) -> Vec<Tier> {
    let mut levels = BTreeMap::<u32, Vec<Arc<Node>>>::new();
    for node in nodes {
        levels.entry(node.info.priority).or_default().push(Arc::clone(node));
    }
    let tier = |nodes: Vec<Arc<Node>>| Tier {
        weights: nodes.iter().map(|node| node.info.weight.max(1)).collect(),
        nodes,
    };
    levels.into_values().map(tier).collect()
}
