//! The tree that all configuration formats are read into.
//!
//! Tables keep the order of their keys, and every key even if it is given twice: the decoder complains about it.
//! Equality compares what is written and not where.

mod serde_impl;

use crate::Span;

/// How deep a tree may be, the root being at depth 1. Front ends refuse deeper documents while they read them:
/// whatever walks a tree here recurses.
pub const MAX_DEPTH: usize = 64;

/// A value and its place. As a field of a decoded struct it keeps the places of all that it holds.
#[derive(Clone, Debug)]
pub struct Value {
    /// What it is.
    pub kind: Kind,
    /// Where it stands; for a table that its keys open, where its header or first key stands.
    pub span: Span,
}

/// What a value is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Kind {
    /// Nothing. In the Go dialect a key that holds it is unset.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number. Only finite ones can be decoded.
    Float(f64),
    /// Text. Dates of TOML are text, too.
    String(String),
    /// A list.
    Array(Vec<Value>),
    /// Named values in the order of the document.
    Table(Vec<(Key, Value)>),
}

/// A key of a table and its place.
#[derive(Clone, Debug)]
pub struct Key {
    /// The key as written, without quotes and escapes.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

impl Value {
    /// A value at a place.
    pub const fn new(kind: Kind, span: Span) -> Self {
        Self { kind, span }
    }

    /// A value that no document holds.
    pub const fn unplaced(kind: Kind) -> Self {
        Self::new(kind, Span::NONE)
    }

    /// The value of a key, if this is a table that has it; of a key that is given twice, the first.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(found, _)| found.name == key).map(|(_, value)| value)
    }

    /// The text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    pub const fn as_bool(&self) -> Option<bool> {
        match self.kind {
            Kind::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    /// The number, if it is a whole one.
    pub const fn as_integer(&self) -> Option<i64> {
        match self.kind {
            Kind::Integer(number) => Some(number),
            _ => None,
        }
    }

    /// The elements of a list; of anything else, none.
    pub fn items(&self) -> &[Self] {
        match &self.kind {
            Kind::Array(items) => items,
            _ => &[],
        }
    }

    /// The entries of a table; of anything else, none.
    pub fn entries(&self) -> &[(Key, Self)] {
        match &self.kind {
            Kind::Table(entries) => entries,
            _ => &[],
        }
    }

    /// Whether it is nothing.
    pub const fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// What it is, for people: `null`, `boolean`, `integer`, `float`, `string`, `array` or `table`.
    pub const fn type_name(&self) -> &'static str {
        self.kind.type_name()
    }
}

impl Kind {
    /// What it is, for people: `null`, `boolean`, `integer`, `float`, `string`, `array` or `table`.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Integer(_) => "integer",
            Self::Float(_) => "float",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Table(_) => "table",
        }
    }
}

impl Key {
    /// A key at a place.
    pub fn new(name: impl Into<String>, span: Span) -> Self {
        Self { name: name.into(), span }
    }
}

impl Default for Value {
    /// Nothing, nowhere.
    fn default() -> Self {
        Self::unplaced(Kind::Null)
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl From<bool> for Kind {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<i64> for Kind {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<f64> for Kind {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<&str> for Kind {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Kind {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}
