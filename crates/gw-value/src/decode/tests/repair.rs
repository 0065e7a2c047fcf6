//! How decoding goes on after an error: what is reported together, what follows from what, and what is left.

use serde::Deserialize;

use super::schema::{Gateway, Retry, Tls};
use super::{check, json};
use crate::{Decoded, Dialect, MAX_ERRORS, Severity, decode};

#[test]
fn all_faults_at_once() {
    let document = r#"{
      "nam": "x",
      "limits": {"connections": "many", "small": 1000, "header_timeout": "soon", "typo": 1},
      "endpoints": [
        {"path": 1, "protocol": "smtp", "methods": ["GET", 5, "PUT", null]},
        "nothing",
        {"retry": {"attempts": -1, "per_try_timeout": "1x"}}
      ],
      "tls_store": {"a": {}, "b": {"cert": true}, "c": {"cert": "", "key": "", "insecure": 1}},
      "pair": ["x", 1]
    }"#;
    let expect = [
        ("GW0101", "nam", "\"nam\""),
        ("GW0102", "limits.connections", "\"many\""),
        ("GW0106", "limits.small", "1000"),
        ("GW0105", "limits.header_timeout", "\"soon\""),
        ("GW0101", "limits.typo", "\"typo\""),
        ("GW0102", "endpoints[0].path", "1"),
        ("GW0104", "endpoints[0].protocol", "\"smtp\""),
        ("GW0102", "endpoints[0].methods[1]", "5"),
        ("GW0102", "endpoints[0].methods[3]", "null"),
        ("GW0102", "endpoints[1]", "\"nothing\""),
        ("GW0106", "endpoints[2].retry.attempts", "-1"),
        ("GW0105", "endpoints[2].retry.per_try_timeout", "\"1x\""),
        ("GW0103", "tls_store.a.cert", "{}"),
        ("GW0103", "tls_store.a.key", "{}"),
        ("GW0103", "tls_store.b.key", r#"{"cert": true}"#),
        ("GW0102", "tls_store.b.cert", "true"),
        ("GW0102", "tls_store.c.insecure", "1"),
        ("GW0102", "pair[0]", "\"x\""),
        ("GW0102", "pair[1]", "1"),
    ];
    check(Dialect::Native, document, &expect);

    let gateway = decode::<Gateway>(&json::read(document), Dialect::Native, false).value.unwrap();
    let paths: Vec<_> = gateway.endpoints.iter().map(|endpoint| endpoint.methods.len()).collect();
    assert_eq!(paths, [2, 0], "faulty elements are gone, the others stay");
    assert_eq!(gateway.limits, Gateway::default().limits, "faulty fields have their defaults");
    assert_eq!(gateway.tls_store.keys().collect::<Vec<_>>(), ["c"], "what misses a key is gone");
    assert_eq!(gateway.pair, None);
}

#[test]
fn what_follows_is_not_reported() {
    // A bad key of a table that cannot do without it is not missing.
    check(
        Dialect::Native,
        r#"{"tls_store": {"a": {"cert": 1, "key": ""}}}"#,
        &[("GW0102", "tls_store.a.cert", "1")],
    );
    let decoded = decode::<Tls>(&json::read(r#"{"cert": 1, "key": ""}"#), Dialect::Native, false);
    assert_eq!((decoded.value, decoded.faults.len()), (None, 1));
}

/// Refuses to be empty, which it is when its only key is left out.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(try_from = "Retry")]
struct NonEmpty(Retry);

impl TryFrom<Retry> for NonEmpty {
    type Error = &'static str;

    fn try_from(retry: Retry) -> Result<Self, &'static str> {
        if retry.attempts.is_some() { Ok(Self(retry)) } else { Err("no attempts") }
    }
}

#[test]
fn own_checks_of_a_type() {
    for (document, expect) in [
        (r#"{"attempts": 1}"#, vec![]),
        (r#"{}"#, vec![("GW0108", "[0]", "no attempts")]),
        (
            r#"{"attempts": true}"#,
            vec![("GW0102", "[0].attempts", "expected a whole number, found a boolean")],
        ),
    ] {
        let list = json::read(&format!("[{document}]"));
        let decoded = decode::<Vec<NonEmpty>>(&list, Dialect::Native, false);
        let found: Vec<_> = decoded
            .faults
            .iter()
            .map(|fault| (fault.code, fault.path.as_str(), fault.message.as_str()))
            .collect();
        assert_eq!(found, expect, "{document}");
        assert_eq!(decoded.value.unwrap().len(), usize::from(expect.is_empty()));
    }
}

/// A stand-in does for all of these.
#[derive(Debug, PartialEq, Deserialize)]
struct Meek {
    #[serde(with = "crate::duration")]
    timeout: std::time::Duration,
    size: crate::Spanned<u8>,
    share: f32,
    on: bool,
    list: Vec<u8>,
    pair: (i64, char),
    map: std::collections::BTreeMap<u8, u8>,
    protocol: super::schema::Protocol,
    retry: Retry,
    options: crate::Value,
}

#[test]
fn every_missing_key_is_reported() {
    let decoded = decode::<Vec<Meek>>(&json::read("[{}]"), Dialect::Go, false);
    let keys = ["list", "map", "on", "options", "pair", "protocol", "retry", "share", "size", "timeout"];
    let mut paths: Vec<_> = decoded.faults.iter().map(|fault| fault.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, keys.map(|key| format!("[0].{key}")));
    assert_eq!(decoded.value, Some(vec![]));
}

/// Cannot be made of any stand-in.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Picky {
    address: std::net::IpAddr,
    port: u16,
}

#[test]
fn a_stand_in_that_does_not_fit() {
    let list = json::read(r#"[{}, {"address": "::1", "port": 1}, {"port": 1}]"#);
    let decoded = decode::<Vec<Picky>>(&list, Dialect::Native, false);
    let paths: Vec<_> = decoded.faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["[0].address", "[2].address"], "only what is certain");
    assert_eq!(decoded.value.unwrap().len(), 1);
}

#[test]
fn the_root_is_missing_keys() {
    let decoded = decode::<Tls>(&json::read("{}"), Dialect::Native, false);
    let paths: Vec<_> = decoded.faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!((decoded.value, paths), (None, vec!["cert", "key"]));
}

#[test]
fn errors_end_at_the_limit() {
    let document = format!(r#"{{"endpoints": [{}]}}"#, "5, ".repeat(MAX_ERRORS + 20));
    let decoded = decode::<Gateway>(&json::read(&document), Dialect::Native, false);
    assert_eq!(decoded.faults.len(), MAX_ERRORS);
    assert!(decoded.value.is_none());
}

#[test]
fn warnings_do_not() {
    // More than there are passes.
    let many = 10 * MAX_ERRORS;
    let document = format!(r#"{{"endpoints": [{}]}}"#, r#"{"x": 1, "path": "/"}, "#.repeat(many));
    let tree = json::read(&document);
    let Decoded { value, faults: warnings } = decode::<Gateway>(&tree, Dialect::Go, false);
    assert_eq!((value.unwrap().endpoints.len(), warnings.len()), (many, many));
    assert!(warnings.iter().all(|fault| fault.severity == Severity::Warning && fault.code == "GW0101"));
    let faults = decode::<Gateway>(&tree, Dialect::Go, true).faults;
    assert_eq!(faults.len(), MAX_ERRORS);
    assert!(faults.iter().all(|fault| fault.severity == Severity::Error));
}

#[test]
fn types_that_serde_buffers() {
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u8),
        Text(crate::Spanned<String>),
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct Flat {
        port: u8,
        name: String,
        #[serde(flatten)]
        retry: Retry,
    }
    let decoded = decode::<Vec<Either>>(&json::read(r#"[1, "a", true]"#), Dialect::Native, false);
    assert_eq!(decoded.value.unwrap(), [Either::Number(1), Either::Text("a".to_owned().into())]);
    assert_eq!((decoded.faults[0].code, decoded.faults[0].path.as_str()), ("GW0108", "[2]"));
    let decoded = decode::<Vec<Flat>>(
        &json::read(r#"[{"attempts": 2, "port": 1, "name": "x"}, {}, {"port": 300}]"#),
        Dialect::Native,
        false,
    );
    assert_eq!(decoded.value.unwrap().len(), 1);
    let found: Vec<_> = decoded.faults.iter().map(|fault| (fault.code, fault.path.as_str())).collect();
    assert_eq!(found, [("GW0103", "[1].port"), ("GW0106", "[2].port")]);
}

/// TOML may write a table's parts in any order.
#[test]
fn faults_stand_in_the_order_of_the_document() {
    let mut tree = json::read(r#"{"name": 1, "strict": 1, "nam": 1}"#);
    if let crate::Kind::Table(entries) = &mut tree.kind {
        entries[0].1.span = crate::Span::new(500, 501);
        entries[1].1.span = crate::Span::NONE;
    }
    let faults = decode::<Gateway>(&tree, Dialect::Native, false).faults;
    let paths: Vec<_> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["nam", "name", "strict"]);
}

#[test]
fn the_deepest_tree() {
    let mut tree = crate::Value::default();
    for _ in 1..crate::MAX_DEPTH {
        tree = crate::Value::unplaced(crate::Kind::Array(vec![tree]));
    }
    assert_eq!(decode::<crate::Value>(&tree, Dialect::Native, true).value, Some(tree));
}
