//! The policies by name.

use std::sync::Arc;

use crate::Selector;
use crate::balancer::Balancer;
use crate::hash::Hash;
use crate::least_request::LeastRequest;
use crate::p2c::P2c;
use crate::random::Random;
use crate::round_robin::RoundRobin;
use crate::wrr::WeightedRoundRobin;

/// How a node is chosen among the eligible ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// `p2c`: of two random nodes, the one with less latency × load / success.
    #[default]
    P2c,
    /// `wrr`: smooth weighted round robin, in the order that nginx has.
    WeightedRoundRobin,
    /// `random`: at random, by weight.
    Random,
    /// `round_robin`: equal turns, whatever the weights.
    RoundRobin,
    /// `least_request`: of two random nodes, the one with fewer requests in flight for its weight.
    LeastRequest,
    /// `hash`: by a key of the request, with few keys moved when nodes change.
    Hash,
}

impl Policy {
    /// Every policy, in the order of [`NAMES`](Self::NAMES).
    pub const ALL: &'static [Self] = &[
        Self::P2c,
        Self::WeightedRoundRobin,
        Self::Random,
        Self::RoundRobin,
        Self::LeastRequest,
        Self::Hash,
    ];

    /// The names as they stand in configuration.
    pub const NAMES: &'static [&'static str] =
        &["p2c", "wrr", "random", "round_robin", "least_request", "hash"];

    /// The policy called `name`, one of [`NAMES`](Self::NAMES), in any case.
    pub fn parse(name: &str) -> Option<Self> {
        let index = Self::NAMES.iter().position(|known| known.eq_ignore_ascii_case(name))?;
        Self::ALL.get(index).copied()
    }

    /// The name in configuration, logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P2c => "p2c",
            Self::WeightedRoundRobin => "wrr",
            Self::Random => "random",
            Self::RoundRobin => "round_robin",
            Self::LeastRequest => "least_request",
            Self::Hash => "hash",
        }
    }

    /// A selector without nodes.
    pub fn build(self) -> Arc<dyn Selector> {
        match self {
            Self::P2c => Arc::new(Balancer::new(P2c)),
            Self::WeightedRoundRobin => Arc::new(Balancer::new(WeightedRoundRobin::default())),
            Self::Random => Arc::new(Balancer::new(Random)),
            Self::RoundRobin => Arc::new(Balancer::new(RoundRobin::default())),
            Self::LeastRequest => Arc::new(Balancer::new(LeastRequest)),
            Self::Hash => Arc::new(Balancer::new(Hash)),
        }
    }
}

impl std::fmt::Display for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_policies_are_one_list() {
        let names: Vec<_> = Policy::ALL.iter().map(|policy| policy.as_str()).collect();
        assert_eq!(names, Policy::NAMES);
    }

    #[test]
    fn names_are_read_in_any_case() {
        for policy in Policy::ALL {
            assert_eq!(Policy::parse(policy.as_str()), Some(*policy));
            assert_eq!(Policy::parse(&policy.as_str().to_uppercase()), Some(*policy));
        }
        assert_eq!(Policy::parse("p3c"), None);
        assert_eq!(Policy::parse(""), None);
    }
}
