//! The finished router: read-only, shared by all workers.

use std::borrow::Cow;
use std::sync::Arc;

use http::Method;

use crate::authority::Authority;
use crate::builder::Route;
use crate::index::{Group, Index, Patterns};
use crate::{Lookup, Options, Target};

/// Finds the first route that matches, through an index whose cost does not grow with routes that differ in their
/// host, their method or the literal text of their path.
#[derive(Debug)]
pub struct Router<T> {
    pub(crate) options: Options,
    pub(crate) routes: Vec<Route<T>>,
    pub(crate) patterns: Patterns,
    index: Index,
}

/// What becomes of a target, with routes by number.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decision<'a> {
    Found(usize),
    Redirect(usize, Cow<'a, str>),
    MethodNotAllowed,
    NotFound,
}

/// What a search came to.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// The first route that matches in full.
    pub(crate) best: Option<usize>,
    /// Whether host and path of any route looked at match.
    path_matched: bool,
    /// Patterns tried: the measure of a lookup's cost.
    #[cfg(test)]
    pub(crate) examined: usize,
}

impl<T> Router<T> {
    pub(crate) fn new(options: Options, routes: Vec<Route<T>>, patterns: Patterns, index: Index) -> Self {
        Self { options, routes, patterns, index }
    }

    /// The first route that matches `target`.
    ///
    /// A full match always wins over a wrong method, however late it comes (kratos may answer 404 for a wrong method
    /// if a later route of the same host has another path). With [`Options::strict_slash`], a redirect wins over
    /// prefix routes after it, and over nothing else.
    ///
    /// Allocates nothing unless the route has variables, the answer is a redirect or a wrong method, strict slashes
    /// have to be tried, the host has letters in upper case or is an IPv6 address, or a regex is used for the first
    /// time in its thread.
    pub fn lookup<'r>(&'r self, target: &Target<'_>) -> Lookup<'r, T> {
        match self.decide(target) {
            Decision::Found(number) => {
                let route = &self.routes[number];
                Lookup::Found { index: route.index, value: &route.value, vars: self.variables(route, target) }
            }
            Decision::Redirect(_, path) => Lookup::Redirect { path: path.into_owned() },
            Decision::MethodNotAllowed => Lookup::MethodNotAllowed { allow: self.allowed(target) },
            Decision::NotFound => Lookup::NotFound,
        }
    }

    /// The routes' values with their indices, in the order of matching.
    pub fn values(&self) -> impl Iterator<Item = (usize, &T)> {
        self.routes.iter().map(|route| (route.index, &route.value))
    }

    /// How many routes there are.
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    pub(crate) fn decide<'a>(&self, target: &Target<'a>) -> Decision<'a> {
        let mut plain = self.search(target, target.path, usize::MAX, false);
        if self.options.strict_slash
            && plain.best.is_none_or(|number| self.patterns.paths[self.routes[number].path].open)
            && let Some(other) = self.other_form(target.path)
        {
            let slashed = self.search(target, &other, plain.best.unwrap_or(usize::MAX), true);
            if let Some(number) = slashed.best {
                return Decision::Redirect(number, other);
            }
            plain.path_matched |= slashed.path_matched;
        }
        match plain.best {
            Some(number) => Decision::Found(number),
            None if plain.path_matched => Decision::MethodNotAllowed,
            None => Decision::NotFound,
        }
    }

    /// Searches for `path` instead of the target's, among the routes before `bound`.
    pub(crate) fn search(&self, target: &Target<'_>, path: &str, bound: usize, closed_only: bool) -> Search {
        let mut search = Search::default();
        self.index.walk(&self.patterns, target, path, bound, &mut |group, bound| {
            #[cfg(test)]
            {
                search.examined += 1;
            }
            if closed_only && group.is_open || !self.matches(group, path) {
                return bound;
            }
            search.path_matched = true;
            match group.methods.first(target) {
                Some(number) if number < bound => {
                    search.best = Some(number);
                    number
                }
                _ => bound,
            }
        });
        search
    }

    /// Whether `path`, by which the index has led to a group, matches its pattern.
    fn matches(&self, group: &Group, path: &str) -> bool {
        group.is_literal || self.patterns.paths[group.path].matches_indexed(path)
    }

    /// `path` with its last slash, or without, if strict slashes are on and the result is safe to redirect to.
    pub(crate) fn other_form<'a>(&self, path: &'a str) -> Option<Cow<'a, str>> {
        if !self.options.strict_slash {
            return None;
        }
        match path.as_bytes() {
            // Browsers take `//x`, `/\x` and `/<tab>/x` for the host x.
            [b'/'] | [b'/', b'/' | b'\\' | 0..=b' ' | 0x7f, ..] => None,
            [b'/', .., b'/'] => Some(Cow::Borrowed(&path[..path.len() - 1])),
            [b'/', ..] => Some(Cow::Owned(format!("{path}/"))),
            _ => None,
        }
    }

    fn allowed(&self, target: &Target<'_>) -> Vec<Method> {
        let mut allow = Vec::new();
        let mut collect = |path: &str, closed_only: bool| {
            self.index.walk(&self.patterns, target, path, usize::MAX, &mut |group, bound| {
                if !(closed_only && group.is_open) && self.matches(group, path) {
                    allow.extend(group.methods.named().cloned());
                }
                bound
            });
        };
        collect(target.path, false);
        if let Some(other) = self.other_form(target.path) {
            collect(&other, true);
        }
        allow.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        allow.dedup();
        allow
    }

    fn variables(&self, route: &Route<T>, target: &Target<'_>) -> Vec<(Arc<str>, String)> {
        if route.variables == 0 {
            return Vec::new();
        }
        let mut variables = Vec::with_capacity(route.variables);
        if route.host_variables {
            let authority = Authority::new(target.host);
            let mut hosts = route.hosts.iter().map(|host| &self.patterns.hosts[*host]);
            hosts.any(|host| host.variables(&authority, &mut variables));
        }
        let pattern = &self.patterns.paths[route.path];
        if !pattern.names.is_empty() {
            pattern.variables(target.path, target.path, &mut variables);
        }
        variables
    }
}

#[cfg(test)]
mod tests;
