//! Overrides of single keys, as the environment gives them: `GATEWAY__CLIENT__CONNECT_TIMEOUT=2s`.
//!
//! They change the tree before it is decoded, so they are checked like the document. Who reads the environment is
//! the caller.

use gw_value::{Key, Kind, Span, Value};

use crate::{Diagnostic, front};

/// The path of a key, in lower case (`["client", "connect_timeout"]`), and its value: what TOML reads as a value
/// (`true`, `10`, `["a"]`, `"1"`), else text. A number in a path is an index of a list.
pub type Override = (Vec<String>, String);

/// Puts the overrides into the tree.
pub(crate) fn apply(tree: &mut Value, overrides: &[Override]) {
    for (path, text) in overrides {
        set(tree, path, front::value_or_text(text));
    }
}

/// Names the variable in complaints about what no document holds.
pub(crate) fn blame(found: &mut [Diagnostic], overrides: &[Override]) {
    for diagnostic in found.iter_mut().filter(|diagnostic| diagnostic.span.is_none()) {
        let path = fold(&diagnostic.path);
        for (keys, _) in overrides.iter().filter(|(keys, _)| path.starts_with(&fold(&keys.concat()))) {
            let name = keys.join("__").to_ascii_uppercase();
            diagnostic.help.push(format!("the environment sets it: GATEWAY__{name}"));
        }
    }
}

/// Sets the value at a path; tables that are missing on the way are made, and what cannot hold the key is replaced.
fn set(tree: &mut Value, path: &[String], value: Value) {
    let Some((first, rest)) = path.split_first() else {
        *tree = value;
        return;
    };
    if let Kind::Array(items) = &mut tree.kind
        && let Some(item) = first.parse::<usize>().ok().and_then(|index| items.get_mut(index))
    {
        return set(item, rest, value);
    }
    if !matches!(tree.kind, Kind::Table(_)) {
        tree.kind = Kind::Table(Vec::new());
    }
    let Kind::Table(entries) = &mut tree.kind else { return };
    let known = entries.iter().position(|(key, _)| fold(&key.name) == fold(first));
    let at = known.unwrap_or_else(|| {
        entries.push((Key::new(first.as_str(), Span::NONE), Value::default()));
        entries.len() - 1
    });
    set(&mut entries[at].1, rest, value);
}

/// A key in whatever spelling, or a path of keys.
fn fold(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests;
