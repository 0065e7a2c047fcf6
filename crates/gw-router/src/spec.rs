//! What a route is made of, as the configuration says it: text, not yet checked.

use http::Method;

/// One route's conditions. All of them must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteSpec {
    /// Host templates, any one of which must match. Empty, or one that is `*`: any host, and no host.
    pub hosts: Vec<String>,
    /// The path pattern. It starts with `/`, or is `*` for every path.
    pub path: String,
    /// Methods, any one of which must match. Empty: any. HEAD is not implied by GET (as in kratos).
    pub methods: Vec<Method>,
}

/// How a whole router behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether `/s` and `/s/` lead to each other by a redirect, for routes that are not prefixes. Default false.
    pub strict_slash: bool,
}
