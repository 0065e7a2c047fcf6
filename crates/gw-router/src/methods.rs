//! The methods of the routes that share a host and a path pattern: each with the first route that takes it.

use http::Method;

use crate::Target;

/// Methods and routes. Routes are entered in ascending order.
#[derive(Debug, Default)]
pub(crate) struct Methods {
    /// The first route that takes any method.
    any: Option<usize>,
    /// By name, sorted.
    named: Vec<(Method, usize)>,
}

impl Methods {
    /// Enters a route; no methods means any.
    pub(crate) fn add(&mut self, methods: &[Method], index: usize) {
        if methods.is_empty() {
            self.any.get_or_insert(index);
        }
        for method in methods {
            if let Err(place) = self.place(method.as_str()) {
                self.named.insert(place, (method.clone(), index));
            }
        }
    }

    /// The first route that takes the target's method, or the method that it asks for as a CORS preflight.
    #[inline]
    pub(crate) fn first(&self, target: &Target<'_>) -> Option<usize> {
        if self.named.is_empty() {
            return self.any;
        }
        let named = |name: &str| self.place(name).ok().map(|place| self.named[place].1);
        let asked = target.asked().and_then(named);
        self.any.into_iter().chain(named(target.method.as_str())).chain(asked).min()
    }

    /// The methods that are named.
    pub(crate) fn named(&self) -> impl Iterator<Item = &Method> {
        self.named.iter().map(|(method, _)| method)
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.named.binary_search_by(|(method, _)| method.as_str().cmp(name))
    }
}

/// Whether a route of these methods takes the target's.
pub(crate) fn accept(methods: &[Method], target: &Target<'_>) -> bool {
    methods.is_empty()
        || methods.contains(target.method)
        || target.asked().is_some_and(|asked| methods.iter().any(|method| method.as_str() == asked))
}
