//! What a scalar means: the core schema of YAML 1.2 (§10.3.2).

use gw_value::Kind;
use saphyr_parser::{ScalarStyle, Tag};

/// The value of a scalar. Quoted and block scalars are text; a plain one is what it looks like; a tag overrules both.
///
/// # Errors
/// When the tag is unknown or does not fit.
pub(super) fn resolve(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Kind, String> {
    let Some(tag) = tag else {
        return Ok(if style == ScalarStyle::Plain { plain(text) } else { Kind::from(text) });
    };
    // `!` alone: what is written is text.
    if tag.handle.is_empty() && tag.suffix == "!" {
        return Ok(Kind::from(text));
    }
    if !tag.is_yaml_core_schema() {
        return Err(format!("the tag `{tag}` is not supported"));
    }
    let kind = plain(text);
    match (tag.suffix.as_str(), &kind) {
        ("str", _) => Ok(Kind::from(text)),
        ("null", Kind::Null)
        | ("bool", Kind::Bool(_))
        | ("int", Kind::Integer(_))
        | ("float", Kind::Float(_)) => Ok(kind),
        #[expect(clippy::cast_precision_loss, reason = "the document asks for a float")]
        ("float", Kind::Integer(number)) => Ok(Kind::Float(*number as f64)),
        ("null" | "bool" | "int" | "float", _) => Err(format!("`{text}` is no `!!{}`", tag.suffix)),
        _ => Err(format!("the tag `{tag}` is not supported")),
    }
}

/// A plain scalar.
fn plain(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "true" | "True" | "TRUE" => Kind::Bool(true),
        "false" | "False" | "FALSE" => Kind::Bool(false),
        _ => integer(text).or_else(|| float(text)).unwrap_or_else(|| Kind::from(text)),
    }
}

/// `[-+]?[0-9]+`, `0o[0-7]+` or `0x[0-9a-fA-F]+`. What 64 bits do not hold is a float.
fn integer(text: &str) -> Option<Kind> {
    let (digits, radix) = match text.strip_prefix("0o") {
        Some(octal) => (octal, 8),
        None => text.strip_prefix("0x").map_or((text, 10), |hexadecimal| (hexadecimal, 16)),
    };
    if radix != 10 && digits.starts_with(['+', '-']) {
        return None;
    }
    i64::from_str_radix(digits, radix).ok().map(Kind::Integer)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, or infinity, or no number.
fn float(text: &str) -> Option<Kind> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    match unsigned {
        ".inf" | ".Inf" | ".INF" => return Some(Kind::Float(sign * f64::INFINITY)),
        ".nan" | ".NaN" | ".NAN" if unsigned == text => return Some(Kind::Float(f64::NAN)),
        _ => {}
    }
    // Rust's grammar of floats is this one, but for words such as `inf`.
    let numeric = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    numeric.then(|| text.parse().ok()).flatten().map(Kind::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: impl Into<Kind>) {
        assert_eq!(plain(text), expect.into(), "{text}");
    }

    #[test]
    fn core_schema() {
        for null in ["", "~", "null", "Null", "NULL"] {
            check(null, Kind::Null);
        }
        check("True", true);
        check("FALSE", false);
        for text in [
            "on", "off", "yes", "No", "y", "tRUE", "nULL", "1_000", "0o8", "0x", "0x-1", "1e", "infinity",
            "nan",
        ] {
            check(text, text);
        }
        check("12", 12);
        check("+12", 12);
        check("-0", 0);
        check("010", 10);
        check("0o17", 15);
        check("0xfF", 255);
        check("9223372036854775808", 9_223_372_036_854_775_808.0);
        check("1.", 1.0);
        check(".5", 0.5);
        check("-1.5e+3", -1500.0);
        check("-.INF", f64::NEG_INFINITY);
        check("127.0.0.1", "127.0.0.1");
        check(".", ".");
        check("12:30", "12:30");
    }
}
