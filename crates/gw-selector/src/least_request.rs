//! `least_request`: of two random nodes, the one with fewer requests in flight for its weight.

use crate::Pick;
use crate::balancer::{Choice, Strategy};
use crate::eligible::Candidates;
use crate::tier::Tier;
use crate::weights::remix;

/// How many times the cost of the second node the first may have. Without it, weights of 99 and 100 would decide
/// every tie one way; and averages are never that exact.
pub(crate) const MARGIN: f64 = 1.125;

pub(crate) struct LeastRequest;

impl Strategy for LeastRequest {
    type Plan = ();

    fn plan(&self, _: &Tier) {}

    fn choose(&self, (): &(), candidates: &Candidates<'_>, pick: &Pick<'_>) -> Choice {
        let pair = Pair::draw(candidates, pick);
        let (first, second) = pair.loads(candidates);
        (if first <= second * MARGIN { pair.first } else { pair.second }).into()
    }
}

/// Two distinct candidates, each drawn by weight. The first should keep a tie, so that nodes that are equally good
/// share by weight: exactly with few requests or many, while with about as many as nodes the lightest get up to a
/// third less, since a request cannot be divided.
pub(crate) struct Pair {
    pub(crate) first: usize,
    pub(crate) second: usize,
}

impl Pair {
    pub(crate) fn draw(candidates: &Candidates<'_>, pick: &Pick<'_>) -> Self {
        let weights = candidates.weights();
        let first = weights.at(pick.random);
        Self { first, second: weights.at_without(first, remix(pick.random)) }
    }

    /// The requests that each would have with this one, per weight of the lighter; at least 1.
    ///
    /// A node of three times the weight is like three of the lighter: as long as it has a request for not all of
    /// them, it is as free as the other. Without that limit an idle pair of weights 1 and 3 would never pick the
    /// lighter one.
    pub(crate) fn loads(&self, candidates: &Candidates<'_>) -> (f64, f64) {
        let weight = |index| candidates.weights().get(index) as f64;
        let lighter = weight(self.first).min(weight(self.second));
        let load = |index| {
            let requests = candidates.node(index).stats().in_flight() + 1;
            (requests as f64 * lighter / weight(index)).max(1.0)
        };
        (load(self.first), load(self.second))
    }
}
