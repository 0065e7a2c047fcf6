//! From a document to a checked configuration, or to all that is wrong with it.

use std::path::Path;
use std::sync::Arc;

use gw_value::{Dialect, Value, decode};

use crate::overrides::{self, Override};
use crate::{Diagnostic, Diagnostics, Document, check, front, v1};

/// A document that was read without an error.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration as written; what depends on the dialect is resolved by its `…_or_default` methods.
    pub gateway: v1::Gateway,
    /// Where it stands.
    pub document: Arc<Document>,
    /// How it is written.
    pub dialect: Dialect,
    /// What is odd but served, in the order of the document.
    pub warnings: Vec<Diagnostic>,
}

/// Reads a document. The dialect follows from its format.
///
/// # Errors
/// With everything that is wrong, warnings too: all syntax errors (of YAML and JSON the first), else all wrong keys
/// and values, and all that contradicts itself. What only lowering can tell is not among it: see
/// [`Diagnostics::partial`].
pub fn parse(document: Document) -> Result<Loaded, Diagnostics> {
    parse_with(document, &[])
}

/// Reads a file, with overrides of single keys (see [`Override`]).
///
/// # Errors
/// When it cannot be read, or for the reasons of [`parse`].
pub fn load(path: &Path, overrides: &[Override]) -> Result<Loaded, Diagnostics> {
    parse_with(Document::read(path)?, overrides)
}

/// [`parse`] with overrides of single keys.
///
/// # Errors
/// As [`parse`]; what is wrong with an override has no place and names the variable.
pub fn parse_with(document: Document, overrides: &[Override]) -> Result<Loaded, Diagnostics> {
    let document = Arc::new(document);
    let dialect = document.format().dialect();
    let mut tree = match front::read(&document) {
        Ok(tree) => tree,
        Err(errors) => return Err(Diagnostics::new(document, errors)),
    };
    overrides::apply(&mut tree, overrides);
    let decoded = decode::<v1::Gateway>(&tree, dialect, is_strict(&tree));
    let mut found = match &decoded.value {
        Some(gateway) => check::check(gateway, dialect, &tree, &decoded.faults),
        None => Vec::new(),
    };
    found.extend(decoded.faults.into_iter().map(Diagnostic::from));
    overrides::blame(&mut found, overrides);
    let found = Diagnostics::new(Arc::clone(&document), found);
    let loaded = |gateway, warnings| Loaded { gateway, document, dialect, warnings };
    match decoded.value {
        Some(gateway) if !found.iter().any(Diagnostic::is_error) => Ok(loaded(gateway, found.into_inner())),
        value => Err(found.with_partial(value.map(|gateway| loaded(gateway, Vec::new())))),
    }
}

/// The document's own `strict`, which must be known before the rest is decoded.
fn is_strict(tree: &Value) -> bool {
    tree.get("strict").and_then(Value::as_bool).unwrap_or_default()
}
