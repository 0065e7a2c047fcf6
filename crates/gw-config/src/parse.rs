//! From a document to a checked configuration, or to all that is wrong with it.

use std::path::Path;
use std::sync::Arc;

use gw_value::{Dialect, Span, Value, decode};

use crate::overrides::{self, Override};
use crate::{Diagnostic, Diagnostics, Document, check, front, priority, v1};

/// A document that was read without an error.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration as written; what depends on the dialect is resolved by its `…_or_default` methods.
    pub gateway: v1::Gateway,
    /// Where it stands, with its priority files attached.
    pub document: Arc<Document>,
    /// How it is written; a priority file may be in the other dialect: [`dialect_at`](Self::dialect_at).
    pub dialect: Dialect,
    /// What is odd but served, in the order of the document.
    pub warnings: Vec<Diagnostic>,
}

impl Loaded {
    /// The dialect of what stands at a place. What is no place has the main document's.
    pub fn dialect_at(&self, span: Span) -> Dialect {
        match self.document.locate(span).0 {
            file if std::ptr::eq(file, &*self.document) => self.dialect,
            file => file.format().dialect(),
        }
    }
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
    parse_all(Ok(document), Vec::new(), overrides)
}

/// A document with its priority files, in their order, as far as each could be read.
///
/// # Errors
/// As [`parse_with`], with all that is wrong with any of them, each in its own file.
pub(crate) fn parse_all(
    main: Result<Document, Diagnostics>,
    priority: Vec<Result<Document, Diagnostics>>,
    overrides: &[Override],
) -> Result<Loaded, Diagnostics> {
    let (document, mut found) = assemble(main?, priority);
    let dialect = document.format().dialect();
    let mut tree = match front::read(&document) {
        Ok(tree) => tree,
        Err(errors) => {
            found.extend(errors);
            return Err(Diagnostics::new(document, found));
        }
    };
    found.extend(overrides::apply(&mut tree, overrides));
    let strict = is_strict(&tree);
    let mut decoded = decode::<v1::Gateway>(&tree, dialect, strict);
    if let Some(gateway) = &decoded.value {
        found.extend(check::check(gateway, dialect, &tree, &decoded.faults));
    }
    found.extend(decoded.faults.into_iter().map(Diagnostic::from));
    overrides::blame(&mut found, overrides);
    let files = priority::Read::attached(&document, &found, &tree, strict);
    match &mut decoded.value {
        Some(gateway) => found.extend(files.merge_into(&mut gateway.endpoints, &document)),
        None => found.extend(files.found),
    }
    let found = Diagnostics::new(Arc::clone(&document), found);
    let loaded = |gateway, warnings| Loaded { gateway, document, dialect, warnings };
    match decoded.value {
        Some(gateway) if !found.iter().any(Diagnostic::is_error) => Ok(loaded(gateway, found.into_inner())),
        value => Err(found.with_partial(value.map(|gateway| loaded(gateway, Vec::new())))),
    }
}

/// Attaches the priority files, and places what kept some from being read.
fn assemble(
    main: Document,
    priority: Vec<Result<Document, Diagnostics>>,
) -> (Arc<Document>, Vec<Diagnostic>) {
    let (mut documents, mut unread) = (Vec::new(), Vec::new());
    for file in priority {
        match file {
            Ok(document) => documents.push(document),
            Err(errors) => {
                unread.push((documents.len(), errors.clone().into_inner()));
                documents.push(Document::clone(errors.document()));
            }
        }
    }
    let document = main.with_attached(documents);
    let starts: Vec<_> = document.placed().map(|(start, _)| start).collect();
    let found = unread.into_iter().flat_map(|(index, errors)| {
        let start = starts[index];
        errors.into_iter().map(move |error| priority::moved(error, start))
    });
    let found = found.collect();
    (Arc::new(document), found)
}

/// The document's own `strict`, which must be known before the rest is decoded.
fn is_strict(tree: &Value) -> bool {
    tree.get("strict").and_then(Value::as_bool).unwrap_or_default()
}
