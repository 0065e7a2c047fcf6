//! From a pattern's text to its pieces: literal text, variables and regexes.
//!
//! A brace opens a variable up to its closing brace, nested ones counted and escaped ones not. Outside braces a path's
//! segment with `[`, `(` or `\` in it is a regex, which keeps to that segment; there, `{2}`, `{2,}` and `{2,4}` are
//! repetitions. All else is literal, unlike in kratos, whose documented `/api/echo/[a-z]+` never matched (B16).

use std::ops::Range;
use std::sync::Arc;

use regex_syntax::hir::Hir;

use crate::error::{Fault, Reason};
use crate::part;

/// Longest pattern, in bytes. It bounds the depth of the index, and with it the stack of a lookup.
pub(crate) const MAX_PATTERN: usize = 4096;

/// What a pattern is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Segments between `/`, case-sensitive, with bare regexes.
    Path,
    /// Labels between `.`, case-insensitive: literals come out in lower case.
    Host,
}

impl Kind {
    /// What a variable without a regex never contains.
    pub(crate) fn separator(self) -> u8 {
        match self {
            Self::Path => b'/',
            Self::Host => b'.',
        }
    }
}

/// A part of a pattern.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Literal(String),
    /// One or more characters other than the separator.
    Variable(Arc<str>),
    Regex {
        /// `None` for a bare one.
        name: Option<Arc<str>>,
        text: String,
        /// Without groups and anchors.
        hir: Hir,
        /// Whether it can match the separator.
        crosses: bool,
    },
}

impl Piece {
    /// The variable's name.
    pub(crate) fn name(&self) -> Option<&Arc<str>> {
        match self {
            Self::Literal(_) => None,
            Self::Variable(name) => Some(name),
            Self::Regex { name, .. } => name.as_ref(),
        }
    }
}

/// Parses `text`, which has its trailing stars trimmed.
pub(crate) fn parse(text: &str, kind: Kind) -> Result<Vec<Piece>, Fault> {
    let mut parser = Parser { text, kind, pieces: Vec::new() };
    let tokens = tokens(text, kind)?;
    let mut start = 0;
    for (position, token) in tokens.iter().enumerate() {
        if let Token::Separator(at) = token {
            parser.segment(&tokens[start..position], *at)?;
            parser.literal(*at..at + 1);
            start = position + 1;
        }
    }
    parser.segment(&tokens[start..], text.len())?;
    Ok(parser.pieces)
}

/// The end of the braces that open at `open`, past the closing one.
pub(crate) fn closing_brace(text: &[u8], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = open;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 1,
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

enum Token {
    Text(Range<usize>),
    /// With its braces.
    Braces(Range<usize>),
    Separator(usize),
}

fn tokens(text: &str, kind: Kind) -> Result<Vec<Token>, Fault> {
    let bytes = text.as_bytes();
    let bare = kind == Kind::Path;
    let mut tokens = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < bytes.len() {
        let (token, end) = match bytes[at] {
            b'{' => {
                let end =
                    closing_brace(bytes, at).ok_or_else(|| Fault::new(at..text.len(), Reason::Unclosed))?;
                (Token::Braces(at..end), end)
            }
            b'}' => return Err(Fault::new(at..at + 1, Reason::Unopened)),
            byte if byte == kind.separator() => (Token::Separator(at), at + 1),
            b'\\' if bare && bytes.get(at + 1).is_some_and(|next| *next != kind.separator()) => {
                at += 2;
                continue;
            }
            b'[' if bare => {
                at = class_end(bytes, at);
                continue;
            }
            _ => {
                at += 1;
                continue;
            }
        };
        if start < at {
            tokens.push(Token::Text(start..at));
        }
        tokens.push(token);
        (start, at) = (end, end);
    }
    if start < text.len() {
        tokens.push(Token::Text(start..text.len()));
    }
    Ok(tokens)
}

/// The end of the character class that opens at `open`, so that a `/` or a brace in it is its own. An unclosed one
/// runs to the end, where the regex parser complains of it.
fn class_end(text: &[u8], open: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = open;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 1,
            b'[' => {
                depth += 1;
                if text.get(at + 1) == Some(&b'^') {
                    at += 1;
                }
                // The first `]` of a class is a member of it.
                if text.get(at + 1) == Some(&b']') {
                    at += 1;
                }
            }
            b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            break;
        }
    }
    at.min(text.len())
}

struct Parser<'a> {
    text: &'a str,
    kind: Kind,
    pieces: Vec<Piece>,
}

impl Parser<'_> {
    /// One segment; `end` is where it ends.
    fn segment(&mut self, tokens: &[Token], end: usize) -> Result<(), Fault> {
        if tokens.is_empty() && self.kind == Kind::Host {
            let next = (end + 1).min(self.text.len());
            return Err(Fault::new(end..next, Reason::EmptyLabel));
        }
        let is_regex = self.kind == Kind::Path
            && tokens.iter().any(|token| match token {
                Token::Text(range) => self.text[range.clone()].contains(['[', '(', '\\']),
                Token::Braces(_) | Token::Separator(_) => false,
            });
        if is_regex {
            return self.regex_segment(tokens);
        }
        for token in tokens {
            match token {
                Token::Text(range) => {
                    self.check_characters(range)?;
                    self.literal(range.clone());
                }
                Token::Braces(range) => self.variable(range)?,
                Token::Separator(_) => {}
            }
        }
        Ok(())
    }

    fn regex_segment(&mut self, tokens: &[Token]) -> Result<(), Fault> {
        let mut pending: Option<Range<usize>> = None;
        for token in tokens {
            match token {
                Token::Braces(range) if !self.is_repetition(range) => {
                    if let Some(regex) = pending.take() {
                        self.bare_regex(regex)?;
                    }
                    self.variable(range)?;
                }
                Token::Text(range) | Token::Braces(range) => {
                    let start = pending.map_or(range.start, |pending| pending.start);
                    pending = Some(start..range.end);
                }
                Token::Separator(_) => {}
            }
        }
        pending.map_or(Ok(()), |regex| self.bare_regex(regex))
    }

    fn is_repetition(&self, braces: &Range<usize>) -> bool {
        let inner = &self.text[braces.start + 1..braces.end - 1];
        inner.starts_with(|first: char| first.is_ascii_digit())
            && inner.bytes().all(|byte| byte.is_ascii_digit() || byte == b',')
    }

    fn literal(&mut self, range: Range<usize>) {
        let text = &self.text[range];
        let text = if self.kind == Kind::Host { text.to_ascii_lowercase() } else { text.to_owned() };
        match self.pieces.last_mut() {
            Some(Piece::Literal(last)) => last.push_str(&text),
            _ => self.pieces.push(Piece::Literal(text)),
        }
    }

    fn bare_regex(&mut self, range: Range<usize>) -> Result<(), Fault> {
        let text = self.text[range.clone()].to_owned();
        let hir = part::bare(&text, self.kind).map_err(|fault| moved(fault, range.start))?;
        self.pieces.push(Piece::Regex { name: None, text, hir, crosses: false });
        Ok(())
    }

    fn variable(&mut self, braces: &Range<usize>) -> Result<(), Fault> {
        let inner = braces.start + 1..braces.end - 1;
        let text = &self.text[inner.clone()];
        let (name, regex) = match text.split_once(':') {
            Some((name, regex)) => (name, Some(regex)),
            None => (text, None),
        };
        let name = self.name(name, inner.start, braces)?;
        let piece = match regex {
            None => Piece::Variable(name),
            Some("") => return Err(Fault::new(braces.clone(), Reason::NoRegex)),
            Some(regex) => {
                let start = inner.end - regex.len();
                let hir = part::named(regex, self.kind).map_err(|fault| moved(fault, start))?;
                let crosses = part::can_match(&hir, self.kind.separator());
                Piece::Regex { name: Some(name), text: regex.to_owned(), hir, crosses }
            }
        };
        self.pieces.push(piece);
        Ok(())
    }

    fn name(&self, name: &str, start: usize, braces: &Range<usize>) -> Result<Arc<str>, Fault> {
        if name.is_empty() {
            return Err(Fault::new(braces.clone(), Reason::NoName));
        }
        let allowed = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '.');
        if let Some((at, character)) = name.char_indices().find(|(_, character)| !allowed(*character)) {
            let at = start + at..start + at + character.len_utf8();
            return Err(Fault::new(at, Reason::NameCharacter { character }));
        }
        if self.pieces.iter().filter_map(Piece::name).any(|other| **other == *name) {
            let at = start..start + name.len();
            return Err(Fault::new(at, Reason::Twice { name: name.to_owned() }));
        }
        Ok(name.into())
    }

    /// Refuses literal text that no request could ever match.
    fn check_characters(&self, range: &Range<usize>) -> Result<(), Fault> {
        for (at, character) in self.text[range.clone()].char_indices() {
            let start = range.start + at;
            let at = start..start + character.len_utf8();
            match (self.kind, character) {
                (Kind::Path, '?' | '#' | '\0'..=' ' | '\x7f') => {
                    return Err(Fault::new(at, Reason::PathCharacter { character }));
                }
                (Kind::Host, '*') => return Err(Fault::new(at, Reason::Star)),
                (Kind::Host, _) if !(character.is_ascii_alphanumeric() || matches!(character, '-' | '_')) => {
                    return Err(Fault::new(at, Reason::HostCharacter { character }));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn moved(fault: Fault, by: usize) -> Fault {
    Fault::new(fault.at.start + by..fault.at.end + by, fault.reason)
}
