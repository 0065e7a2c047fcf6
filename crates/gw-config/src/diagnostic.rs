//! Complaints about a document, each with a code, a place and a way out.

mod render;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use gw_value::{Fault, Severity, Span};

use crate::codes::MISSING_KEY;
use crate::{Document, Format, Loaded};

/// One complaint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its code, one of [`CODES`](crate::CODES).
    pub code: &'static str,
    /// Whether the document can be served all the same.
    pub severity: Severity,
    /// One sentence without a full stop.
    pub message: String,
    /// Its place, or [`Span::NONE`] if it is about the document.
    pub span: Span,
    /// The path of the key, `endpoints[3].retry.attempts`; may be empty.
    pub path: String,
    /// What to do about it.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// A complaint that keeps the document from being served.
    pub fn error(code: &'static str, message: impl Into<String>, span: Span) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            span,
            path: String::new(),
            help: Vec::new(),
        }
    }

    /// A complaint about something that is ignored.
    pub fn warning(code: &'static str, message: impl Into<String>, span: Span) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message, span) }
    }

    /// Adds a way out, behind those it has.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Says the path of the key.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// The same as a warning.
    #[must_use]
    pub fn into_warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    /// Whether it keeps the document from being served.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The page that explains the code, relative to the project's root.
    pub fn page(&self) -> String {
        format!("docs/errors/{}.md", self.code)
    }
}

impl From<Fault> for Diagnostic {
    fn from(fault: Fault) -> Self {
        let Fault { code, severity, message, span, path, help } = fault;
        Self { code, severity, message, span, path, help: help.into_iter().collect() }
    }
}

/// How a report looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// Text alone.
    #[default]
    Plain,
    /// With ANSI colours, for terminals.
    Coloured,
}

/// All complaints about one document, in its order. `Display` is the plain report.
#[derive(Clone, Debug)]
pub struct Diagnostics {
    document: Arc<Document>,
    list: Vec<Diagnostic>,
    partial: Option<Arc<Loaded>>,
}

impl Diagnostics {
    /// Complaints about a document; they are sorted by place.
    pub fn new(document: Arc<Document>, mut list: Vec<Diagnostic>) -> Self {
        list.sort_by_key(|diagnostic| diagnostic.span);
        Self { document, list, partial: None }
    }

    /// Adds what could be read all the same.
    pub(crate) fn with_partial(self, partial: Option<Loaded>) -> Self {
        Self { partial: partial.map(Arc::new), ..self }
    }

    /// What could be read all the same, with defaults for what is wrong: not to be served, but for later passes to find
    /// what else is wrong. None if the document has no form, or a later pass complained.
    pub fn partial(&self) -> Option<&Loaded> {
        self.partial.as_deref()
    }

    /// Adds what a later pass found in [`partial`](Self::partial), without what may follow from a default: what has no
    /// place, and what is at a place that was complained about or contains one.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        let Self { document, mut list, .. } = self;
        let wrong: Vec<_> = list.iter().filter(|found| found.is_error()).map(|f| (f.span, f.code)).collect();
        let follows = |found: &Diagnostic| {
            found.span.is_none()
                || wrong.iter().any(|(span, code)| {
                    // A missing key is complained about at its table, of which the rest may be judged.
                    covers(*span, found.span) && *code != MISSING_KEY || covers(found.span, *span)
                })
        };
        list.extend(later.list.into_iter().filter(|found| !follows(found)));
        Self::new(document, list)
    }

    /// A complaint about a file whose content is unknown.
    pub(crate) fn of_file(name: String, format: Format, diagnostic: Diagnostic) -> Self {
        Self::new(Arc::new(Document::new(name, format, "")), vec![diagnostic])
    }

    /// The document.
    pub const fn document(&self) -> &Arc<Document> {
        &self.document
    }

    /// The complaints in the order of the document; those without a place come last.
    pub fn list(&self) -> &[Diagnostic] {
        &self.list
    }

    /// The complaints alone.
    pub fn into_inner(self) -> Vec<Diagnostic> {
        self.list
    }

    /// The complaints in the order of the document.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// How many complaints there are.
    pub const fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The report: each complaint with file, line, column, caret, code, help and page.
    pub fn render(&self, style: Style) -> String {
        render::report(&self.document, &self.list, style)
    }
}

fn covers(outer: Span, inner: Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Style::Plain))
    }
}

impl std::error::Error for Diagnostics {}
