//! The escaping that keeps a field within its quotes and a line within its line, for JSON and for terminals.

/// The longest text of a field in bytes: a client cannot make a line much longer than its answer is worth.
const MAX_FIELD: usize = 4096;

/// Appends `text` as a JSON string, quotes included. What is not UTF-8 is replaced.
///
/// Beyond what RFC 8259 §7 demands it escapes DEL, the C1 controls, the line separators and the marks that reorder
/// text: terminals and log viewers act on them.
pub(super) fn quoted(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    escaped(out, text);
    out.push(b'"');
}

/// Appends `text` as the inside of a JSON string.
pub(super) fn escaped(out: &mut Vec<u8>, text: &[u8]) {
    // Nearly all fields are plain: they are looked through and copied at once.
    if text.len() <= MAX_FIELD && is_plain(text) {
        out.extend_from_slice(text);
    } else {
        by_characters(out, text);
    }
}

/// Whether a text is of ASCII that stands for itself. Eight bytes at a time, the last ones perhaps twice: to decide after
/// each costs more than to look at the rest of a field.
fn is_plain(text: &[u8]) -> bool {
    let suspect = match text.last_chunk::<8>() {
        Some(last) => {
            text.as_chunks::<8>().0.iter().fold(suspect(*last), |found, word| found | suspect(*word))
        }
        None => match (text.first_chunk::<4>(), text.last_chunk::<4>()) {
            (Some([a, b, c, d]), Some([e, f, g, h])) => suspect([*a, *b, *c, *d, *e, *f, *g, *h]),
            _ => text.iter().fold(0, |found, byte| found | suspect([*byte; 8])),
        },
    };
    suspect & each(0x80) == 0
}

/// Sets the highest bit of a byte that is special or not ASCII, and perhaps those of bytes above one that is.
fn suspect(word: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(word);
    let is = |byte| (word ^ each(byte)).wrapping_sub(each(1));
    let (control, delete) = (word.wrapping_sub(each(0x20)), word.wrapping_add(each(1)));
    word | control | delete | is(b'"') | is(b'\\')
}

/// Eight times the same byte.
const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Looks at each character, and cuts what is too long.
#[cold]
fn by_characters(out: &mut Vec<u8>, text: &[u8]) {
    let text = &*String::from_utf8_lossy(text);
    let kept = cut(text);
    let mut plain = 0;
    for (at, c) in kept.char_indices().filter(|(_, c)| is_special(*c)) {
        out.extend_from_slice(&kept.as_bytes()[plain..at]);
        escape(out, c);
        plain = at + c.len_utf8();
    }
    out.extend_from_slice(&kept.as_bytes()[plain..]);
    if kept.len() < text.len() {
        out.extend_from_slice("…".as_bytes());
    }
}

/// At most [`MAX_FIELD`] bytes of `text`, whole characters only.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_FIELD)]
}

fn is_special(c: char) -> bool {
    matches!(c, '"' | '\\' | '\0'..='\x1f' | '\x7f'..='\u{9f}')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escape(out: &mut Vec<u8>, c: char) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    match c {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        _ => {
            out.extend_from_slice(b"\\u");
            // All special characters are below U+10000, so that four digits do.
            for shift in [12, 8, 4, 0] {
                out.push(DIGITS[(c as usize >> shift) & 0xf]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let mut out = Vec::new();
        quoted(&mut out, text.as_bytes());
        assert_eq!(String::from_utf8(out).unwrap(), expect);
    }

    #[test]
    fn nothing_leaves_the_quotes() {
        check("plain", r#""plain""#);
        check("", r#""""#);
        check("a\"b\\c", r#""a\"b\\c""#);
        check("a\r\nb\tc", r#""a\r\nb\tc""#);
        check("\0\x1b[31m\x7f", r#""\u0000\u001b[31m\u007f""#);
        check("\u{85}\u{9b}", r#""\u0085\u009b""#);
        check("\u{2028}\u{202e}\u{2066}", r#""\u2028\u202e\u2066""#);
        check("äöü 漢字 🦀", r#""äöü 漢字 🦀""#);
    }

    #[test]
    fn plain_is_ascii_that_is_not_special() {
        for c in '\0'..=char::MAX {
            let text = c.to_string();
            assert_eq!(is_plain(text.as_bytes()), c.is_ascii() && !is_special(c), "{c:?}");
        }
    }

    #[test]
    fn one_special_character_is_found_wherever_it_stands() {
        let all = (0..=u8::MAX).filter(|byte| !byte.is_ascii() || is_special(char::from(*byte)));
        let all: Vec<u8> = all.collect();
        for length in 1..50 {
            for filler in *b"a ~!#[]" {
                assert!(is_plain(&vec![filler; length]));
                for (at, byte) in (0..length).flat_map(|at| all.iter().map(move |byte| (at, *byte))) {
                    let mut text = vec![filler; length];
                    text[at] = byte;
                    assert!(!is_plain(&text), "{byte} at {at} of {length}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_utf8_is_replaced() {
        let mut out = Vec::new();
        quoted(&mut out, b"a\xff\"");
        assert_eq!(String::from_utf8(out).unwrap(), "\"a\u{fffd}\\\"\"");
    }

    #[test]
    fn a_long_plain_field_is_cut() {
        let mut out = Vec::new();
        escaped(&mut out, &[b'a'; MAX_FIELD]);
        assert_eq!(out, [b'a'; MAX_FIELD]);
        out.clear();
        escaped(&mut out, &[b'a'; MAX_FIELD + 1]);
        assert_eq!(String::from_utf8(out).unwrap(), format!("{}…", "a".repeat(MAX_FIELD)));
    }

    #[test]
    fn a_json_parser_reads_back_every_character() {
        let all: Vec<char> = ('\0'..='\u{ffff}').collect();
        for chunk in all.chunks(1000) {
            let text: String = chunk.iter().collect();
            let mut out = Vec::new();
            quoted(&mut out, text.as_bytes());
            assert!(!out.iter().any(|byte| *byte < 0x20), "a raw control byte");
            let read: String = serde_json::from_slice(&out).unwrap();
            assert_eq!(read, text);
        }
    }

    #[test]
    fn a_long_field_is_cut_between_characters() {
        let mut out = Vec::new();
        escaped(&mut out, "é".repeat(5000).as_bytes());
        assert_eq!(String::from_utf8(out).unwrap(), format!("{}…", "é".repeat(2048)));
        let mut out = Vec::new();
        escaped(&mut out, format!("a{}", "é".repeat(5000)).as_bytes());
        assert_eq!(String::from_utf8(out).unwrap(), format!("a{}…", "é".repeat(2047)));
    }
}
