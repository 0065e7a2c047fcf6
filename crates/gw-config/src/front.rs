//! The front ends: text of each format to one tree.
//!
//! Keys that are given twice are kept in the tree, where the decoder finds them; TOML's parser finds them itself.

mod json;
mod toml;
mod yaml;

use gw_value::{Kind, Span, Value};

use crate::codes::{EMPTY, SYNTAX, TOO_LARGE};
use crate::document::MAX_BYTES;
use crate::{Diagnostic, Document, Format};

/// The tree of a document.
///
/// # Errors
/// All syntax errors of TOML, the first one of YAML and JSON.
pub(crate) fn read(document: &Document) -> Result<Value, Vec<Diagnostic>> {
    let text = document.text();
    if text.len() > MAX_BYTES {
        return Err(vec![Diagnostic::error(TOO_LARGE, "the document is larger than 16 MiB", Span::NONE)]);
    }
    if text.trim().is_empty() {
        return Err(vec![empty()]);
    }
    let tree = match document.format() {
        Format::Toml => toml::read(text)?,
        Format::Yaml => yaml::read(text).map_err(|error| vec![error])?,
        Format::Json => json::read(text).map_err(|error| vec![error])?,
    };
    let bare = document.format() == Format::Toml && tree.entries().is_empty();
    if bare || tree.is_null() {
        return Err(vec![empty()]);
    }
    Ok(match tree.kind {
        // Paths and places of what is missing at the top.
        Kind::Table(_) if tree.span.is_none() => Value { span: Span::new(0, 0), ..tree },
        _ => tree,
    })
}

fn empty() -> Diagnostic {
    Diagnostic::error(EMPTY, "the document is empty", Span::NONE)
        .with_help("write at least one endpoint; config/minimal.toml is the shortest that serves")
}

fn syntax(message: impl Into<String>, span: Span) -> Diagnostic {
    Diagnostic::error(SYNTAX, message, span)
}

fn too_deep(span: Span) -> Diagnostic {
    let message = format!("nested deeper than {} levels", gw_value::MAX_DEPTH);
    Diagnostic::error(TOO_LARGE, message, span)
}

/// What TOML reads as a value, else the text itself; it stands nowhere.
pub(crate) fn value_or_text(text: &str) -> Value {
    let tree = toml::read(&format!("value = {text}")).ok();
    let entry = tree.and_then(|tree| match tree.kind {
        Kind::Table(mut entries) if entries.len() == 1 => entries.pop(),
        _ => None,
    });
    match entry {
        Some((_, value)) => unplaced(value),
        None => Value::unplaced(Kind::from(text)),
    }
}

fn unplaced(value: Value) -> Value {
    Value::unplaced(match value.kind {
        Kind::Array(items) => Kind::Array(items.into_iter().map(unplaced).collect()),
        Kind::Table(entries) => Kind::Table(
            entries
                .into_iter()
                .map(|(key, value)| (gw_value::Key::new(key.name, Span::NONE), unplaced(value)))
                .collect(),
        ),
        kind => kind,
    })
}
