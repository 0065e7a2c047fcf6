//! One regex of a pattern: parsed, freed of its groups and outer anchors, kept to its segment if it is a bare one.
//!
//! Groups of the operator's own are allowed (kratos panics on them, B16) and mean nothing beyond grouping: dropping
//! them here leaves the variables' groups as the only ones of the whole regex.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{
    Class, ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Repetition,
};

use crate::error::{Fault, Reason};
use crate::syntax::Kind;

/// The regex of a `{name:regex}`. It matches the separator where it says so.
pub(crate) fn named(text: &str, kind: Kind) -> Result<Hir, Fault> {
    compile(text, kind, None)
}

/// A regex outside braces: it never matches the separator.
pub(crate) fn bare(text: &str, kind: Kind) -> Result<Hir, Fault> {
    compile(text, kind, Some(kind.separator()))
}

/// Whether a match of `hir` may contain `byte`, which is ASCII. May say yes in vain, never no in vain.
pub(crate) fn can_match(hir: &Hir, byte: u8) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => false,
        HirKind::Literal(literal) => literal.0.contains(&byte),
        HirKind::Class(Class::Unicode(class)) => {
            let byte = char::from(byte);
            class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&byte))
        }
        HirKind::Class(Class::Bytes(class)) => {
            class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&byte))
        }
        HirKind::Repetition(repetition) => can_match(&repetition.sub, byte),
        HirKind::Capture(capture) => can_match(&capture.sub, byte),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().any(|part| can_match(part, byte))
        }
    }
}

fn compile(text: &str, kind: Kind, without: Option<u8>) -> Result<Hir, Fault> {
    let bare = without.is_some();
    let hir = ParserBuilder::new()
        .case_insensitive(kind == Kind::Host)
        .build()
        .parse(text)
        .map_err(|error| syntax_fault(&error, text, bare))?;
    let hir = without_edges(rebuilt(hir, without));
    let whole = 0..text.len();
    if hir.properties().look_set().contains_anchor() {
        return Err(Fault::new(whole, Reason::Anchor));
    }
    if hir.properties().minimum_len().is_none() {
        return Err(Fault::new(whole, Reason::NeverMatches { bare }));
    }
    Ok(hir)
}

fn syntax_fault(error: &regex_syntax::Error, text: &str, bare: bool) -> Fault {
    let (span, message) = match error {
        regex_syntax::Error::Parse(error) => (Some(*error.span()), error.kind().to_string()),
        regex_syntax::Error::Translate(error) => (Some(*error.span()), error.kind().to_string()),
        other => (None, other.to_string()),
    };
    let at = span.map_or(0..text.len(), |span| span.start.offset..span.end.offset);
    Fault::new(at, Reason::Regex { message, bare })
}

/// `hir` without groups, and unable to match `without`.
fn rebuilt(hir: Hir, without: Option<u8>) -> Hir {
    match hir.into_kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Look(look) => Hir::look(look),
        HirKind::Literal(literal) => match without {
            Some(byte) if literal.0.contains(&byte) => Hir::fail(),
            _ => Hir::literal(literal.0),
        },
        HirKind::Class(class) => Hir::class(match without {
            Some(byte) => reduced(class, byte),
            None => class,
        }),
        HirKind::Repetition(repetition) => {
            let sub = Box::new(rebuilt(*repetition.sub, without));
            Hir::repetition(Repetition { sub, ..repetition })
        }
        HirKind::Capture(capture) => rebuilt(*capture.sub, without),
        HirKind::Concat(parts) => Hir::concat(parts.into_iter().map(|part| rebuilt(part, without)).collect()),
        HirKind::Alternation(parts) => {
            Hir::alternation(parts.into_iter().map(|part| rebuilt(part, without)).collect())
        }
    }
}

fn reduced(class: Class, byte: u8) -> Class {
    match class {
        Class::Unicode(mut class) => {
            let character = char::from(byte);
            class.difference(&ClassUnicode::new([ClassUnicodeRange::new(character, character)]));
            Class::Unicode(class)
        }
        Class::Bytes(mut class) => {
            class.difference(&ClassBytes::new([ClassBytesRange::new(byte, byte)]));
            Class::Bytes(class)
        }
    }
}

/// `hir` without a leading `^` and a trailing `$`: every part matches as a whole, so they say nothing.
fn without_edges(hir: Hir) -> Hir {
    if is_anchor(&hir) {
        return Hir::empty();
    }
    let HirKind::Concat(parts) = hir.kind() else { return hir };
    let mut parts = parts.as_slice();
    if let [first, rest @ ..] = parts
        && is_anchor(first)
    {
        parts = rest;
    }
    if let [rest @ .., last] = parts
        && is_anchor(last)
    {
        parts = rest;
    }
    Hir::concat(parts.to_vec())
}

fn is_anchor(hir: &Hir) -> bool {
    matches!(hir.kind(), HirKind::Look(_)) && hir.properties().look_set().contains_anchor()
}
