//! Whether the gateway wants traffic, and if not, why.
//!
//! Invariant: ready means that at least one condition is known, all known ones are met, and no drain has begun. A
//! drain does not end.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// What the parts of a gateway report to and `/readyz` reads. Clones are one and the same.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    draining: bool,
    /// By name: why it is not met, if it is not.
    conditions: BTreeMap<&'static str, Option<String>>,
}

impl Readiness {
    /// Not ready: no condition is known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a condition that is yet to be met, e.g. `listeners`.
    pub fn expect(&self, condition: &'static str) {
        self.set_not_ready(condition, "not yet");
    }

    /// Notes that a condition is met.
    pub fn set_ready(&self, condition: &'static str) {
        self.0.lock().conditions.insert(condition, None);
    }

    /// Notes that a condition is not, or no longer, met.
    pub fn set_not_ready(&self, condition: &'static str, reason: impl Into<String>) {
        self.0.lock().conditions.insert(condition, Some(reason.into()));
    }

    /// Notes that the gateway is about to stop: from now on it is not ready, whatever is met.
    pub fn set_draining(&self) {
        self.0.lock().draining = true;
    }

    /// Whether traffic is wanted.
    pub fn is_ready(&self) -> bool {
        self.reasons().is_empty()
    }

    /// Why traffic is not wanted, e.g. `config: not yet`; empty = ready.
    pub fn reasons(&self) -> Vec<String> {
        let state = self.0.lock();
        let mut reasons = Vec::new();
        if state.draining {
            reasons.push("draining".to_owned());
        }
        if state.conditions.is_empty() {
            reasons.push("starting".to_owned());
        }
        let unmet = state.conditions.iter().filter_map(|(name, reason)| Some((name, reason.as_ref()?)));
        reasons.extend(unmet.map(|(name, reason)| format!("{name}: {reason}")));
        reasons
    }

    /// Every condition on a line: `[+] config` or `[-] listeners: not yet`.
    pub(crate) fn verbose(&self) -> String {
        let state = self.0.lock();
        let mut lines: Vec<String> = state
            .conditions
            .iter()
            .map(|(name, reason)| match reason {
                None => format!("[+] {name}\n"),
                Some(reason) => format!("[-] {name}: {reason}\n"),
            })
            .collect();
        if state.draining {
            lines.push("[-] draining\n".to_owned());
        }
        lines.concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_must_be_met() {
        let readiness = Readiness::new();
        assert_eq!(readiness.reasons(), ["starting"]);
        readiness.expect("listeners");
        readiness.set_ready("config");
        assert_eq!(readiness.reasons(), ["listeners: not yet"]);
        let clone = readiness.clone();
        clone.set_ready("listeners");
        assert!(readiness.is_ready() && clone.is_ready());
        readiness.set_not_ready("config", "gone");
        assert_eq!(readiness.reasons(), ["config: gone"]);
    }

    #[test]
    fn a_drain_outweighs_and_outlasts_the_rest() {
        let readiness = Readiness::new();
        readiness.set_ready("config");
        readiness.set_draining();
        readiness.set_ready("config");
        assert_eq!(readiness.reasons(), ["draining"]);
        assert_eq!(readiness.verbose(), "[+] config\n[-] draining\n");
    }
}
