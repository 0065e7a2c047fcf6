//! The Go dialect, and deserializers that are not ours.

use std::time::Duration;

use super::schema::{Gateway, Limits, Protocol};
use super::{GOOD, check, good, json};
use crate::{Dialect, Severity, Span, Spanned, Value, decode};

#[test]
fn go_keys() {
    let gateway = good(
        Dialect::Go,
        r#"{"@type": "any", "tlsStore": {"a_b": {"cert": "", "key": ""}},
            "endpoints": [{"path": null, "retry": {"perTryTimeout": "0.5s", "attempts": null}, "methods": null}],
            "limits": {"@type": "any", "atLeastOne": "7", "header_timeout": "1s"}}"#,
    );
    assert_eq!(gateway.tls_store.keys().collect::<Vec<_>>(), ["a_b"]);
    let retry = gateway.endpoints[0].retry.as_ref().unwrap();
    assert_eq!((retry.attempts, retry.per_try_timeout), (None, Some(Duration::from_millis(500))));
    assert_eq!(gateway.limits.at_least_one.unwrap().get(), 7);
    assert_eq!(gateway.limits.header_timeout, Duration::from_secs(1));
}

#[test]
fn go_unset_keys_are_missing_and_may_be_given_after_all() {
    check(
        Dialect::Go,
        r#"{"tlsStore": {"a": {"cert": null, "key": "", "key": null}}}"#,
        &[("GW0103", "tlsStore.a.cert", r#"{"cert": null, "key": "", "key": null}"#)],
    );
}

#[test]
fn go_null_is_no_element() {
    check(
        Dialect::Go,
        r#"{"endpoints": [null, {"metadata": {"a": null}}]}"#,
        &[("GW0102", "endpoints[0]", "null"), ("GW0102", "endpoints[1].metadata.a", "null")],
    );
}

#[test]
fn go_unknown_keys_are_warnings() {
    let document = r#"{"endpoints": [{"retry": {"perTryTimeuot": "1s", "attempts": 2}}], "x": null}"#;
    let faults = check(
        Dialect::Go,
        document,
        &[("GW0101", "endpoints[0].retry.perTryTimeuot", "\"perTryTimeuot\""), ("GW0101", "x", "\"x\"")],
    );
    assert!(faults.iter().all(|fault| fault.severity == Severity::Warning));
    assert_eq!(faults[0].help.as_deref(), Some("did you mean `perTryTimeout`?"));
    let gateway = decode::<Gateway>(&json::read(document), Dialect::Go, false).value.unwrap();
    let retry = gateway.endpoints[0].retry.as_ref().unwrap();
    assert_eq!(retry.attempts.as_deref(), Some(&2), "the rest is decoded");
}

#[test]
fn go_numbers() {
    #[track_caller]
    fn limits(document: &str) -> Limits {
        good(Dialect::Go, &format!(r#"{{"limits": {document}}}"#)).limits
    }
    assert_eq!(limits(r#"{"connections": "18446744073709551615"}"#).connections, usize::MAX);
    assert_eq!(
        limits(r#"{"small": "-5", "share": "0.25"}"#),
        Limits { small: -5, share: 0.25, ..Limits::default() }
    );
    assert_eq!(
        limits(r#"{"small": 5.0, "share": "1e-1"}"#),
        Limits { small: 5, share: 0.1, ..Limits::default() }
    );
    assert_eq!(limits(r#"{"small": "1e2"}"#).small, 100);
    for (key, written, code) in [
        ("small", "5.5", "GW0102"),
        ("small", "\"5.5\"", "GW0102"),
        ("connections", "1e300", "GW0102"),
        ("small", "\"+5\"", "GW0102"),
        ("small", "\" 5\"", "GW0102"),
        ("small", "\"\"", "GW0102"),
        ("small", "\"128\"", "GW0106"),
        ("connections", "\"-1\"", "GW0106"),
        ("share", "\"inf\"", "GW0102"),
        ("share", "\"NaN\"", "GW0102"),
        ("share", "true", "GW0102"),
    ] {
        let document = format!(r#"{{"limits": {{"{key}": {written}}}}}"#);
        check(Dialect::Go, &document, &[(code, &format!("limits.{key}"), written)]);
    }
    // Only numbers are taken in quotes, and no number for text.
    check(
        Dialect::Go,
        r#"{"name": 1, "strict": "true"}"#,
        &[("GW0102", "name", "1"), ("GW0102", "strict", "\"true\"")],
    );
}

#[test]
fn enums() {
    for (dialect, written, expect) in [
        (Dialect::Native, "\"http\"", Protocol::Http),
        (Dialect::Native, "\"Grpc\"", Protocol::Grpc),
        (Dialect::Native, "\"LONG_POLL\"", Protocol::LongPoll),
        (Dialect::Go, "\"UNSPECIFIED\"", Protocol::Http),
        (Dialect::Go, "0", Protocol::Http),
        (Dialect::Go, "1", Protocol::Http),
        (Dialect::Go, "2", Protocol::Grpc),
    ] {
        let gateway = good(dialect, &format!(r#"{{"endpoints": [{{"protocol": {written}}}]}}"#));
        assert_eq!(gateway.endpoints[0].protocol, expect, "{written}");
    }
    for number in ["-1", "4"] {
        let document = format!(r#"{{"endpoints": [{{"protocol": {number}}}]}}"#);
        check(Dialect::Go, &document, &[("GW0104", "endpoints[0].protocol", number)]);
    }
}

#[test]
fn a_spanned_document_and_spanned_keys() {
    type Root = Spanned<std::collections::BTreeMap<Spanned<String>, Spanned<u8>>>;
    let root = decode::<Root>(&json::read(r#" {"a": 1}"#), Dialect::Native, false).value.unwrap();
    let (key, value) = root.first_key_value().unwrap();
    assert_eq!((root.span(), key.span(), value.span()), (Span::new(1, 9), Span::new(2, 5), Span::new(7, 8)));
}

#[test]
fn foreign_deserializers_place_nothing() {
    let foreign: Gateway =
        serde_json::from_str(&GOOD.replace("GRPC", "grpc").replace("HEADER", "header")).unwrap();
    assert_eq!(foreign, good(Dialect::Native, GOOD));
    assert!(foreign.endpoints[0].path.span().is_none());
    assert!(foreign.endpoints[0].options.as_ref().unwrap().span.is_none());
    let error = serde_json::from_str::<Gateway>(r#"{"limits": {"header_timeout": "1"}}"#).unwrap_err();
    assert!(error.to_string().starts_with("`1` has no unit"), "{error}");
    let huge: Value = serde_json::from_str("[18446744073709551615, -1, 1.5, null, true]").unwrap();
    assert_eq!(serde_json::to_string(&huge).unwrap(), "[1.8446744073709552e+19,-1,1.5,null,true]");
}

#[test]
fn a_tree_is_written_as_plain_data() {
    let written = serde_json::to_value(json::read(GOOD)).unwrap();
    assert_eq!(written, serde_json::from_str::<serde_json::Value>(GOOD).unwrap());
}
