//! What is decoded, and what is found wrong, with its code, path and place.

mod access;
mod json;
mod properties;
mod repair;
mod schema;

use std::time::Duration;

use schema::{Gateway, Protocol, Rule};

use crate::{Dialect, Fault, Severity, decode};

/// Expects the faults of a document as (code, path, text pointed at), in order.
#[track_caller]
fn check(dialect: Dialect, document: &str, expect: &[(&str, &str, &str)]) -> Vec<Fault> {
    let decoded = decode::<Gateway>(&json::read(document), dialect, false);
    let found: Vec<_> = decoded
        .faults
        .iter()
        .map(|fault| (fault.code, fault.path.as_str(), &document[fault.span.start..fault.span.end]))
        .collect();
    assert_eq!(found, expect, "{document}\n{:#?}", decoded.faults);
    decoded.faults
}

/// Expects one fault with this message and help.
#[track_caller]
fn check_one(document: &str, expect: (&str, &str, &str), message: &str, help: Option<&str>) {
    let faults = check(Dialect::Native, document, &[expect]);
    assert_eq!((faults[0].message.as_str(), faults[0].help.as_deref()), (message, help));
    assert_eq!(faults[0].severity, Severity::Error);
}

#[track_caller]
fn good(dialect: Dialect, document: &str) -> Gateway {
    let decoded = decode::<Gateway>(&json::read(document), dialect, true);
    assert_eq!(decoded.faults, [], "{document}");
    decoded.value.unwrap()
}

const GOOD: &str = r#"{
  "name": "a", "strict": true,
  "limits": {"connections": 5, "small": -128, "share": 1, "at_least_one": 1, "header_timeout": "1m30s", "idle_timeout": "0"},
  "endpoints": [
    {"id": "e", "path": "/a", "protocol": "GRPC", "methods": ["GET"], "retry": {"attempts": 3, "per_try_timeout": "100ms"},
     "options": {"@type": "x", "a": [1, null]}, "metadata": {"perTry": "x"}},
    {"name": "f"}
  ],
  "tls_store": {"x.y": {"cert": "c", "key": "k"}},
  "statuses": {"404": "no"}, "pair": [1, "x"],
  "rules": ["any", {"prefix": "/"}, {"between": [1, 2]}, {"HEADER": {"name": "n"}}]
}"#;

#[test]
fn good_documents() {
    for dialect in [Dialect::Native, Dialect::Go] {
        let gateway = good(dialect, GOOD);
        assert_eq!(gateway.limits.header_timeout, Duration::from_secs(90));
        assert_eq!(gateway.limits.idle_timeout, Some(Duration::ZERO));
        assert_eq!((gateway.limits.small, gateway.limits.share), (-128, 1.0));
        let endpoint = &gateway.endpoints[0];
        assert_eq!(&GOOD[endpoint.path.span().start..endpoint.path.span().end], "\"/a\"");
        assert!(GOOD[endpoint.span().start..].starts_with("{\"id\": \"e\""));
        assert_eq!(endpoint.protocol, Protocol::Grpc);
        assert_eq!(endpoint.metadata["perTry"], "x");
        assert_eq!(gateway.endpoints[1].id.as_deref(), Some("f"));
        assert!(gateway.endpoints[1].path.span().is_none(), "a default stands nowhere");
        assert_eq!(&GOOD[gateway.statuses[&404].span().start..][..4], "\"no\"");
        assert_eq!(gateway.pair, Some((1, "x".to_owned())));
        assert_eq!(gateway.rules[1], Rule::Prefix("/".to_owned().into()));
        assert_eq!(gateway.rules[3], Rule::Header { name: "n".to_owned(), value: None });
    }
}

#[test]
fn a_value_keeps_all_places() {
    let gateway = good(Dialect::Native, GOOD);
    let options = gateway.endpoints[0].options.as_ref().unwrap();
    assert_eq!(&GOOD[options.span.start..options.span.end], r#"{"@type": "x", "a": [1, null]}"#);
    let (key, list) = &options.entries()[1];
    assert_eq!(&GOOD[key.span.start..key.span.end], "\"a\"");
    let places: Vec<_> = list.items().iter().map(|item| &GOOD[item.span.start..item.span.end]).collect();
    assert_eq!(places, ["1", "null"]);
}

#[test]
fn unknown_keys() {
    check_one(
        r#"{"endpoints": [{}, {"retry": {"atempts": 1}}]}"#,
        ("GW0101", "endpoints[1].retry.atempts", "\"atempts\""),
        "unknown key `atempts`",
        Some("did you mean `attempts`?"),
    );
    check_one(
        r#"{"endpoints": [{"retry": {"perTryTimeout": "1s"}}]}"#,
        ("GW0101", "endpoints[0].retry.perTryTimeout", "\"perTryTimeout\""),
        "unknown key `perTryTimeout`",
        Some("did you mean `per_try_timeout`?"),
    );
    check_one(
        r#"{"endpoints": [{"retry": {"zzz": 1}}]}"#,
        ("GW0101", "endpoints[0].retry.zzz", "\"zzz\""),
        "unknown key `zzz`",
        Some("expected one of `attempts`, `per_try_timeout`"),
    );
    check_one(
        r#"{"limits": {"@type": 1}}"#,
        ("GW0101", "limits.\"@type\"", "\"@type\""),
        "unknown key `@type`",
        {
            Some(
                "expected one of `connections`, `small`, `share`, `at_least_one`, `header_timeout`, `idle_timeout`",
            )
        },
    );
}

#[test]
fn wrong_types() {
    #[track_caller]
    fn wrong(document: &str, path: &str, written: &str, message: &str) {
        check_one(document, ("GW0102", path, written), message, None);
    }
    wrong(r#"{"strict": 1}"#, "strict", "1", "expected true or false, found an integer");
    wrong(r#"{"limits": []}"#, "limits", "[]", "expected a table, found an array");
    wrong(r#"{"limits": null}"#, "limits", "null", "expected a table, found null");
    wrong(r#"{"tls_store": 1}"#, "tls_store", "1", "expected a table, found an integer");
    wrong(r#"{"endpoints": {}}"#, "endpoints", "{}", "expected an array, found a table");
    let path = "limits.connections";
    wrong(r#"{"limits": {"connections": 5.5}}"#, path, "5.5", "expected a whole number, found 5.5");
    let path = "endpoints[0].protocol";
    wrong(r#"{"endpoints": [{"protocol": 1}]}"#, path, "1", "expected a name, found an integer");
    let path = "limits.idle_timeout";
    let message = "expected a duration such as \"1.5s\", found a boolean";
    wrong(r#"{"limits": {"idle_timeout": true}}"#, path, "true", message);
    wrong("5", "", "5", "expected a table, found an integer");
}

#[test]
fn wrong_types_that_are_easily_mended() {
    #[track_caller]
    fn wrong(document: &str, path: &str, written: &str, message: &str, help: &str) {
        check_one(document, ("GW0102", path, written), message, Some(help));
    }
    wrong(r#"{"name": 5}"#, "name", "5", "expected a string, found an integer", "put it in quotes: \"5\"");
    wrong(
        r#"{"name": true}"#,
        "name",
        "true",
        "expected a string, found a boolean",
        "put it in quotes: \"true\"",
    );
    wrong(r#"{"name": 1.10}"#, "name", "1.10", "expected a string, found a float", "put it in quotes");
    let (written, message) = ("\"true\"", "expected true or false, found a string");
    wrong(r#"{"strict": "true"}"#, "strict", written, message, "remove the quotes: true");
    let (path, message) = ("limits.connections", "expected a whole number, found a string");
    wrong(r#"{"limits": {"connections": "5"}}"#, path, "\"5\"", message, "remove the quotes: 5");
    let (path, message) = ("limits.share", "expected a number, found a string");
    wrong(r#"{"limits": {"share": "0.5"}}"#, path, "\"0.5\"", message, "remove the quotes: 0.5");
    let (path, message) = ("endpoints[0].methods", "expected an array, found a string");
    wrong(r#"{"endpoints": [{"methods": "GET"}]}"#, path, "\"GET\"", message, "put it in brackets");
}

#[test]
fn missing_keys() {
    check_one(
        r#"{"tls_store": {"a": {"cert": "c"}}}"#,
        ("GW0103", "tls_store.a.key", r#"{"cert": "c"}"#),
        "missing key `key`",
        None,
    );
    check_one(
        r#"{"rules": [{"header": {}}]}"#,
        ("GW0103", "rules[0].header.name", "{}"),
        "missing key `name`",
        None,
    );
}

#[test]
fn unknown_names() {
    check_one(
        r#"{"endpoints": [{"protocol": "htp"}]}"#,
        ("GW0104", "endpoints[0].protocol", "\"htp\""),
        "unknown name `htp`",
        Some("did you mean `http`?"),
    );
    check_one(
        r#"{"endpoints": [{"protocol": "tcp"}]}"#,
        ("GW0104", "endpoints[0].protocol", "\"tcp\""),
        "unknown name `tcp`",
        Some("expected one of `http`, `unspecified`, `grpc`, `long_poll`"),
    );
    check_one(
        r#"{"rules": [{"prefixes": "/"}]}"#,
        ("GW0104", "rules[0]", r#"{"prefixes": "/"}"#),
        "unknown name `prefixes`",
        Some("did you mean `prefix`?"),
    );
}

#[test]
fn bad_durations() {
    let path = "limits.header_timeout";
    for (written, message, help) in [
        ("5", "the duration 5 has no unit", Some("write \"5s\" if seconds are meant")),
        ("1.5", "the duration 1.5 has no unit", Some("write \"1.5s\" if seconds are meant")),
        ("-5", "the duration -5 has no unit", None),
        ("\"5\"", "`5` has no unit", Some("write \"5s\" if seconds are meant")),
        ("\"5 s\"", "` s` is no unit of time", Some("units are h, m, s, ms, us and ns")),
        ("\"-1s\"", "a duration has no sign", None),
    ] {
        let document = format!(r#"{{"limits": {{"header_timeout": {written}}}}}"#);
        check_one(&document, ("GW0105", path, written), message, help);
    }
    check(
        Dialect::Go,
        r#"{"endpoints": [{"retry": {"perTryTimeout": 1}}]}"#,
        &[("GW0105", "endpoints[0].retry.perTryTimeout", "1")],
    );
    assert_eq!(
        good(Dialect::Native, r#"{"limits": {"header_timeout": 0}}"#).limits.header_timeout,
        Duration::ZERO
    );
}

#[test]
fn numbers_out_of_range() {
    for (key, written, message) in [
        ("small", "128", "128 is out of range: expected -128 to 127"),
        ("small", "-129", "-129 is out of range: expected -128 to 127"),
        ("connections", "-1", "-1 is out of range: expected 0 to 18446744073709551615"),
        ("share", "1e999", "inf is out of range: expected a finite number"),
        ("at_least_one", "0", "0 is out of range: expected a nonzero u32"),
    ] {
        let document = format!(r#"{{"limits": {{"{key}": {written}}}}}"#);
        check_one(&document, ("GW0106", &format!("limits.{key}"), written), message, None);
    }
    let key = ("GW0106", "statuses.70000", "\"70000\"");
    check_one(r#"{"statuses": {"70000": "x"}}"#, key, "70000 is out of range: expected 0 to 65535", None);
}

#[test]
fn keys_given_twice() {
    let help = Some("keep one of the two");
    check_one(r#"{"name": "a", "name": "b"}"#, ("GW0107", "name", "\"name\""), "`name` is given twice", help);
    check_one(
        r#"{"tls_store": {"a": {"cert": "", "key": ""}, "a": {"cert": "", "key": ""}}}"#,
        ("GW0107", "tls_store.a", "\"a\""),
        "`a` is given twice",
        help,
    );
    let twice = ("GW0107", "endpoints[0].name", "\"name\"");
    check_one(r#"{"endpoints": [{"id": "a", "name": "b"}]}"#, twice, "`id` is given twice", help);
    let document = r#"{"endpoints": [{"retry": {"perTryTimeout": "1s", "per_try_timeout": "1s"}}]}"#;
    let twice = ("GW0107", "endpoints[0].retry.per_try_timeout", "\"per_try_timeout\"");
    let faults = check(Dialect::Go, document, &[twice]);
    assert_eq!(faults[0].message, "`per_try_timeout` is `perTryTimeout`, which is given as well");
}

#[test]
fn contents_of_enums() {
    let document =
        r#"{"rules": [{"prefix": 5}, {"any": 1}, {"between": [1, "x"]}, {"header": {"name": 1}}, {}]}"#;
    check(
        Dialect::Native,
        document,
        &[
            ("GW0102", "rules[0].prefix", "5"),
            ("GW0102", "rules[1].any", "1"),
            ("GW0102", "rules[2].between[1]", "\"x\""),
            ("GW0102", "rules[3].header.name", "1"),
            ("GW0102", "rules[4]", "{}"),
        ],
    );
    assert_eq!(good(Dialect::Native, r#"{"rules": [{"any": null}]}"#).rules, [Rule::Any]);
}

#[test]
fn other_invalid_values() {
    check_one(r#"{"pair": [1]}"#, ("GW0108", "pair", "[1]"), "expected 2 elements, found 1", None);
    check_one(
        r#"{"rules": ["prefix"]}"#,
        ("GW0108", "rules[0]", "\"prefix\""),
        "`prefix` needs a value: write a table with that key",
        None,
    );
}
