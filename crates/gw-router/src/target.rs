//! What is looked up, and what is found.

use std::sync::Arc;

use http::Method;

/// The parts of a request that decide its route. Nothing in it is decoded or cleaned: what is matched is what the
/// caller forwards.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The authority as received, port included. Empty if there is none.
    pub host: &'a str,
    /// The raw path, without the query.
    pub path: &'a str,
    /// The method.
    pub method: &'a Method,
    /// `Access-Control-Request-Method`, if the request is a CORS preflight. Only looked at when the method is OPTIONS.
    pub preflight: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// A target that is no CORS preflight.
    pub fn new(host: &'a str, path: &'a str, method: &'a Method) -> Self {
        Self { host, path, method, preflight: None }
    }

    /// The method that a CORS preflight asks for.
    pub(crate) fn asked(&self) -> Option<&'a str> {
        self.preflight.filter(|_| self.method == Method::OPTIONS)
    }
}

/// What a lookup came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<'r, T> {
    /// A route matches; it is the first in the order of the configuration.
    Found {
        /// Its place: 0 for the first call of [`Builder::add`](crate::Builder::add).
        index: usize,
        /// What was added with it.
        value: &'r T,
        /// Its variables with the raw text they stand for: the host's first, then the path's, left to right.
        vars: Vec<(Arc<str>, String)>,
    },
    /// The path matches but for its last slash, and [`Options::strict_slash`](crate::Options) is on.
    Redirect {
        /// The raw path to go to; the query is the caller's to keep. It never starts with `//` or `/\`, which a
        /// browser would take for another host.
        path: String,
    },
    /// Host and path match a route, but the method matches none.
    MethodNotAllowed {
        /// The methods of all routes whose host and path match, sorted, each once (RFC 9110 §10.2.1).
        allow: Vec<Method>,
    },
    /// No route's host and path match.
    NotFound,
}
