//! Strings of JSON (RFC 8259 §7).

use gw_value::Span;

use super::super::syntax;
use super::Reader;
use crate::Diagnostic;

impl Reader<'_> {
    /// Reads a string, both quotes included.
    pub(super) fn string(&mut self) -> Result<String, Diagnostic> {
        let open = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let plain =
                self.rest().bytes().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f)).count();
            text.push_str(&self.rest()[..plain]);
            self.at += plain;
            match self.peek() {
                Some('"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some('\\') => text.push(self.escape()?),
                Some(_) => return Err(self.unexpected("`\"` or an escaped character")),
                None => return Err(syntax("the string is not closed", Span::new(open, self.at))),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Diagnostic> {
        let start = self.at;
        self.at += 1;
        let escaped = match self.peek() {
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => return self.unicode(start),
            _ => return Err(self.unexpected("an escape: one of `\"\\/bfnrtu`")),
        };
        self.at += 1;
        Ok(escaped)
    }

    /// `\uXXXX`, or two of them for a character beyond U+FFFF.
    fn unicode(&mut self, start: usize) -> Result<char, Diagnostic> {
        let first = self.unit()?;
        let code = match first {
            0xd800..=0xdbff if self.rest().starts_with("\\u") => {
                self.at += 1;
                let second = self.unit()?;
                let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400);
                low.map(|low| 0x1_0000 + ((first - 0xd800) << 10) + low)
            }
            code => Some(code),
        };
        code.and_then(char::from_u32)
            .ok_or_else(|| syntax("half a surrogate pair is no character", Span::new(start, self.at)))
    }

    /// `uXXXX`.
    fn unit(&mut self) -> Result<u32, Diagnostic> {
        self.at += 1;
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(16)) else {
                return Err(self.unexpected("a hexadecimal digit"));
            };
            code = code << 4 | digit;
            self.at += 1;
        }
        Ok(code)
    }
}
