//! Why a target finds the route it finds: every route's verdict, in the order of matching.

use std::fmt;

use http::Method;

use crate::authority::Authority;
use crate::builder::Route;
use crate::router::Decision;
use crate::{Router, Target, methods};

/// One route's verdict on a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The route's place.
    pub index: usize,
    /// Its path pattern as written.
    pub path: String,
    /// What it says.
    pub verdict: Verdict,
}

/// What a route says to a target. The first condition that fails is named, in the order host, path, method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This route is found.
    Found,
    /// This route sends the client to the path with, or without, its last slash.
    Redirected {
        /// Where to.
        path: String,
    },
    /// It would match as well, but another one wins: an earlier one, or with strict slashes a later one that matches
    /// without a redirect.
    Beaten {
        /// The one that wins.
        by: usize,
    },
    /// The host is another.
    Host,
    /// The path is another.
    Path,
    /// Host and path match, the method does not.
    Method {
        /// The methods it takes.
        allow: Vec<Method>,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "route {} ({}): {}", self.index, self.path, self.verdict)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found => f.write_str("matches"),
            Self::Redirected { path } => write!(f, "matches but for the last slash, redirects to {path}"),
            Self::Beaten { by } => write!(f, "would match, but route {by} wins"),
            Self::Host => f.write_str("the host does not match"),
            Self::Path => f.write_str("the path does not match"),
            Self::Method { allow } => {
                f.write_str("the method does not match, it takes ")?;
                let names: Vec<_> = allow.iter().map(Method::as_str).collect();
                f.write_str(&names.join(", "))
            }
        }
    }
}

impl<T> Router<T> {
    /// Every route's verdict on `target`, in the order of matching. Tries the routes one by one, without the index: for
    /// people, not for requests.
    pub fn explain(&self, target: &Target<'_>) -> Vec<Step> {
        let decision = self.decide(target);
        let winner = match &decision {
            Decision::Found(number) | Decision::Redirect(number, _) => Some(*number),
            Decision::MethodNotAllowed | Decision::NotFound => None,
        };
        let authority = Authority::new(target.host);
        let other = self.other_form(target.path);
        let step = |(number, route): (usize, &Route<T>)| {
            let pattern = &self.patterns.paths[route.path];
            let slashed = || !pattern.open && other.as_ref().is_some_and(|other| pattern.matches(other));
            let verdict = if !self.host_matches(route, &authority) {
                Verdict::Host
            } else if !pattern.matches(target.path) && !slashed() {
                Verdict::Path
            } else if !methods::accept(&route.spec.methods, target) {
                Verdict::Method { allow: route.spec.methods.clone() }
            } else {
                match (&decision, winner) {
                    (Decision::Redirect(winner, path), _) if *winner == number => {
                        Verdict::Redirected { path: path.clone().into_owned() }
                    }
                    (_, Some(winner)) if winner != number => {
                        Verdict::Beaten { by: self.routes[winner].index }
                    }
                    _ => Verdict::Found,
                }
            };
            Step { index: route.index, path: route.spec.path.clone(), verdict }
        };
        self.routes.iter().enumerate().map(step).collect()
    }

    fn host_matches(&self, route: &Route<T>, authority: &Authority<'_>) -> bool {
        route.hosts.is_empty() || route.hosts.iter().any(|host| self.patterns.hosts[*host].matches(authority))
    }
}
