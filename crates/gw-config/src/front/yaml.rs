//! YAML 1.2 with the core schema, through an event parser with places.
//!
//! The Go gateway reads YAML 1.1. Kept from it: merge keys (`<<`). Not kept: `on`, `off`, `yes` and `no` are text and
//! not booleans, and of keys given twice the last does not win. Aliases unfold up to a limit.

mod anchors;
mod merge;
mod offsets;
mod scalar;
#[cfg(test)]
mod tests;

use gw_value::{Key, Kind, MAX_DEPTH, Span, Value};
use saphyr_parser::{Event, Parser, ScalarStyle, StrInput, Tag};

use super::{syntax, too_deep};
use crate::Diagnostic;
use anchors::Anchors;
use offsets::Offsets;

/// The tree of a YAML document; null if there is none.
///
/// # Errors
/// With the first syntax error.
pub(super) fn read(text: &str) -> Result<Value, Diagnostic> {
    let mut reader = Reader {
        text,
        parser: Parser::new_from_str(text),
        offsets: Offsets::new(text),
        anchors: Anchors::default(),
    };
    reader.stream()
}

struct Reader<'a> {
    text: &'a str,
    parser: Parser<'a, StrInput<'a>>,
    offsets: Offsets<'a>,
    anchors: Anchors,
}

/// An event and its place in bytes.
type Placed<'a> = (Event<'a>, Span);

impl<'a> Reader<'a> {
    fn stream(&mut self) -> Result<Value, Diagnostic> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(root.unwrap_or_default()),
                Event::DocumentStart(_) if root.is_some() => {
                    return Err(syntax("a second document starts", span)
                        .with_help("one file is one configuration: remove the `---` and what follows"));
                }
                Event::DocumentStart(_) => {
                    let first = self.next()?;
                    root = Some(self.node(first, 1)?);
                }
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Result<Placed<'a>, Diagnostic> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((
                event,
                Span::new(self.offsets.byte(span.start.index()), self.offsets.byte(span.end.index())),
            )),
            Some(Err(error)) => {
                let at = self.offsets.byte(error.marker().index());
                // The scanner's own limit, which brackets that open at once reach before ours.
                if error.info() == "recursion limit exceeded" {
                    return Err(too_deep(Span::new(at, at)));
                }
                Err(syntax(error.info(), Span::new(at, at)))
            }
            None => Ok((Event::StreamEnd, Span::NONE)),
        }
    }

    fn node(&mut self, (event, span): Placed<'a>, depth: usize) -> Result<Value, Diagnostic> {
        if depth > MAX_DEPTH {
            return Err(too_deep(span));
        }
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let span = self.trimmed(span);
                let kind =
                    scalar::resolve(&text, style, tag.as_deref()).map_err(|message| syntax(message, span))?;
                (Value::new(kind, span), anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                collection(tag.as_deref(), "seq", span)?;
                (self.sequence(span, depth)?, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                collection(tag.as_deref(), "map", span)?;
                (self.mapping(span, depth)?, anchor)
            }
            Event::Alias(id) => return self.anchors.unfold(id, span, depth),
            _ => return Err(syntax("a value is expected", span)),
        };
        self.anchors.define(anchor, &value);
        Ok(value)
    }

    fn sequence(&mut self, open: Span, depth: usize) -> Result<Value, Diagnostic> {
        let mut items: Vec<Value> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                let end = items.last().map_or(open.end, |item| item.span.end);
                let span = self.extent('[', open, end, span);
                return Ok(Value::new(Kind::Array(items), span));
            }
            items.push(self.node((event, span), depth + 1)?);
        }
    }

    fn mapping(&mut self, open: Span, depth: usize) -> Result<Value, Diagnostic> {
        let mut entries: Vec<(Key, Value)> = Vec::new();
        let mut merges: Vec<Value> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                let end = entries.last().map_or(open.end, |(_, value)| value.span.end);
                let span = self.extent('{', open, end, span);
                merge::merge(&mut entries, merges)?;
                return Ok(Value::new(Kind::Table(entries), span));
            }
            let (key, style) = self.key(event, span)?;
            let first = self.next()?;
            let value = self.node(first, depth + 1)?;
            if style == ScalarStyle::Plain && key.name == "<<" {
                merges.push(value);
            } else {
                entries.push((key, value));
            }
        }
    }

    /// A key is text, whatever it looks like: `on: 1` and `443: x` have the keys `on` and `443`.
    fn key(&mut self, event: Event<'a>, span: Span) -> Result<(Key, ScalarStyle), Diagnostic> {
        let span = self.trimmed(span);
        match event {
            Event::Scalar(text, style, anchor, _) => {
                self.anchors.define(anchor, &Value::new(Kind::from(text.as_ref()), span));
                Ok((Key::new(text, span), style))
            }
            Event::Alias(id) => match self.anchors.unfold(id, span, 1)?.kind {
                Kind::String(name) => Ok((Key::new(name, span), ScalarStyle::DoubleQuoted)),
                _ => Err(syntax("a key must be text", span)),
            },
            _ => Err(syntax("a key must be text", span)),
        }
    }

    /// A scalar's place without the white space that the parser counts to it.
    fn trimmed(&self, span: Span) -> Span {
        let text = self.text.get(span.start..span.end).unwrap_or_default();
        Span::new(span.start, span.start + text.trim_end().len())
    }

    /// The place of a collection: to its bracket, or to the end of its last value (the parser says where the next
    /// thing starts).
    fn extent(&self, bracket: char, open: Span, last: usize, close: Span) -> Span {
        let flow = self.text.get(open.start..).is_some_and(|rest| rest.starts_with(bracket));
        let end = if flow { close.end } else { last };
        Span::new(open.start, end.max(open.start))
    }
}

/// Accepts no tag, or the one that says what the collection is anyway.
fn collection(tag: Option<&Tag>, expected: &str, span: Span) -> Result<(), Diagnostic> {
    match tag {
        Some(tag) if !(tag.is_yaml_core_schema() && tag.suffix == expected) => {
            Err(syntax(format!("the tag `{tag}` is not supported"), span))
        }
        _ => Ok(()),
    }
}
