//! `p2c`: power of two choices by peak-sensitive latency, load and success.
//!
//! Two distinct nodes are drawn by weight. The first is taken, unless the second is clearly cheaper; the cost of a
//! node is
//!
//! > (latency + [`GRAIN`]) × (1 + in flight × mean weight / weight) / success
//!
//! - A tie goes to the first, so nodes that are equally good share by weight at any load. A cost divided by weight
//!   alone would give an idle pair of weights 1 and 3 no share at all to the lighter one.
//! - A node without a measure counts as fast as its rival: a new node gets its share at once and, since its
//!   requests in flight count, no more than that.
//! - A node that was not picked for [`PROBE_AFTER`] is taken although it costs more, one request at a time, so
//!   that a recovered node is noticed.
//!
//! Source: kratos selector/p2c and selector/node/ewma. Differs from kratos: weights count, 5xx answers count, a
//! client that goes away does not, and only the node that was drawn first is probed, which keeps a probe within the
//! node's share.

use std::time::Duration;

use crate::balancer::{Choice, Strategy};
use crate::eligible::Candidates;
use crate::least_request::draw_two;
use crate::tier::Tier;
use crate::{NodeStats, Pick};

/// How long a node stands unused before it is probed.
const PROBE_AFTER: Duration = Duration::from_secs(3);

/// Added to every latency, in nanoseconds: differences far below a millisecond are noise.
const GRAIN: f64 = 1e6;

/// By how much the second node must be cheaper: averages are never that exact.
const MARGIN: f64 = 1.125;

/// The least success that is told apart: below it, all nodes are equally bad and share by load.
const LEAST_SUCCESS: f64 = 0.01;

pub(crate) struct P2c;

impl Strategy for P2c {
    type Plan = ();

    fn plan(&self, _: &Tier) {}

    fn choose(&self, (): &(), candidates: &Candidates<'_>, pick: &Pick<'_>) -> Choice {
        let (first, second) = draw_two(candidates, pick);
        let (a, b) = (candidates.node(first).stats(), candidates.node(second).stats());
        let ((a_latency, a_success), (b_latency, b_success)) = (a.averages(), b.averages());
        let a_known = a_latency.or(b_latency).unwrap_or(0.0);
        let b_known = b_latency.or(a_latency).unwrap_or(0.0);
        let a_cost = cost(a_known, load(candidates, first, a), a_success);
        let b_cost = cost(b_known, load(candidates, second, b), b_success);
        if b_cost * MARGIN >= a_cost {
            first.into()
        } else if a.is_idle(pick.now, PROBE_AFTER) && a.start_probe() {
            Choice { index: first, probe: true }
        } else {
            second.into()
        }
    }
}

fn cost(latency: f64, load: f64, success: f64) -> f64 {
    (latency + GRAIN) * load / success.max(LEAST_SUCCESS)
}

/// The requests in flight as if all weights were equal, with the one that is about to come.
fn load(candidates: &Candidates<'_>, index: usize, stats: &NodeStats) -> f64 {
    let weights = candidates.weights();
    let mean = weights.total() as f64 / weights.len() as f64;
    1.0 + stats.in_flight() as f64 * mean / weights.get(index) as f64
}

#[cfg(test)]
mod tests;
