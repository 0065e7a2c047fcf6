//! Overrides of single keys, as the environment gives them: `GATEWAY__CLIENT__CONNECT_TIMEOUT=2s`.
//!
//! They change the tree before it is decoded, so they are checked like the document. Who reads the environment is
//! the caller.

use gw_value::{Key, Kind, Span, Value};

use crate::codes::OUT_OF_RANGE;
use crate::{Diagnostic, front};

/// The path of a key, in lower case (`["client", "connect_timeout"]`), and its value: what TOML reads as a value
/// (`true`, `10`, `["a"]`, `"1"`), else text. A number in a path is an index of a list.
pub type Override = (Vec<String>, String);

/// Puts the overrides into the tree; complains about those that ask for what a list has not.
pub(crate) fn apply(tree: &mut Value, overrides: &[Override]) -> Vec<Diagnostic> {
    let set = |(path, text): &Override| set(tree, path, 0, front::value_or_text(text));
    overrides.iter().filter_map(set).collect()
}

/// Names the variable in complaints about what no document holds.
pub(crate) fn blame(found: &mut [Diagnostic], overrides: &[Override]) {
    for diagnostic in found.iter_mut().filter(|diagnostic| diagnostic.span.is_none()) {
        let path = fold(&diagnostic.path);
        for (keys, _) in overrides.iter().filter(|(keys, _)| path.starts_with(&fold(&keys.concat()))) {
            diagnostic.help.push(format!("the environment sets it: {}", variable(keys)));
        }
    }
}

/// Sets the value at the rest of a path, of which so many keys were gone; tables that are missing on the way are made,
/// and what cannot hold the key is replaced.
fn set(tree: &mut Value, path: &[String], gone: usize, value: Value) -> Option<Diagnostic> {
    let Some(key) = path.get(gone) else {
        *tree = value;
        return None;
    };
    if let Kind::Array(items) = &mut tree.kind {
        let length = items.len();
        return match key.parse::<usize>().ok().and_then(|index| items.get_mut(index)) {
            Some(item) => set(item, path, gone + 1, value),
            None => Some(no_such_item(path, gone, length)),
        };
    }
    if !matches!(tree.kind, Kind::Table(_)) {
        tree.kind = Kind::Table(Vec::new());
    }
    let Kind::Table(entries) = &mut tree.kind else { return None };
    let known = entries.iter().position(|(known, _)| fold(&known.name) == fold(key));
    let at = known.unwrap_or_else(|| {
        entries.push((Key::new(key.as_str(), Span::NONE), Value::default()));
        entries.len() - 1
    });
    set(&mut entries[at].1, path, gone + 1, value)
}

fn no_such_item(path: &[String], gone: usize, length: usize) -> Diagnostic {
    let (list, variable) = (path[..gone].join("."), variable(path));
    let message =
        format!("{variable}: `{list}` has no item `{}`; it has {length}, counted from 0", path[gone]);
    Diagnostic::error(OUT_OF_RANGE, message, Span::NONE)
}

fn variable(path: &[String]) -> String {
    format!("GATEWAY__{}", path.join("__").to_ascii_uppercase())
}

/// A key in whatever spelling, or a path of keys.
fn fold(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests;
