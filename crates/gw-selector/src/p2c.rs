//! `p2c`: power of two choices by peak-sensitive latency, load and success.
//!
//! Two distinct nodes are drawn by weight. The first is taken, unless the second is clearly cheaper; the cost of a
//! node is
//!
//! > (latency + [`GRAIN`]) × [load](Pair::loads) / success
//!
//! - A tie goes to the first, so nodes that are equally good share by weight at any load.
//! - A node without a measure counts as fast as its rival: a new node gets its share at once and, since its
//!   requests in flight count, no more than that.
//! - A node that was not picked for [`PROBE_AFTER`] is taken although it costs more, one request at a time, so
//!   that a recovered node is noticed.
//!
//! Source: kratos selector/p2c and selector/node/ewma. Differs from kratos: weights count, 5xx answers count, a
//! client that goes away does not, and only the node that was drawn first is probed, which keeps a probe within the
//! node's share.

use std::time::Duration;

use crate::Pick;
use crate::balancer::{Choice, Strategy};
use crate::eligible::Candidates;
use crate::least_request::{MARGIN, Pair};
use crate::tier::Tier;

/// How long a node stands unused before it is probed.
const PROBE_AFTER: Duration = Duration::from_secs(3);

/// Added to every latency, in nanoseconds: differences far below a millisecond are noise.
const GRAIN: f64 = 1e6;

/// The least success that is told apart: below it, all nodes are equally bad and share by load.
const LEAST_SUCCESS: f64 = 0.01;

pub(crate) struct P2c;

impl Strategy for P2c {
    type Plan = ();

    fn plan(&self, _: &Tier) {}

    fn choose(&self, (): &(), candidates: &Candidates<'_>, pick: &Pick<'_>) -> Choice {
        let pair = Pair::draw(candidates, pick);
        let first = candidates.node(pair.first).stats();
        let second = candidates.node(pair.second).stats();
        let ((a_latency, a_success), (b_latency, b_success)) = (first.averages(), second.averages());
        let (a_load, b_load) = pair.loads(candidates);
        let a = cost(a_latency.or(b_latency), a_load, a_success);
        let b = cost(b_latency.or(a_latency), b_load, b_success);
        if a <= b * MARGIN {
            pair.first.into()
        } else if first.is_idle(pick.now, PROBE_AFTER) && first.start_probe() {
            Choice { index: pair.first, probe: true }
        } else {
            pair.second.into()
        }
    }
}

fn cost(latency: Option<f64>, load: f64, success: f64) -> f64 {
    (latency.unwrap_or(0.0) + GRAIN) * load / success.max(LEAST_SUCCESS)
}

#[cfg(test)]
mod tests;
