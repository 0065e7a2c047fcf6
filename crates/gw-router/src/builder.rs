//! Routes are checked and compiled one by one, then indexed.

use std::collections::HashMap;
use std::sync::Arc;

use http::Method;

use crate::error::{Fault, Field, Reason};
use crate::host::HostPattern;
use crate::index::{Entry, Index, Patterns};
use crate::pattern::Pattern;
use crate::{Options, PatternError, RouteSpec, Router};

/// Collects routes in the order in which they are to be tried.
#[derive(Debug)]
pub struct Builder<T> {
    options: Options,
    /// Calls of `add` so far.
    added: usize,
    routes: Vec<Route<T>>,
    patterns: Patterns,
    host_numbers: HashMap<String, usize>,
    path_numbers: HashMap<String, usize>,
    seen: HashMap<Identity, usize>,
}

/// A route of a finished router.
#[derive(Debug)]
pub(crate) struct Route<T> {
    /// Its place among the calls of `add`.
    pub(crate) index: usize,
    pub(crate) value: T,
    pub(crate) spec: RouteSpec,
    /// Numbers of its host templates in the order of the configuration; none for any host.
    pub(crate) hosts: Vec<usize>,
    /// The number of its path pattern.
    pub(crate) path: usize,
    /// How many variables a match has, at most.
    pub(crate) variables: usize,
    /// Whether there are any in its host templates.
    pub(crate) host_variables: bool,
}

/// What makes two routes one: hosts and methods as sorted sets, and the path pattern.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Identity {
    hosts: Vec<usize>,
    path: usize,
    methods: Vec<String>,
}

impl<T> Builder<T> {
    /// A builder without routes.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            added: 0,
            routes: Vec::new(),
            patterns: Patterns::default(),
            host_numbers: HashMap::new(),
            path_numbers: HashMap::new(),
            seen: HashMap::new(),
        }
    }

    /// Adds a route. Its index is the number of calls before this one, failed ones included.
    ///
    /// # Errors
    /// A malformed pattern, or a duplicate of a route added before: the same path pattern, the same set of hosts
    /// (regardless of case) and the same set of methods. The route is then left out.
    pub fn add(&mut self, spec: &RouteSpec, value: T) -> Result<(), PatternError> {
        let index = self.added;
        self.added += 1;
        let path = Pattern::path(&spec.path).map_err(|fault| PatternError::new(Field::Path, fault))?;
        let hosts = compile_hosts(spec, &path)?;

        let of_hosts = hosts.iter().map(|host| host.names().count()).max().unwrap_or_default();
        let variables = of_hosts + path.names.len();
        let path = self.path_number(path);
        let hosts: Vec<usize> = hosts.into_iter().map(|host| self.host_number(host)).collect();
        let identity = Identity {
            hosts: sorted(hosts.clone()),
            path,
            methods: sorted(spec.methods.iter().map(Method::to_string).collect()),
        };
        if let Some(of) = self.seen.get(&identity) {
            let fault = Fault::new(0..0, Reason::Duplicate { of: *of });
            return Err(PatternError::new(Field::Duplicate { of: *of }, fault));
        }
        self.seen.insert(identity, index);
        self.routes.push(Route {
            index,
            value,
            spec: spec.clone(),
            hosts,
            path,
            variables,
            host_variables: of_hosts > 0,
        });
        Ok(())
    }

    /// The router of all routes that were added without an error.
    pub fn build(self) -> Router<T> {
        let mut index = Index::default();
        for (number, route) in self.routes.iter().enumerate() {
            let entry =
                Entry { route: number, hosts: &route.hosts, path: route.path, methods: &route.spec.methods };
            index.add(&entry, &self.patterns);
        }
        Router::new(self.options, self.routes, self.patterns, index)
    }

    fn path_number(&mut self, pattern: Pattern) -> usize {
        *self.path_numbers.entry(pattern.canonical.clone()).or_insert_with(|| {
            self.patterns.paths.push(pattern);
            self.patterns.paths.len() - 1
        })
    }

    fn host_number(&mut self, pattern: HostPattern) -> usize {
        *self.host_numbers.entry(pattern.canonical.clone()).or_insert_with(|| {
            self.patterns.hosts.push(pattern);
            self.patterns.hosts.len() - 1
        })
    }
}

/// The compiled templates; none if one of them is `*`.
fn compile_hosts(spec: &RouteSpec, path: &Pattern) -> Result<Vec<HostPattern>, PatternError> {
    let mut hosts = Vec::with_capacity(spec.hosts.len());
    for (position, text) in spec.hosts.iter().enumerate() {
        if text == "*" {
            continue;
        }
        let place = |fault| PatternError::new(Field::Host(position), fault);
        let host = HostPattern::new(text).map_err(place)?;
        if let Some(twice) = host.names().find(|name| path.names.contains(name)) {
            return Err(place(twice_fault(text, twice)));
        }
        hosts.push(host);
    }
    if spec.hosts.iter().any(|host| host == "*") {
        hosts.clear();
    }
    Ok(hosts)
}

fn twice_fault(text: &str, name: &Arc<str>) -> Fault {
    let at = text.find(&format!("{{{name}")).map_or(0..text.len(), |at| at + 1..at + 1 + name.len());
    Fault::new(at, Reason::Twice { name: name.to_string() })
}

fn sorted<V: Ord>(mut set: Vec<V>) -> Vec<V> {
    set.sort_unstable();
    set.dedup();
    set
}

#[cfg(test)]
mod tests;
