//! A router as plain data, for the admin port and `validate`.

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
