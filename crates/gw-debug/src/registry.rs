//! Which component owns which pages.

use std::collections::BTreeMap;
use std::sync::Arc;

use gw_core::Debuggable;

/// Components by the segment they own below `/debug/`.
#[derive(Clone, Default)]
pub struct Registry(BTreeMap<&'static str, Arc<dyn Debuggable>>);

/// Two components claim the same pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("two components claim /debug/{0}/")]
pub struct DuplicateName(pub &'static str);

impl Registry {
    /// No pages but those that the admin port has by itself.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a component.
    ///
    /// # Errors
    /// When its name is taken, `ping` included, which the admin port answers by itself.
    pub fn with(mut self, component: Arc<dyn Debuggable>) -> Result<Self, DuplicateName> {
        let name = component.name();
        if name == "ping" || self.0.insert(name, component).is_some() {
            return Err(DuplicateName(name));
        }
        Ok(self)
    }

    /// The component of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&Arc<dyn Debuggable>> {
        self.0.get(name)
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}
