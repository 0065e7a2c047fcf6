//! `wrr`: smooth weighted round robin.
//!
//! The order is that of nginx: at each turn every node gains its weight, the richest is picked and pays the sum of
//! all. The order repeats after sum / gcd turns, so it is computed once, and a pick is one step of a counter instead
//! of a turn under a lock. Where it would be long, and for narrowed picks, the turns are spread evenly over the
//! weights instead: the same shares, another order.

use crate::Pick;
use crate::balancer::{Choice, Strategy};
use crate::eligible::Candidates;
use crate::round_robin::Turns;
use crate::tier::Tier;
use crate::weights::{Weights, spread};

/// The longest order that is computed, in turns.
const LONGEST: u64 = 4096;

#[derive(Default)]
pub(crate) struct WeightedRoundRobin {
    turns: Turns,
}

impl Strategy for WeightedRoundRobin {
    /// The order, as positions in the tier; empty if it would be too long.
    type Plan = Vec<u32>;

    fn plan(&self, tier: &Tier) -> Vec<u32> {
        order(&tier.weights)
    }

    fn choose(&self, order: &Vec<u32>, candidates: &Candidates<'_>, _: &Pick<'_>) -> Choice {
        let turn = self.turns.next(candidates);
        if candidates.is_narrowed() || order.is_empty() {
            candidates.weights().at(spread(turn)).into()
        } else {
            (order[(turn % order.len() as u64) as usize] as usize).into()
        }
    }
}

fn order(weights: &Weights) -> Vec<u32> {
    let all: Vec<u64> = (0..weights.len()).map(|index| weights.get(index)).collect();
    let divisor = all.iter().copied().fold(0, greatest_common_divisor).max(1);
    let turns = weights.total() / divisor;
    if turns > LONGEST {
        return Vec::new();
    }
    let mut credit: Vec<i64> = vec![0; all.len()];
    (0..turns).map(|_| take_turn(&mut credit, &all, divisor)).collect()
}

/// One turn: everybody gains, the richest pays. The first of equals is taken, as in nginx.
fn take_turn(credit: &mut [i64], weights: &[u64], divisor: u64) -> u32 {
    let mut richest = 0;
    let mut total = 0;
    for (index, weight) in weights.iter().enumerate() {
        let gain = (weight / divisor) as i64;
        total += gain;
        credit[index] += gain;
        if credit[index] > credit[richest] {
            richest = index;
        }
    }
    credit[richest] -= total;
    richest as u32
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests;
