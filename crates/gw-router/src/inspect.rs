//! A router as plain data, for the admin port and `validate`.

use http::Method;

use crate::Router;
use crate::builder::Route;
use crate::host::HostPattern;

/// One route, as it was compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteInfo {
    /// Its place in the order of matching.
    pub index: usize,
    /// The path pattern as written.
    pub path: String,
    /// The host templates as written. Empty: any.
    pub hosts: Vec<String>,
    /// The methods. Empty: any.
    pub methods: Vec<String>,
    /// Whether the pattern matches every path that begins with it.
    pub prefix: bool,
    /// The text that every matching path begins with: what the index is keyed by.
    pub literal_prefix: String,
    /// The pattern as one regex, if it is not literal.
    pub regex: Option<String>,
    /// The variables' names: the hosts' first, then the path's.
    pub variables: Vec<String>,
    /// An earlier route that takes every request this one could. `None` does not prove that there is none: only equal
    /// path patterns and literal prefixes are compared.
    pub shadowed_by: Option<usize>,
}

impl<T> Router<T> {
    /// Every route as plain data, in the order of matching. Compares routes with each other: for people, not for
    /// requests.
    pub fn inspect(&self) -> Vec<RouteInfo> {
        self.routes.iter().enumerate().map(|(number, route)| self.info(number, route)).collect()
    }

    fn info(&self, number: usize, route: &Route<T>) -> RouteInfo {
        let pattern = &self.patterns.paths[route.path];
        let hosts = route.hosts.iter().map(|host| &self.patterns.hosts[*host]);
        let mut variables: Vec<String> = Vec::new();
        for name in hosts.flat_map(HostPattern::names).chain(&pattern.names) {
            if !variables.iter().any(|other| **other == **name) {
                variables.push(name.to_string());
            }
        }
        let earlier = self.routes[..number].iter().find(|earlier| self.hides(earlier, route));
        RouteInfo {
            index: route.index,
            path: route.spec.path.clone(),
            hosts: route.spec.hosts.clone(),
            methods: route.spec.methods.iter().map(Method::to_string).collect(),
            prefix: pattern.open,
            literal_prefix: pattern.literal_prefix().to_owned(),
            regex: pattern.regex_text(),
            variables,
            shadowed_by: earlier.map(|earlier| earlier.index),
        }
    }

    /// Whether `earlier` takes every request that `later` could.
    fn hides(&self, earlier: &Route<T>, later: &Route<T>) -> bool {
        let (first, second) = (&self.patterns.paths[earlier.path], &self.patterns.paths[later.path]);
        let path = earlier.path == later.path
            || first.open && first.as_literal().is_some_and(|text| second.literal_prefix().starts_with(text));
        let taken = |method| earlier.spec.methods.contains(method);
        let methods = earlier.spec.methods.is_empty()
            || !later.spec.methods.is_empty() && later.spec.methods.iter().all(taken);
        path && methods && self.hides_hosts(earlier, later)
    }

    fn hides_hosts(&self, earlier: &Route<T>, later: &Route<T>) -> bool {
        let hosts = &self.patterns.hosts;
        let covered =
            |later: &usize| earlier.hosts.iter().any(|earlier| hosts[*earlier].covers(&hosts[*later]));
        earlier.hosts.is_empty() || !later.hosts.is_empty() && later.hosts.iter().all(covered)
    }
}
