//! JSON: what the RFC allows and nothing else.

use super::*;

#[track_caller]
fn check(text: &str, expect: impl Into<Kind>) {
    assert_eq!(read(text).unwrap().kind, expect.into(), "{text}");
}

#[track_caller]
fn fault(text: &str, at: &str, message: &str) {
    let found = read(text).unwrap_err();
    assert_eq!(&text[found.span.start..found.span.end], at, "{text}: {}", found.message);
    assert!(found.message.contains(message), "{text}: {}", found.message);
    assert_eq!(found.code, "GW0203");
}

#[test]
fn values() {
    check(" null\n", Kind::Null);
    check("true", true);
    check("-0", 0);
    check("9223372036854775807", i64::MAX);
    check("9223372036854775808", 9_223_372_036_854_775_808.0);
    check("1.5e3", 1500.0);
    check("0E-2", 0.0);
    check("[]", Kind::Array(Vec::new()));
    check("{ }", Kind::Table(Vec::new()));
    check(r#""a\"\\\/\b\f\n\r\tß""#, "a\"\\/\u{8}\u{c}\n\r\tß");
    check(r#""\u00df\ud83d\ude00""#, "ß😀");
}

#[test]
fn places() {
    let text = "{\"ä\": [1, \"x\"],\n \"b\": {}}";
    let tree = read(text).unwrap();
    assert_eq!((tree.span.start, tree.span.end), (0, text.len()));
    let (key, list) = &tree.entries()[0];
    assert_eq!(&text[key.span.start..key.span.end], "\"ä\"");
    assert_eq!(&text[list.span.start..list.span.end], "[1, \"x\"]");
    let second = list.items()[1].span;
    assert_eq!(&text[second.start..second.end], "\"x\"");
}

#[test]
fn keys_given_twice_are_left_to_the_decoder() {
    assert_eq!(read(r#"{"a": 1, "a": 2}"#).unwrap().entries().len(), 2);
}

#[test]
fn errors() {
    fault("{\"a\": 1,}", "}", "a key in double quotes");
    fault("[1,]", "]", "a value");
    fault("[1 2]", "2", "`,` or `]`");
    fault("{a: 1}", "a", "a key in double quotes");
    fault("{\"a\" 1}", "1", "`:`");
    fault("{} x", "x", "the end");
    fault("// x\n1", "/", "a value");
    fault("01", "1", "the end");
    fault("-", "", "a digit");
    fault("1.", "", "a digit");
    fault("+1", "+", "a value");
    fault("tru", "t", "a value");
    fault("NaN", "N", "a value");
    fault("'a'", "'", "a value");
    fault("\"a\nb\"", "\n", "escaped");
    fault(r#""\x""#, "x", "an escape");
    fault(r#""\u12g4""#, "g", "hexadecimal");
    fault(r#""\ud800""#, r"\ud800", "surrogate");
    fault(r#""\ud800\u0041""#, r"\ud800\u0041", "surrogate");
    fault(r#""\ud800\ue000""#, r"\ud800\ue000", "surrogate");
    fault(r#""\udc00""#, r"\udc00", "surrogate");
}

#[test]
fn half_a_file() {
    fault("{\"a\": \"half", "\"half", "not closed");
    fault("{\"a\": [1", "", "the document ends");
    fault("{\"a\":", "", "the document ends");
    fault("\"\\", "", "the document ends");
}

#[test]
fn depth_is_limited() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    assert!(read(&nested(MAX_DEPTH)).is_ok());
    for depth in [MAX_DEPTH + 1, 1_000_000] {
        assert_eq!(read(&nested(depth)).unwrap_err().code, "GW0204");
    }
}
