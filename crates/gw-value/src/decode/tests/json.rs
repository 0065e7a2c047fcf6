//! A reader of JSON that keeps places, for documents in tests. It trusts its input.

use crate::{Key, Kind, Span, Value};

/// The tree of a document. `start..end` of each span are the bytes of the value, quotes included.
pub(super) fn read(text: &str) -> Value {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value();
    assert_eq!(text[reader.at..].trim(), "", "one value");
    value
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self) -> Value {
        self.blank();
        let start = self.at;
        let kind = match self.peek() {
            '{' => Kind::Table(self.list('{', '}', |reader| {
                let key = reader.value();
                reader.blank();
                reader.eat(':');
                (Key::new(key.as_str().unwrap(), key.span), reader.value())
            })),
            '[' => Kind::Array(self.list('[', ']', Self::value)),
            '"' => {
                let length = self.text[start + 1..].find('"').unwrap();
                self.at += length + 2;
                Kind::from(&self.text[start + 1..self.at - 1])
            }
            _ => self.word(),
        };
        Value::new(kind, Span::new(start, self.at))
    }

    fn word(&mut self) -> Kind {
        let rest = &self.text[self.at..];
        let word = &rest[..rest.find([',', ']', '}', ' ', '\n']).unwrap_or(rest.len())];
        self.at += word.len();
        match word {
            "null" => Kind::Null,
            "true" => true.into(),
            "false" => false.into(),
            number => {
                number.parse::<i64>().map_or_else(|_| number.parse::<f64>().unwrap().into(), Kind::from)
            }
        }
    }

    fn list<T>(&mut self, open: char, close: char, item: impl Fn(&mut Self) -> T) -> Vec<T> {
        let mut items = Vec::new();
        self.eat(open);
        self.blank();
        while self.peek() != close {
            items.push(item(self));
            self.blank();
            if self.peek() == ',' {
                self.eat(',');
                self.blank();
            }
        }
        self.eat(close);
        items
    }

    fn blank(&mut self) {
        self.at += self.text[self.at..].len() - self.text[self.at..].trim_start().len();
    }

    fn peek(&self) -> char {
        self.text[self.at..].chars().next().unwrap()
    }

    fn eat(&mut self, c: char) {
        assert_eq!(self.peek(), c, "at {}", self.at);
        self.at += c.len_utf8();
    }
}
