//! The decoder's own error: what is wrong, and which node is to blame.
//!
//! serde makes errors without a place; the innermost value that is being decoded then puts its own.

use std::fmt::Display;

use serde::de::{Expected, Unexpected};

use super::context::Node;
use crate::Span;

pub(super) type Result<T> = std::result::Result<T, Error>;

/// Boxed, since it travels in every result of a decoding.
#[derive(Debug)]
pub(super) struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    problem: Problem,
    place: Option<Place>,
}

/// Whom to blame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// What is left out to get past the error.
    pub(super) node: Node,
    /// What to point at.
    pub(super) span: Span,
    /// Whether it only follows from what was reported before.
    pub(super) excused: bool,
    /// Whether a stand-in for a missing key failed; `node` is the table that misses it.
    pub(super) stand_in: bool,
}

/// What is wrong.
#[derive(Debug)]
pub(super) enum Problem {
    UnknownKey { key: String, expected: &'static [&'static str] },
    WrongType { expected: String, found: String, help: Option<String> },
    Missing { key: &'static str },
    UnknownName { name: String, expected: &'static [&'static str] },
    Duration { message: String, help: Option<String> },
    Range { number: String, allowed: String },
    Twice { key: String, other: String },
    Invalid { message: String },
}

impl Error {
    pub(super) fn new(problem: Problem) -> Self {
        Self(Box::new(Inner { problem, place: None }))
    }

    pub(super) fn invalid(message: impl Display) -> Self {
        Self::new(Problem::Invalid { message: message.to_string() })
    }

    pub(super) fn problem(&self) -> &Problem {
        &self.0.problem
    }

    /// Puts the place unless a more inner value has put its own.
    pub(super) fn or_place(mut self, place: impl FnOnce(&Problem) -> Place) -> Self {
        if self.0.place.is_none() {
            self.0.place = Some(place(&self.0.problem));
        }
        self
    }

    pub(super) fn into_parts(self) -> (Problem, Option<Place>) {
        (self.0.problem, self.0.place)
    }
}

impl Place {
    pub(super) fn new(node: Node, span: Span) -> Self {
        Self { node, span, excused: false, stand_in: false }
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What a `Deserialize` type that tries several readings may show of the failed ones.
        f.write_str(&self.0.problem.message())
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: Display>(message: T) -> Self {
        Self::invalid(message)
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Bool(_) => "a boolean",
            Unexpected::Unsigned(_) | Unexpected::Signed(_) => "an integer",
            Unexpected::Float(_) => "a float",
            Unexpected::Char(_) | Unexpected::Str(_) | Unexpected::Bytes(_) => "a string",
            Unexpected::Unit | Unexpected::Option => "null",
            Unexpected::Seq => "an array",
            Unexpected::Map => "a table",
            other => return Self::wrong_type(expected.to_string(), other.to_string()),
        };
        Self::wrong_type(expected.to_string(), found.to_owned())
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        match found {
            Unexpected::Unsigned(number) => Self::range(number, expected),
            Unexpected::Signed(number) => Self::range(number, expected),
            Unexpected::Float(number) => Self::range(number, expected),
            found => Self::invalid(format_args!("expected {expected}, found {found}")),
        }
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::invalid(format_args!("expected {expected}, found {length} elements"))
    }

    fn unknown_variant(name: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Problem::UnknownName { name: name.to_owned(), expected })
    }

    fn unknown_field(key: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Problem::UnknownKey { key: key.to_owned(), expected })
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new(Problem::Missing { key })
    }

    fn duplicate_field(key: &'static str) -> Self {
        Self::new(Problem::Twice { key: key.to_owned(), other: key.to_owned() })
    }
}

impl Error {
    fn wrong_type(expected: String, found: String) -> Self {
        Self::new(Problem::WrongType { expected, found, help: None })
    }

    fn range(number: impl Display, allowed: &dyn Expected) -> Self {
        Self::new(Problem::Range { number: number.to_string(), allowed: allowed.to_string() })
    }
}
