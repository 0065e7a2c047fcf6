//! Patterns without a regex: literal text with `{name}` variables, matched without one and without allocating.
//!
//! Means the same as the regex with `[^/]+` for each variable: all greedy, the first one most.

use std::ops::Range;

use crate::equal::without_prefix;
use crate::syntax::{Kind, Piece};

/// A pattern in segments between separators.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    separator: u8,
    segments: Vec<Segment>,
    /// Whether anything may follow.
    open: bool,
}

/// Literal text, then variables, each with the literal text behind it.
#[derive(Clone, Debug, Default)]
struct Segment {
    head: String,
    tails: Vec<String>,
}

impl Template {
    /// `None` if there is a regex among the pieces.
    pub(crate) fn new(pieces: &[Piece], open: bool, kind: Kind) -> Option<Self> {
        let separator = kind.separator();
        let mut segments = Vec::new();
        let mut segment = Segment::default();
        for piece in pieces {
            match piece {
                Piece::Variable(_) => segment.tails.push(String::new()),
                Piece::Regex { .. } => return None,
                Piece::Literal(text) => {
                    for (position, text) in text.split(char::from(separator)).enumerate() {
                        if position > 0 {
                            segments.push(std::mem::take(&mut segment));
                        }
                        segment.tails.last_mut().unwrap_or(&mut segment.head).push_str(text);
                    }
                }
            }
        }
        segments.push(segment);
        Some(Self { separator, segments, open })
    }

    /// Whether `text` matches; with `spans`, also what each variable stands for, in order.
    pub(crate) fn matches(&self, text: &str, mut spans: Option<&mut Vec<Range<usize>>>) -> bool {
        let Some((last, others)) = self.segments.split_last() else { return false };
        let mut start = 0;
        for segment in others {
            let Some(length) = self.segment_length(&text[start..]) else { return false };
            if !segment.matches(&text[start..start + length], start, false, spans.as_deref_mut()) {
                return false;
            }
            start += length + 1;
        }
        let end = match self.segment_length(&text[start..]) {
            None => text.len(),
            Some(length) if self.open => start + length,
            Some(_) => return false,
        };
        last.matches(&text[start..end], start, self.open, spans)
    }

    /// Bytes up to the next separator. Segments are short: a plain loop beats a call of a vectored search.
    fn segment_length(&self, text: &str) -> Option<usize> {
        text.bytes().position(|byte| byte == self.separator)
    }
}

impl Segment {
    /// Places the tails from the last to the first, each as far right as it can be: that makes the first variable as
    /// long as it can be, then the second, and so on.
    fn matches(&self, text: &str, offset: usize, open: bool, spans: Option<&mut Vec<Range<usize>>>) -> bool {
        let Some(body) = without_prefix(text, &self.head) else { return false };
        let Some((last, others)) = self.tails.split_last() else { return open || body.is_empty() };
        let last = match last.as_str() {
            "" => Some(body.len()),
            last if open => body.rfind(last),
            last => body.strip_suffix(last).map(str::len),
        };
        let Some(mut end) = last else { return false };
        let offset = offset + self.head.len();
        let mut found = spans;
        let first = found.as_ref().map_or(0, |spans| spans.len());
        for tail in others.iter().rev() {
            // The variable that ends at `end` has at least one character.
            let Some(variable) = body[..end].chars().next_back() else { return false };
            let Some(at) = body[..end - variable.len_utf8()].rfind(tail.as_str()) else { return false };
            if let Some(spans) = found.as_deref_mut() {
                spans.push(offset + at + tail.len()..offset + end);
            }
            end = at;
        }
        if let Some(spans) = found {
            spans.push(offset..offset + end);
            spans[first..].reverse();
        }
        end > 0
    }
}
