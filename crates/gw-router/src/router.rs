//! The finished router: read-only, shared by all workers.

use crate::{Lookup, Options, PatternError, RouteInfo, RouteSpec, Step, Target};

/// Collects routes in the order in which they are to be tried.
#[derive(Debug)]
pub struct Builder<T> {
    options: Options,
    values: Vec<T>,
}

impl<T> Builder<T> {
    /// A builder without routes.
    pub fn new(options: Options) -> Self {
        Self { options, values: Vec::new() }
    }

    /// Adds a route. Its index is the number of calls before this one, failed ones included.
    ///
    /// # Errors
    /// A malformed pattern, or a duplicate; the router is then built without the route.
    pub fn add(&mut self, _spec: &RouteSpec, value: T) -> Result<(), PatternError> {
        self.values.push(value);
        Ok(())
    }

    /// The router.
    pub fn build(self) -> Router<T> {
        Router { options: self.options, values: self.values }
    }
}

/// Finds routes.
#[derive(Debug)]
pub struct Router<T> {
    options: Options,
    values: Vec<T>,
}

impl<T> Router<T> {
    /// The first route that matches.
    pub fn lookup<'r>(&'r self, target: &Target<'_>) -> Lookup<'r, T> {
        let _ = (target.asked(), self.options, &self.values);
        Lookup::NotFound
    }

    /// Every route's verdict on `target`.
    pub fn explain(&self, _target: &Target<'_>) -> Vec<Step> {
        Vec::new()
    }

    /// Every route as plain data.
    pub fn inspect(&self) -> Vec<RouteInfo> {
        Vec::new()
    }
}
