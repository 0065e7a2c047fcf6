//! The escaping that keeps a field within its quotes and a line within its line, for JSON and for terminals.

/// The longest text of a field in bytes: a client cannot make a line much longer than its answer is worth.
const MAX_FIELD: usize = 4096;

/// Appends `text` as a JSON string, quotes included.
///
/// Beyond what RFC 8259 §7 demands it escapes DEL, the C1 controls, the line separators and the marks that reorder
/// text: terminals and log viewers act on them.
pub(super) fn quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    escaped(out, text);
    out.push(b'"');
}

/// Appends `text` as the inside of a JSON string.
pub(super) fn escaped(out: &mut Vec<u8>, text: &str) {
    let kept = cut(text);
    // Nearly all fields are plain: they are looked through and copied at once.
    if has_suspect(kept.as_bytes()) {
        by_characters(out, kept);
    } else {
        out.extend_from_slice(kept.as_bytes());
    }
    if kept.len() < text.len() {
        out.extend_from_slice("…".as_bytes());
    }
}

/// Looks at every byte: to decide after each costs more than to look at the rest of a field.
fn has_suspect(text: &[u8]) -> bool {
    text.iter().fold(0, |found, byte| found | SUSPECT[usize::from(*byte)]) > 0
}

/// 1 for bytes that are, or begin, a character that may be special: all of those beyond ASCII begin with C2 or E2.
static SUSPECT: [u8; 256] = {
    let mut suspect = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        suspect[byte] = matches!(byte as u8, b'"' | b'\\' | 0..=0x1f | 0x7f | 0xc2 | 0xe2) as u8;
        byte += 1;
    }
    suspect
};

fn by_characters(out: &mut Vec<u8>, text: &str) {
    let mut plain = 0;
    for (at, c) in text.char_indices().filter(|(_, c)| is_special(*c)) {
        out.extend_from_slice(&text.as_bytes()[plain..at]);
        escape(out, c);
        plain = at + c.len_utf8();
    }
    out.extend_from_slice(&text.as_bytes()[plain..]);
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
        quoted(&mut out, text);
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

    /// Else one that stands alone in a field would pass.
    #[test]
    fn every_special_character_is_suspect() {
        let special = ('\0'..=char::MAX).filter(|c| is_special(*c));
        assert!(special.map(|c| c.to_string().as_bytes()[0]).all(|byte| has_suspect(&[byte])));
    }

    #[test]
    fn one_special_character_is_found_wherever_it_stands() {
        for length in 1..50 {
            for at in 0..length {
                let mut text = vec![b'a'; length];
                assert!(!has_suspect(&text));
                text[at] = b'"';
                assert!(has_suspect(&text), "{at} of {length}");
            }
        }
    }

    #[test]
    fn a_json_parser_reads_back_every_character() {
        let all: Vec<char> = ('\0'..='\u{ffff}').collect();
        for chunk in all.chunks(1000) {
            let text: String = chunk.iter().collect();
            let mut out = Vec::new();
            quoted(&mut out, &text);
            assert!(!out.iter().any(|byte| *byte < 0x20), "a raw control byte");
            let read: String = serde_json::from_slice(&out).unwrap();
            assert_eq!(read, text);
        }
    }

    #[test]
    fn a_long_field_is_cut_between_characters() {
        let mut out = Vec::new();
        escaped(&mut out, &"é".repeat(5000));
        assert_eq!(String::from_utf8(out).unwrap(), format!("{}…", "é".repeat(2048)));
        let mut out = Vec::new();
        escaped(&mut out, &format!("a{}", "é".repeat(5000)));
        assert_eq!(String::from_utf8(out).unwrap(), format!("a{}…", "é".repeat(2047)));
    }
}
