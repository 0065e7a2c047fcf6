//! Which component owns which part of `/debug/`.

use std::collections::BTreeMap;
use std::sync::Arc;

use gw_core::Debuggable;
use http::Method;

/// Components by the name they own. Differs from kratos: no process-wide registry, and a name has one owner.
#[derive(Default)]
pub struct Registry(BTreeMap<&'static str, Entry>);

pub(crate) struct Entry {
    pub(crate) page: Arc<dyn Debuggable>,
    /// Methods beside GET and HEAD.
    pub(crate) methods: Vec<Method>,
}

impl Entry {
    /// Its pages.
    pub(crate) fn paths(&self) -> Vec<String> {
        let name = self.page.name();
        let path = |page: &&str| format!("/debug/{name}/{page}").trim_end_matches('/').to_owned();
        let mut paths: Vec<String> = self.page.pages().iter().map(path).collect();
        paths.sort();
        paths
    }
}

/// Why a component cannot be registered.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// Another component has the name.
    #[error("/debug/{0}/ is owned twice")]
    Duplicate(&'static str),
    /// The name is no path segment of lower-case letters, digits, `-` and `_`, or it is `ping`, which is ours.
    #[error("{0:?} cannot name a debug page")]
    Name(&'static str),
}

impl Registry {
    /// No components.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a component whose pages are only read: GET and HEAD.
    ///
    /// # Errors
    /// When its name is taken or is no path segment.
    pub fn with(self, page: Arc<dyn Debuggable>) -> Result<Self, RegisterError> {
        self.with_methods(page, &[])
    }

    /// Adds a component that takes `methods` too, on any of its pages; which page takes which is for it to say.
    ///
    /// # Errors
    /// When its name is taken or is no path segment.
    pub fn with_methods(
        mut self,
        page: Arc<dyn Debuggable>,
        methods: &[Method],
    ) -> Result<Self, RegisterError> {
        let name = page.name();
        let legal =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
        if name.is_empty() || name == "ping" || !name.bytes().all(legal) {
            return Err(RegisterError::Name(name));
        }
        if self.0.contains_key(name) {
            return Err(RegisterError::Duplicate(name));
        }
        self.0.insert(name, Entry { page, methods: methods.to_vec() });
        Ok(self)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Entry> {
        self.0.get(name)
    }

    /// All pages, `/debug/ping` included.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths: Vec<String> = self.0.values().flat_map(Entry::paths).collect();
        paths.push("/debug/ping".to_owned());
        paths.sort();
        paths
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debuggable;

    #[test]
    fn a_name_has_one_owner_and_is_a_segment() {
        let page = |name| debuggable(name, &["one", ""], |_| None);
        let registry = Registry::new().with(page("config")).unwrap().with(page("proxy-2")).unwrap();
        let config = ["/debug/config", "/debug/config/one"];
        assert_eq!(registry.paths()[..3], [config[0], config[1], "/debug/ping"]);
        assert_eq!(registry.get("config").unwrap().paths(), config);
        assert_eq!(registry.with(page("config")).unwrap_err(), RegisterError::Duplicate("config"));
        for name in ["", "ping", "a/b", "a?b", "a b", "Ä", "Config", ".."] {
            assert_eq!(Registry::new().with(page(name)).unwrap_err(), RegisterError::Name(name));
        }
    }
}
