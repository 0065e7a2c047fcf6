//! Complaints as people read them: the line, a caret under the place, the code and the ways out.
//!
//! Only the line of the place is shown, so a report costs the same whatever the document's size.

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use gw_value::{Severity, Span};

use super::{Diagnostic, Style};
use crate::Document;

/// The longest line that is shown, in bytes; of a longer one (a minified document) only the place is told.
const MAX_LINE: usize = 16 << 10;

/// All complaints, separated by empty lines, with a final line break.
pub(super) fn report(document: &Document, list: &[Diagnostic], style: Style) -> String {
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Coloured => Renderer::styled(),
    };
    let mut text = String::new();
    for diagnostic in list {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&renderer.render(&[group(document, diagnostic)]));
        text.push('\n');
    }
    text
}

fn group<'a>(document: &'a Document, diagnostic: &'a Diagnostic) -> Group<'a> {
    let (document, span) = document.locate(diagnostic.span);
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let snippet = snippet(document, span, &diagnostic.path);
    let message = match &snippet {
        None if !diagnostic.path.is_empty() => format!("{}: {}", diagnostic.path, diagnostic.message),
        _ => diagnostic.message.clone(),
    };
    let title = level.primary_title(message).id(diagnostic.code);
    let mut group = match snippet {
        Some(snippet) => title.element(snippet),
        None => title.element(origin(document, span)),
    };
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    group.element(Level::NOTE.message(format!("see {}", diagnostic.page())))
}

/// The line with the caret; none if there is no place or the line is too long.
fn snippet<'a>(document: &'a Document, span: Span, path: &'a str) -> Option<Snippet<'a, Annotation<'a>>> {
    if span.is_none() {
        return None;
    }
    let (line, caret) = line(document.text(), span);
    if line.len() > MAX_LINE {
        return None;
    }
    let number = document.position(span).line;
    let annotation = AnnotationKind::Primary.span(caret);
    let annotation = if path.is_empty() { annotation } else { annotation.label(path) };
    Some(Snippet::source(line).path(document.name()).line_start(number).annotation(annotation))
}

fn origin(document: &Document, span: Span) -> Origin<'_> {
    let origin = Origin::path(document.name());
    let position = document.position(span);
    match position.line {
        0 => origin,
        line => origin.line(line).char_column(position.column),
    }
}

/// The line in which a span starts, and the part of the span that is in it: whole characters, at least one unless
/// the line ends there.
fn line(text: &str, span: Span) -> (&str, Range<usize>) {
    let floor = |mut at: usize| {
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(span.start.min(text.len()));
    let from = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let to = text[start..].find('\n').map_or(text.len(), |length| start + length);
    let line = text[from..to].trim_end_matches('\r');
    let start = (start - from).min(line.len());
    let first = line[start..].chars().next().map_or(0, char::len_utf8);
    let end = floor(span.end.clamp(from, to)).saturating_sub(from).clamp(start + first, line.len());
    (line, start..end)
}
