//! `random`: each node as often as its weight says, with no memory.

use crate::Pick;
use crate::balancer::{Choice, Strategy};
use crate::eligible::Candidates;
use crate::tier::Tier;

pub(crate) struct Random;

impl Strategy for Random {
    type Plan = ();

    fn plan(&self, _: &Tier) {}

    fn choose(&self, (): &(), candidates: &Candidates<'_>, pick: &Pick<'_>) -> Choice {
        candidates.weights().at(pick.random).into()
    }
}
