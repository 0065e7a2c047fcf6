//! `hash`: equal keys get the same node, and a change of nodes moves few keys.

use crate::Pick;
use crate::balancer::{Choice, Strategy};
use crate::eligible::Candidates;
use crate::maglev::Table;
use crate::tier::Tier;
use crate::weights::remix;

pub(crate) struct Hash;

impl Strategy for Hash {
    type Plan = Table;

    fn plan(&self, tier: &Tier) -> Table {
        Table::new(&tier.nodes)
    }

    fn choose(&self, table: &Table, candidates: &Candidates<'_>, pick: &Pick<'_>) -> Choice {
        let by_key = pick.key.and_then(|key| table.walk(remix(key)).find_map(|slot| candidates.find(slot)));
        by_key.unwrap_or_else(|| candidates.weights().at(pick.random)).into()
    }
}

#[cfg(test)]
mod tests;
