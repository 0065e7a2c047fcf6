//! Why a target finds the route it finds: every route's verdict, in the order of matching.

use std::fmt;

use http::Method;

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
    /// It matches as well, but another one comes before it.
    Later {
        /// The one that is found.
        than: usize,
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
            Self::Later { than } => write!(f, "would match, but route {than} wins"),
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
