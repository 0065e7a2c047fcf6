//! Which names stand for which factories. A value like any other: nothing registers itself.

use std::sync::Arc;

use crate::{MiddlewareFactory, bbr, circuitbreaker, cors, headers, logging, request_id, rewrite};

/// The factories this crate brings.
pub const BUILT_IN: &[&dyn MiddlewareFactory] = &[
    &bbr::Factory,
    &circuitbreaker::Factory,
    &cors::Factory,
    &headers::Factory,
    &logging::Factory,
    &request_id::Factory,
    &rewrite::Factory,
];

/// How alike a name must be to be suggested, 0 to 1.
const ALIKE: f64 = 0.75;

/// Factories by name.
#[derive(Clone, Default)]
pub struct Registry {
    factories: Vec<Known>,
}

#[derive(Clone)]
enum Known {
    BuiltIn(&'static dyn MiddlewareFactory),
    Added(Arc<dyn MiddlewareFactory>),
}

impl Known {
    fn factory(&self) -> &dyn MiddlewareFactory {
        match self {
            Self::BuiltIn(factory) => *factory,
            Self::Added(factory) => factory.as_ref(),
        }
    }
}

impl Registry {
    /// The built-ins.
    pub fn built_in() -> Self {
        Self { factories: BUILT_IN.iter().map(|factory| Known::BuiltIn(*factory)).collect() }
    }

    /// Adds a factory. It takes the place of one of the same name, so that a user's own can replace a built-in.
    #[must_use]
    pub fn with(mut self, factory: impl MiddlewareFactory) -> Self {
        self.factories.retain(|known| !known.factory().name().eq_ignore_ascii_case(factory.name()));
        self.factories.push(Known::Added(Arc::new(factory)));
        self
    }

    /// The factory of a name, in any case.
    pub fn get(&self, name: &str) -> Option<&dyn MiddlewareFactory> {
        self.factories.iter().map(Known::factory).find(|factory| factory.name().eq_ignore_ascii_case(name))
    }

    /// Has every factory write out what its middlewares still hold, all at once.
    pub async fn flush(&self) {
        futures_util::future::join_all(self.factories.iter().map(|known| known.factory().flush())).await;
    }

    /// All names, sorted.
    pub fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.factories.iter().map(|known| known.factory().name()).collect();
        names.sort_unstable();
        names
    }

    /// The name that was probably meant.
    pub fn suggest(&self, name: &str) -> Option<&'static str> {
        let name = name.to_ascii_lowercase();
        let score = |known: &'static str| (strsim::jaro_winkler(known, &name), known);
        let (alike, known) =
            self.names().into_iter().map(score).max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(a.1)))?;
        (alike >= ALIKE).then_some(known)
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Registry").field(&self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BuildContext, BuildError, Middleware};
    use gw_value::Options;

    struct Mine;

    impl MiddlewareFactory for Mine {
        fn name(&self) -> &'static str {
            "Cors"
        }

        fn build(&self, _: &Options, _: &BuildContext) -> Result<Arc<dyn Middleware>, BuildError> {
            Err(BuildError::Failed("mine".into()))
        }
    }

    #[test]
    fn names_are_found_in_any_case_and_misspellings_are_guessed() {
        let registry = Registry::built_in();
        assert_eq!(registry.get("CORS").map(MiddlewareFactory::name), Some("cors"));
        assert!(registry.get("cros").is_none());
        assert_eq!(registry.suggest("Requestid"), Some("request_id"));
        assert_eq!(registry.suggest("zzz"), None);
    }

    #[test]
    fn an_added_factory_replaces_the_built_in_of_its_name() {
        let registry = Registry::built_in().with(Mine);
        assert_eq!(registry.names().len(), BUILT_IN.len());
        assert_eq!(registry.get("cors").map(MiddlewareFactory::name), Some("Cors"));
    }
}
