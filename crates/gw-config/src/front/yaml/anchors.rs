//! Anchors, and how far their aliases unfold: a file of a few lines must not become gigabytes.

use std::collections::HashMap;

use gw_value::{Kind, MAX_DEPTH, Span, Value};

use super::super::{syntax, too_deep};
use crate::Diagnostic;
use crate::codes::TOO_LARGE;
use crate::document::MAX_BYTES;

/// What all aliases of a document may unfold to, in bytes of text: as much as a document may have.
const MAX_UNFOLDED: usize = MAX_BYTES;

/// What a value weighs beside its text, in bytes.
const WEIGHT: usize = 64;

/// The anchored values, by the parser's number for the anchor.
#[derive(Default)]
pub(super) struct Anchors {
    values: HashMap<usize, Value>,
    unfolded: usize,
}

impl Anchors {
    /// Remembers a value; 0 is no anchor.
    pub(super) fn define(&mut self, anchor: usize, value: &Value) {
        if anchor != 0 {
            self.values.insert(anchor, value.clone());
        }
    }

    /// The value of an alias; it keeps the anchor's place, where it can be mended.
    pub(super) fn unfold(&mut self, anchor: usize, span: Span, depth: usize) -> Result<Value, Diagnostic> {
        // An anchor is defined when its value is complete.
        let Some(value) = self.values.get(&anchor) else {
            return Err(syntax("the alias stands inside its own anchor", span));
        };
        if depth + height(value) > MAX_DEPTH + 1 {
            return Err(too_deep(span));
        }
        self.unfolded += weight(value);
        if self.unfolded > MAX_UNFOLDED {
            let message = "the aliases unfold to more than 16 MiB";
            return Err(Diagnostic::error(TOO_LARGE, message, span));
        }
        Ok(value.clone())
    }
}

/// How many levels a value has: 1 for a scalar.
fn height(value: &Value) -> usize {
    let items = value.items().iter().map(height);
    let entries = value.entries().iter().map(|(_, value)| height(value));
    1 + items.chain(entries).max().unwrap_or_default()
}

fn weight(value: &Value) -> usize {
    let below = match &value.kind {
        Kind::String(text) => text.len(),
        Kind::Array(items) => items.iter().map(weight).sum(),
        Kind::Table(entries) => entries.iter().map(|(key, value)| key.name.len() + weight(value)).sum(),
        Kind::Null | Kind::Bool(_) | Kind::Integer(_) | Kind::Float(_) => 0,
    };
    WEIGHT + below
}
