//! Where a span stands, among a document and those attached to it.
//!
//! The document itself has the places from 0 on, each attached one those behind the former's end and one more, so that
//! also the end of a text is in one document only.

use std::fmt;

use gw_value::Span;

use super::Document;

/// A document that is attached to another.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    start: usize,
    document: Document,
}

/// A place for people, counted from 1; a column is a character. Line 0 is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in it.
    pub column: usize,
}

/// A position and, where the document alone does not tell it, the name of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    position: Position,
    file: Option<&'a str>,
}

impl Document {
    /// The same with others attached, in this order; what they have attached themselves is left.
    #[must_use]
    pub(crate) fn with_attached(mut self, others: impl IntoIterator<Item = Self>) -> Self {
        let mut start = self.text.len() + 1;
        let place = |document: Self| {
            let at = start;
            start += document.text.len() + 1;
            Placed { start: at, document }
        };
        self.attached = others.into_iter().map(place).collect();
        self
    }

    /// The attached documents, each with the place at which it starts.
    pub(crate) fn placed(&self) -> impl Iterator<Item = (usize, &Self)> {
        self.attached.iter().map(|placed| (placed.start, &placed.document))
    }

    /// The attached documents: the priority files.
    pub fn attached(&self) -> impl Iterator<Item = &Self> {
        self.attached.iter().map(|placed| &placed.document)
    }

    /// The document in which a span starts, and the span as counted there. What is no place is in none but this.
    pub fn locate(&self, span: Span) -> (&Self, Span) {
        let behind = self.attached.partition_point(|placed| placed.start <= span.start);
        match behind.checked_sub(1).and_then(|last| self.attached.get(last)) {
            Some(Placed { start, document }) if !span.is_none() => {
                (document, Span::new(span.start - start, span.end.saturating_sub(*start)))
            }
            _ => (self, span),
        }
    }

    /// Where in its document a span starts.
    pub fn position(&self, span: Span) -> Position {
        let (document, span) = self.locate(span);
        let text = document.text();
        if span.is_none() {
            return Position { line: 0, column: 0 };
        }
        let mut start = span.start.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let before = &text[..start];
        let line = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before[line..].chars().count() + 1,
        }
    }

    /// Where a span starts, with the file's name if others are attached.
    pub fn place(&self, span: Span) -> Place<'_> {
        let file = (!self.attached.is_empty() && !span.is_none()).then(|| self.locate(span).0.name());
        Place { position: self.position(span), file }
    }
}

impl fmt::Display for Position {
    /// `at line 3, column 8`, or `not in the document`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str("not in the document"),
            line => write!(f, "at line {line}, column {}", self.column),
        }
    }
}

impl fmt::Display for Place<'_> {
    /// A position, and `of a.yaml`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.position.fmt(f)?;
        self.file.map_or(Ok(()), |file| write!(f, " of {file}"))
    }
}
