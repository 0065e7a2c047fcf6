//! JSON (RFC 8259), strictly: no comments, no trailing commas, nothing behind the value.

mod string;

use gw_value::{Key, Kind, MAX_DEPTH, Span, Value};

use super::{syntax, too_deep};
use crate::Diagnostic;

/// The tree of a JSON document.
///
/// # Errors
/// With the first syntax error.
pub(super) fn read(text: &str) -> Result<Value, Diagnostic> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(1)?;
    reader.skip_space();
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.unexpected("the end of the document")),
    }
}

/// A text and how much of it was read. `at` is always at the start of a character.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Value, Diagnostic> {
        self.skip_space();
        let start = self.at;
        let kind = match self.peek() {
            Some(_) if depth > MAX_DEPTH => return Err(too_deep(Span::new(start, start))),
            Some('{') => self.table(depth)?,
            Some('[') => self.array(depth)?,
            Some('"') => Kind::String(self.string()?),
            Some('-' | '0'..='9') => self.number()?,
            Some('t' | 'f' | 'n') => self.word()?,
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Value::new(kind, Span::new(start, self.at)))
    }

    fn table(&mut self, depth: usize) -> Result<Kind, Diagnostic> {
        self.at += 1;
        let mut entries = Vec::new();
        self.skip_space();
        if self.eat('}') {
            return Ok(Kind::Table(entries));
        }
        loop {
            self.skip_space();
            let start = self.at;
            if self.peek() != Some('"') {
                return Err(self.unexpected("a key in double quotes"));
            }
            let name = self.string()?;
            let key = Key::new(name, Span::new(start, self.at));
            self.skip_space();
            if !self.eat(':') {
                return Err(self.unexpected("`:`"));
            }
            entries.push((key, self.value(depth + 1)?));
            self.skip_space();
            if self.eat('}') {
                return Ok(Kind::Table(entries));
            }
            if !self.eat(',') {
                return Err(self.unexpected("`,` or `}`"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Kind, Diagnostic> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.eat(']') {
            return Ok(Kind::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_space();
            if self.eat(']') {
                return Ok(Kind::Array(items));
            }
            if !self.eat(',') {
                return Err(self.unexpected("`,` or `]`"));
            }
        }
    }

    fn word(&mut self) -> Result<Kind, Diagnostic> {
        for (word, kind) in [("true", Kind::Bool(true)), ("false", Kind::Bool(false)), ("null", Kind::Null)] {
            if self.rest().starts_with(word) {
                self.at += word.len();
                return Ok(kind);
            }
        }
        Err(self.unexpected("a value"))
    }

    /// RFC 8259 §6. A whole number that 64 bits do not hold is a float.
    fn number(&mut self) -> Result<Kind, Diagnostic> {
        let start = self.at;
        self.eat('-');
        if !self.eat('0') {
            self.digits()?;
        }
        let mut whole = true;
        if self.eat('.') {
            whole = false;
            self.digits()?;
        }
        if self.eat('e') || self.eat('E') {
            whole = false;
            let _ = self.eat('+') || self.eat('-');
            self.digits()?;
        }
        let text = &self.text[start..self.at];
        match text.parse() {
            Ok(number) if whole => Ok(Kind::Integer(number)),
            _ => Ok(Kind::Float(text.parse().unwrap_or(f64::NAN))),
        }
    }

    fn digits(&mut self) -> Result<(), Diagnostic> {
        let length = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        if length == 0 {
            return Err(self.unexpected("a digit"));
        }
        self.at += length;
        Ok(())
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn eat(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        if found {
            self.at += expected.len_utf8();
        }
        found
    }

    fn skip_space(&mut self) {
        let space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.at += self.rest().bytes().take_while(space).count();
    }

    fn unexpected(&self, expected: &str) -> Diagnostic {
        let found = match self.peek() {
            None => "the document ends".to_owned(),
            Some(c) => format!("`{}` found", c.escape_debug()),
        };
        let end = self.at + self.peek().map_or(0, char::len_utf8);
        syntax(format!("{found} where {expected} is expected"), Span::new(self.at, end))
    }
}

#[cfg(test)]
mod tests;
