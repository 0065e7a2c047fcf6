//! For all trees: decoding neither panics nor hangs, and finds as many faults as there are.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::json;
use super::schema::{Gateway, Tls};
use crate::{Dialect, Fault, Key, Kind, Span, Value, decode};

/// Keys that mean something somewhere, so that arbitrary trees reach the types' insides.
const KEYS: &[&str] = &[
    "name",
    "strict",
    "limits",
    "endpoints",
    "tls_store",
    "tlsStore",
    "statuses",
    "pair",
    "rules",
    "connections",
    "small",
    "share",
    "at_least_one",
    "atLeastOne",
    "header_timeout",
    "idleTimeout",
    "id",
    "path",
    "protocol",
    "methods",
    "retry",
    "options",
    "metadata",
    "attempts",
    "per_try_timeout",
    "cert",
    "key",
    "insecure",
    "header",
    "between",
    "prefix",
    "200",
    "@type",
    "",
    "a.b",
    "ключ",
];
const TEXTS: &[&str] =
    &["", "1", "1s", "GET", "grpc", "any", "prefix", "true", "1e5", "9999999999999999999999", "-0"];

fn trees() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Kind::Null),
        any::<bool>().prop_map(Kind::from),
        prop_oneof![any::<i64>(), -2..300_i64].prop_map(Kind::from),
        any::<f64>().prop_map(Kind::from),
        select(TEXTS).prop_map(Kind::from),
        any::<String>().prop_map(Kind::from),
    ];
    let tree = leaf.prop_map(Value::unplaced).prop_recursive(6, 120, 8, |inner| {
        let key = select(KEYS).prop_map(|name| Key::new(name, Span::NONE));
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Kind::Array),
            vec((key, inner), 0..8).prop_map(Kind::Table),
        ]
        .prop_map(Value::unplaced)
    });
    tree.prop_map(|mut tree| {
        number(&mut tree, &mut 0);
        tree
    })
}

/// Gives each value and key a place of its own, so that no two faults can be equal.
fn number(value: &mut Value, next: &mut usize) {
    *next += 1;
    value.span = Span::new(*next, *next);
    match &mut value.kind {
        Kind::Array(items) => items.iter_mut().for_each(|item| number(item, next)),
        Kind::Table(entries) => {
            for (key, value) in entries {
                *next += 1;
                key.span = Span::new(*next, *next);
                number(value, next);
            }
        }
        _ => {}
    }
}

/// A way to be wrong: code, path, and how it is written at `endpoints[i]` or elsewhere.
#[derive(Clone, Copy, Debug)]
struct Injection {
    code: &'static str,
    key: &'static str,
    written: &'static str,
}

const fn injection(code: &'static str, key: &'static str, written: &'static str) -> Injection {
    Injection { code, key, written }
}

/// What can be wrong with an endpoint; several at once if their keys differ.
const INJECTIONS: &[Injection] = &[
    injection("GW0101", "pth", "1"),
    injection("GW0101", "zzz", "{}"),
    injection("GW0102", "path", "[]"),
    injection("GW0102", "methods", "\"GET\""),
    injection("GW0104", "protocol", "\"smtp\""),
    injection("GW0102", "metadata", "3"),
    injection("GW0102", "retry", "true"),
    injection("GW0102", "id", "7"),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_tree_is_decoded_or_complained_of(tree in trees(), go: bool, strict: bool) {
        let dialect = if go { Dialect::Go } else { Dialect::Native };
        let decoded = decode::<Gateway>(&tree, dialect, strict);
        prop_assert!(decoded.value.is_some() || decoded.faults.iter().any(Fault::is_error));
        for (index, fault) in decoded.faults.iter().enumerate() {
            prop_assert!(!decoded.faults[..index].contains(fault), "twice: {fault:?}");
        }
        let again = decode::<Gateway>(&tree, dialect, strict);
        prop_assert_eq!(&again.faults, &decoded.faults);
        decode::<Vec<Tls>>(&tree, dialect, strict);
    }

    #[test]
    fn a_tree_survives_its_own_decoding(tree in trees()) {
        let decoded = decode::<Value>(&tree, Dialect::Native, true);
        prop_assert_eq!(format!("{:?}", decoded.value.unwrap()), format!("{tree:?}"));
    }

    #[test]
    fn every_injected_fault_is_reported(
        endpoints in vec(proptest::sample::subsequence(INJECTIONS, 0..INJECTIONS.len()), 0..8),
    ) {
        let mut expect = Vec::new();
        let mut written = Vec::new();
        for (index, injected) in endpoints.iter().enumerate() {
            let keys = injected.iter().map(|fault| {
                expect.push((fault.code, format!("endpoints[{index}].{}", fault.key)));
                format!(r#""{}": {}"#, fault.key, fault.written)
            });
            written.push(format!("{{{}}}", keys.collect::<Vec<_>>().join(", ")));
        }
        let document = format!(r#"{{"endpoints": [{}]}}"#, written.join(", "));
        let decoded = decode::<Gateway>(&json::read(&document), Dialect::Native, false);
        let found: Vec<_> = decoded.faults.into_iter().map(|fault| (fault.code, fault.path)).collect();
        prop_assert_eq!(found, expect);
        // Faulty fields have defaults, so that no endpoint is lost.
        prop_assert_eq!(decoded.value.unwrap().endpoints.len(), endpoints.len());
    }
}
