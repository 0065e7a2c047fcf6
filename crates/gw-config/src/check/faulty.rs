//! Which keys the decoder could not read, so that their defaults are not taken for what the document says.

use std::collections::HashSet;

use gw_value::{Fault, Span, Value};

/// Keys with errors below them, by the place of their table.
pub(super) struct Faulty(HashSet<(Span, String)>);

impl Faulty {
    /// Finds the keys in the tree.
    pub(super) fn new(tree: &Value, faults: &[Fault]) -> Self {
        let spans: HashSet<Span> = faults.iter().filter(|fault| fault.is_error()).map(|f| f.span).collect();
        let mut keys = HashSet::new();
        if !spans.is_empty() {
            mark(tree, &spans, &mut keys);
        }
        Self(keys)
    }

    /// Whether a key of the table at a place is what the document says: read, or absent.
    pub(super) fn is_sound(&self, table: Span, key: &str) -> bool {
        !self.0.contains(&(table, fold(key)))
    }
}

/// Whether there is an error at a value or below.
fn mark(value: &Value, faults: &HashSet<Span>, keys: &mut HashSet<(Span, String)>) -> bool {
    let mut found = faults.contains(&value.span);
    for (key, child) in value.entries() {
        if faults.contains(&key.span) | mark(child, faults, keys) {
            keys.insert((value.span, fold(&key.name)));
            found = true;
        }
    }
    for item in value.items() {
        found |= mark(item, faults, keys);
    }
    found
}

/// A key in either dialect's spelling.
fn fold(key: &str) -> String {
    key.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect()
}
