//! Why a route is refused, and where in its text the cause stands.

use std::ops::Range;

/// The part of a [`RouteSpec`](crate::RouteSpec) that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The path pattern.
    Path,
    /// The host template of this index.
    Host(usize),
    /// The whole: a route with the same hosts, path and methods was added before.
    Duplicate {
        /// The index of the first.
        of: usize,
    },
}

/// A route that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct PatternError {
    /// What is wrong.
    pub field: Field,
    /// Bytes of that field's text; empty for a duplicate. Always on character boundaries.
    pub at: Range<usize>,
    reason: Reason,
}

impl PatternError {
    pub(crate) fn new(field: Field, fault: Fault) -> Self {
        Self { field, at: fault.at, reason: fault.reason }
    }

    /// What to write instead, where that is known: one sentence.
    pub fn help(&self) -> Option<String> {
        self.reason.help()
    }
}

/// A reason with its place in a pattern, before it is known which field the pattern is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) at: Range<usize>,
    pub(crate) reason: Reason,
}

impl Fault {
    pub(crate) fn new(at: Range<usize>, reason: Reason) -> Self {
        Self { at, reason }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Reason {
    #[error("the pattern is empty")]
    Empty,
    #[error("the path does not start with `/`")]
    NoLeadingSlash,
    #[error("the pattern has {length} bytes, more than {limit}")]
    TooLong { length: usize, limit: usize },
    #[error("`{{` is never closed")]
    Unclosed,
    #[error("`}}` closes nothing")]
    Unopened,
    #[error("the variable has no name")]
    NoName,
    #[error("the variable has no regex after its `:`")]
    NoRegex,
    #[error("`{character}` cannot stand in a variable's name")]
    NameCharacter { character: char },
    #[error("the variable `{name}` is there twice")]
    Twice { name: String },
    #[error("{message}")]
    Regex { message: String, bare: bool },
    #[error("the regex needs more than {limit} bytes when compiled")]
    TooBig { limit: usize },
    #[error("`^` and `$` can only stand at the ends of a regex")]
    Anchor,
    #[error("the regex matches nothing")]
    NeverMatches { bare: bool },
    #[error("{character:?} is never in a path")]
    PathCharacter { character: char },
    #[error("{character:?} is never in a host")]
    HostCharacter { character: char },
    #[error("`*` can only be the first label of a host")]
    Star,
    #[error("the port is not a number from 1 to 65535")]
    Port,
    #[error("this is not an IPv6 address")]
    Address,
    #[error("a label is empty")]
    EmptyLabel,
    #[error("the same hosts, path and methods as route {of}")]
    Duplicate { of: usize },
}

impl Reason {
    fn help(&self) -> Option<String> {
        let help = match self {
            Self::Empty => "`*` stands for all",
            Self::NoLeadingSlash => "a path starts with `/`; `*` alone is every path",
            Self::Unclosed => "a brace inside a regex is written `\\{` or `\\}`",
            Self::Unopened => "a literal brace never is in a path: it is sent as %7B or %7D",
            Self::NoName | Self::NoRegex => "write `{name}` or `{name:regex}`",
            Self::NameCharacter { character: '=' } => {
                "templates of google.api.http are not understood: write `{name}` or `{name:regex}`"
            }
            Self::NameCharacter { .. } => "names are made of letters, digits, `_`, `-` and `.`",
            Self::Regex { bare: true, .. } | Self::NeverMatches { bare: true } => {
                "a segment with `[`, `(` or `\\` is a regex for that one segment, and a last `*` always makes a \
                 prefix; write `{name:regex}` for a regex with `/` in it"
            }
            Self::TooBig { .. } => {
                "use smaller repetitions, or ASCII classes such as `[0-9A-Za-z_]` for `\\w`"
            }
            Self::Anchor => "a regex always matches its part as a whole: leave them out",
            Self::PathCharacter { character: '?' | '#' } => {
                "the query is not matched; for a regex write `(?:…)` around it, or `{name:regex}`"
            }
            Self::PathCharacter { .. } => "paths are matched as sent: write it percent-encoded",
            Self::HostCharacter { character } if !character.is_ascii() => {
                "write the name in its ASCII form (xn--…)"
            }
            Self::HostCharacter { .. } => {
                "a host template is `name`, `*.name`, `{label}.name` or `{label:regex}.name`"
            }
            Self::Star => "`*.example.com` is any name below it; elsewhere write `{label}`",
            Self::Port => "without `:`, any port matches",
            Self::Address => "IPv6 addresses stand in brackets, as in `[::1]`",
            Self::Duplicate { .. } => "the first always wins: remove one of them",
            Self::TooLong { .. }
            | Self::Twice { .. }
            | Self::EmptyLabel
            | Self::Regex { bare: false, .. }
            | Self::NeverMatches { bare: false } => return None,
        };
        Some(help.to_owned())
    }
}
