//! Gives faults their paths: one walk over the tree, when all are found.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::context::Node;
use crate::{Fault, Value};

/// A fault that has no path yet.
pub(super) struct Found {
    /// The node it is about.
    pub(super) node: Node,
    /// The key that the node misses.
    pub(super) missing: Option<String>,
    /// All but the path.
    pub(super) fault: Fault,
}

/// The faults with their paths, in the order of the document.
pub(super) fn locate(root: &Value, found: Vec<Found>) -> Vec<Fault> {
    let mut walk = Walk::default();
    for found in found {
        walk.by_node.entry(found.node).or_default().push(found);
    }
    walk.visit(root, "");
    walk.faults.sort_by_key(|fault| fault.span.start);
    walk.faults
}

#[derive(Default)]
struct Walk {
    by_node: HashMap<Node, Vec<Found>>,
    faults: Vec<Fault>,
}

impl Walk {
    fn visit(&mut self, value: &Value, path: &str) {
        if self.by_node.is_empty() {
            return;
        }
        for mut found in self.by_node.remove(&Node::of(value)).unwrap_or_default() {
            found.fault.path = found.missing.map_or_else(|| path.to_owned(), |key| below(path, &key));
            self.faults.push(found.fault);
        }
        for (index, item) in value.items().iter().enumerate() {
            self.visit(item, &format!("{path}[{index}]"));
        }
        for (key, value) in value.entries() {
            self.visit(value, &below(path, &key.name));
        }
    }
}

/// The path of a key; one that is no bare word stands in quotes, as TOML writes it.
fn below(path: &str, key: &str) -> String {
    let bare = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    let mut below = path.to_owned();
    if !path.is_empty() {
        below.push('.');
    }
    // Writing to a string cannot fail.
    let _ = if bare { write!(below, "{key}") } else { write!(below, "{key:?}") };
    below
}
