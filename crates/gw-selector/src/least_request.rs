//! `least_request`: of two random nodes, the one with fewer requests in flight for its weight.

use crate::Pick;
use crate::balancer::{Choice, Strategy};
use crate::eligible::Candidates;
use crate::tier::Tier;
use crate::weights::remix;

pub(crate) struct LeastRequest;

impl Strategy for LeastRequest {
    type Plan = ();

    fn plan(&self, _: &Tier) {}

    fn choose(&self, (): &(), candidates: &Candidates<'_>, pick: &Pick<'_>) -> Choice {
        let (first, second) = draw_two(candidates, pick);
        let requests = |index| u128::from(candidates.node(index).stats().in_flight());
        let weight = |index| u128::from(candidates.weights().get(index));
        // The first keeps a tie, and it was drawn by weight: an idle pair shares as the weights say.
        let second_is_freer = requests(second) * weight(first) < requests(first) * weight(second);
        (if second_is_freer { second } else { first }).into()
    }
}

/// Two distinct candidates, each drawn by weight.
pub(crate) fn draw_two(candidates: &Candidates<'_>, pick: &Pick<'_>) -> (usize, usize) {
    let weights = candidates.weights();
    let first = weights.at(pick.random);
    (first, weights.at_without(first, remix(pick.random)))
}
