//! Rust without its comments and without what stands inside its literals, so that checks by text see code only.
//!
//! Every blanked byte becomes a space and newlines stay, so lines keep their numbers.

/// The code of `text`.
pub(crate) fn only(text: &str) -> String {
    let mut scan = Scan { rest: text, out: String::with_capacity(text.len()) };
    while !scan.rest.is_empty() {
        scan.step();
    }
    scan.out
}

struct Scan<'a> {
    rest: &'a str,
    out: String,
}

impl Scan<'_> {
    fn step(&mut self) {
        let rest = self.rest;
        if rest.starts_with("//") {
            self.blank(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            self.blank(block_comment(rest));
        } else if let Some(quotes) = raw_string(rest).filter(|_| !self.inside_word()) {
            self.literal(quotes.0, quotes.1);
        } else if rest.starts_with('"') {
            self.literal(1, quoted(rest, '"'));
        } else if let Some(end) = character(rest) {
            self.literal(1, end);
        } else {
            self.keep(rest.chars().next().map_or(0, char::len_utf8));
        }
    }

    /// Keeps an opening of `open` bytes and the closing byte of a literal of `len` bytes, and blanks the rest.
    fn literal(&mut self, open: usize, len: usize) {
        self.keep(open);
        self.blank(len.saturating_sub(open + 1));
        self.keep(usize::from(len > open).min(self.rest.len()));
    }

    fn keep(&mut self, len: usize) {
        let (kept, rest) = self.rest.split_at(len);
        self.out.push_str(kept);
        self.rest = rest;
    }

    fn blank(&mut self, len: usize) {
        let (blanked, rest) = self.rest.split_at(len);
        self.out.extend(blanked.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        self.rest = rest;
    }

    fn inside_word(&self) -> bool {
        self.out.ends_with(|c: char| c.is_alphanumeric() || c == '_')
    }
}

/// The length of a block comment, nested ones included.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = text.get(at..).unwrap_or("");
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The lengths of a raw string's opening, and of all of it up to its closing quote.
fn raw_string(text: &str) -> Option<(usize, usize)> {
    let prefix = ["r", "br", "cr"].into_iter().find(|prefix| {
        text.strip_prefix(prefix).is_some_and(|rest| rest.trim_start_matches('#').starts_with('"'))
    })?;
    let hashes = text.get(prefix.len()..)?.find('"')?;
    let open = prefix.len() + hashes + 1;
    let close = format!("\"{}", "#".repeat(hashes));
    let body = text.get(open..)?;
    let end = body.find(&close).map_or(text.len(), |end| open + end + 1);
    Some((open, end))
}

/// The length of a literal between `quote`s, with escapes.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a character literal; a lifetime is none.
fn character(text: &str) -> Option<usize> {
    let mut chars = text.strip_prefix('\'')?.chars();
    let first = chars.next()?;
    if first == '\\' {
        return Some(quoted(text, '\''));
    }
    (chars.next() == Some('\'')).then(|| first.len_utf8() + 2)
}

#[cfg(test)]
mod tests {
    use super::only;

    #[track_caller]
    fn check(text: &str, code: &str) {
        assert_eq!(only(text), code);
    }

    #[test]
    fn comments_and_literals_are_blank() {
        check("a // b\nc", "a     \nc");
        check("a /* b /* c */ \n d */ e", "a              \n      e");
        check(r#"f("x\"y", 1)"#, r#"f("    ", 1)"#);
        check(r##"f(r#"x"y"#, 1)"##, r##"f(r#"   "#, 1)"##);
        check("f(b\"é\")", "f(b\" \")");
        check("'\"' 'a' '\\'' &'static str", "' ' ' ' '  ' &'static str");
        check("for\"x\"", "for\" \"");
        check("\"open", "\"   n");
    }
}
