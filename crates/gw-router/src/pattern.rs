//! A compiled path pattern or host template: what it matches and what its variables stand for.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use regex_automata::meta::Regex;
use regex_automata::{Anchored, Input};
use regex_syntax::hir::{Capture, Class, ClassUnicode, ClassUnicodeRange, Hir, Look, Repetition};

use crate::equal::without_prefix;
use crate::error::{Fault, Reason};
use crate::key::Key;
use crate::runs::Runs;
use crate::syntax::{self, Kind, MAX_PATTERN, Piece};
use crate::template::Template;

/// Largest regex of one pattern, compiled, in bytes.
const MAX_REGEX: usize = 1 << 20;
/// What one thread may cache for one regex, in bytes: a thousand of them must not cost gigabytes.
const REGEX_CACHE: usize = 128 << 10;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    /// The literal text before all else.
    head: String,
    /// What comes behind it.
    rest: Rest,
    /// Whether every text that begins with a match matches too.
    pub(crate) open: bool,
    /// The variables, left to right.
    pub(crate) names: Vec<Arc<str>>,
    /// The pattern again, the same for patterns that differ in spelling only.
    pub(crate) canonical: String,
    pub(crate) pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
enum Rest {
    Nothing,
    Runs(Runs),
    Template(Template),
    Regex(Regex),
}

impl Pattern {
    /// Compiles a path pattern.
    pub(crate) fn path(text: &str) -> Result<Self, Fault> {
        let whole = 0..text.len();
        if text.len() > MAX_PATTERN {
            let reason = Reason::TooLong { length: text.len(), limit: MAX_PATTERN };
            return Err(Fault::new(whole, reason));
        }
        let body = text.trim_end_matches('*');
        let open = body.len() < text.len();
        match text.chars().next() {
            None => return Err(Fault::new(whole, Reason::Empty)),
            Some('/') => {}
            Some(_) if body.is_empty() => {}
            Some(first) => return Err(Fault::new(0..first.len_utf8(), Reason::NoLeadingSlash)),
        }
        let pieces = syntax::parse(body, Kind::Path)?;
        Self::compile(pieces, open, Kind::Path).map_err(|reason| Fault::new(whole, reason))
    }

    /// Compiles the pieces of a pattern.
    pub(crate) fn compile(pieces: Vec<Piece>, open: bool, kind: Kind) -> Result<Self, Reason> {
        let (head, others) = match pieces.as_slice() {
            [Piece::Literal(head), others @ ..] if !others.iter().any(looks_back) => (head.clone(), others),
            pieces => (String::new(), pieces),
        };
        let rest = rest(others, open, kind)?;
        let names = pieces.iter().filter_map(Piece::name).cloned().collect();
        let mut canonical = canonical(&pieces);
        if open {
            canonical.push('*');
        }
        Ok(Self { head, rest, open, names, canonical, pieces })
    }

    /// Whether `text` matches. Allocates nothing, but for a thread's first use of a regex.
    pub(crate) fn matches(&self, text: &str) -> bool {
        without_prefix(text, &self.head).is_some_and(|rest| self.rest_matches(rest))
    }

    /// The same for a text that the index has led here, which thus begins with the head.
    #[inline]
    pub(crate) fn matches_indexed(&self, text: &str) -> bool {
        text.get(self.head.len()..).is_some_and(|rest| self.rest_matches(rest))
    }

    #[inline]
    fn rest_matches(&self, rest: &str) -> bool {
        match &self.rest {
            Rest::Nothing => self.open || rest.is_empty(),
            Rest::Runs(runs) => runs.matches(rest),
            Rest::Template(template) => template.matches(rest, None),
            Rest::Regex(regex) => regex.is_match(anchored(rest)),
        }
    }

    /// Adds what the variables stand for in `text`, which matches, with the values as they stand in `received`.
    pub(crate) fn variables(&self, text: &str, received: &str, variables: &mut Vec<(Arc<str>, String)>) {
        let (text, received) = (&text[self.head.len()..], &received[self.head.len()..]);
        let mut names = self.names.iter();
        self.spans(text, |span| {
            if let Some(name) = names.next() {
                variables.push((Arc::clone(name), received[span].to_owned()));
            }
        });
    }

    /// Tells `found` what each variable stands for in the text behind the head, in the order of `names`.
    fn spans(&self, rest: &str, mut found: impl FnMut(Range<usize>)) {
        match &self.rest {
            Rest::Nothing => {}
            Rest::Runs(runs) => runs.spans(rest, found),
            Rest::Template(template) => {
                let mut spans = Vec::with_capacity(self.names.len());
                template.matches(rest, Some(&mut spans));
                spans.into_iter().for_each(found);
            }
            Rest::Regex(regex) => {
                // The start and the end of the whole, then those of each group.
                let mut slots = vec![None; 2 + 2 * self.names.len()];
                regex.search_slots(&anchored(rest), &mut slots);
                for slots in slots[2..].chunks_exact(2) {
                    if let [Some(start), Some(end)] = slots {
                        found(start.get()..end.get());
                    }
                }
            }
        }
    }

    /// The literal text, if there is nothing else.
    pub(crate) fn as_literal(&self) -> Option<&str> {
        matches!(self.rest, Rest::Nothing).then_some(&self.head)
    }

    /// What every match begins with.
    pub(crate) fn literal_prefix(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Literal(text)) => text,
            _ => "",
        }
    }

    /// The place of a path pattern in the index.
    pub(crate) fn key(&self) -> Key {
        Key::forward(&self.pieces, self.open, Kind::Path)
    }

    /// The pattern as one regex, for people; `None` if it is literal.
    pub(crate) fn regex_text(&self) -> Option<String> {
        if self.as_literal().is_some() {
            return None;
        }
        let mut text = String::from("^");
        for piece in &self.pieces {
            // Writing to a string cannot fail.
            let _ = match piece {
                Piece::Literal(literal) => write!(text, "{}", regex_syntax::escape(literal)),
                Piece::Variable(name) => write!(text, "(?<{name}>[^/]+)"),
                Piece::Regex { name: Some(name), text: regex, .. } => write!(text, "(?<{name}>{regex})"),
                Piece::Regex { name: None, text: regex, .. } => write!(text, "(?:{regex})"),
            };
        }
        if !self.open {
            text.push('$');
        }
        Some(text)
    }
}

fn canonical(pieces: &[Piece]) -> String {
    let mut canonical = String::new();
    for piece in pieces {
        match piece {
            Piece::Literal(text) | Piece::Regex { name: None, text, .. } => canonical.push_str(text),
            Piece::Variable(name) => canonical.extend(["{", name, "}"]),
            Piece::Regex { name: Some(name), text, .. } => canonical.extend(["{", name, ":", text, "}"]),
        }
    }
    canonical
}

/// The cheapest way there is to match these pieces.
fn rest(pieces: &[Piece], open: bool, kind: Kind) -> Result<Rest, Reason> {
    if pieces.is_empty() {
        return Ok(Rest::Nothing);
    }
    if let Some(runs) = Runs::new(pieces, open, kind) {
        return Ok(Rest::Runs(runs));
    }
    match Template::new(pieces, open, kind) {
        Some(template) => Ok(Rest::Template(template)),
        None => regex(pieces, open, kind).map(Rest::Regex),
    }
}

/// Whether a match depends on what stands before it, as `\b` does.
fn looks_back(piece: &Piece) -> bool {
    match piece {
        Piece::Regex { hir, .. } => !hir.properties().look_set().is_empty(),
        Piece::Literal(_) | Piece::Variable(_) => false,
    }
}

/// One regex whose groups are the variables.
pub(crate) fn regex(pieces: &[Piece], open: bool, kind: Kind) -> Result<Regex, Reason> {
    let mut parts = vec![Hir::look(Look::Start)];
    let mut groups = 0;
    for piece in pieces {
        parts.push(match piece {
            Piece::Literal(text) => Hir::literal(text.as_bytes()),
            Piece::Regex { name: None, hir, .. } => hir.clone(),
            Piece::Variable(_) => group(&mut groups, one_or_more_but(kind.separator())),
            Piece::Regex { name: Some(_), hir, .. } => group(&mut groups, hir.clone()),
        });
    }
    if !open {
        parts.push(Hir::look(Look::End));
    }
    let config = Regex::config().nfa_size_limit(Some(MAX_REGEX)).hybrid_cache_capacity(REGEX_CACHE);
    Regex::builder()
        .configure(config)
        .build_from_hir(&Hir::concat(parts))
        .map_err(|_| Reason::TooBig { limit: MAX_REGEX })
}

pub(crate) fn anchored(text: &str) -> Input<'_> {
    Input::new(text).anchored(Anchored::Yes)
}

fn group(groups: &mut u32, hir: Hir) -> Hir {
    *groups += 1;
    Hir::capture(Capture { index: *groups, name: None, sub: Box::new(hir) })
}

fn one_or_more_but(separator: u8) -> Hir {
    let separator = char::from(separator);
    let mut class = ClassUnicode::new([ClassUnicodeRange::new(separator, separator)]);
    class.negate();
    let sub = Box::new(Hir::class(Class::Unicode(class)));
    Hir::repetition(Repetition { min: 1, max: None, greedy: true, sub })
}

#[cfg(test)]
mod tests;
