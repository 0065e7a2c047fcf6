//! Whether traffic should come: conditions that must hold, and whether the process is on its way out.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// A shared handle. Not ready until every expected condition holds, nor once it drains.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    conditions: BTreeMap<&'static str, bool>,
    draining: bool,
}

impl Readiness {
    /// Expects nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a condition that does not hold yet.
    pub fn expect(&self, condition: &'static str) {
        self.0.lock().conditions.entry(condition).or_insert(false);
    }

    /// Says that a condition holds.
    pub fn set_ready(&self, condition: &'static str) {
        self.0.lock().conditions.insert(condition, true);
    }

    /// Says that the process is stopping: not ready, for good.
    pub fn set_draining(&self) {
        self.0.lock().draining = true;
    }

    /// Why traffic should not come; empty when it should.
    pub fn reasons(&self) -> Vec<&'static str> {
        let state = self.0.lock();
        let missing = state.conditions.iter().filter(|(_, holds)| !**holds).map(|(name, _)| *name);
        state.draining.then_some("draining").into_iter().chain(missing).collect()
    }

    /// Every condition and whether it holds.
    pub fn conditions(&self) -> Vec<(&'static str, bool)> {
        let state = self.0.lock();
        let draining = ("not draining", !state.draining);
        state.conditions.iter().map(|(name, holds)| (*name, *holds)).chain([draining]).collect()
    }
}
