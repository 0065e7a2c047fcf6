//! TOML: kinds, places, all errors at once.

use super::*;

/// The tree as text, each value with the text it stands at.
fn show(text: &str, value: &Value) -> String {
    let at = |span: Span| text.get(span.start..span.end).unwrap_or("?").replace('\n', "⏎");
    match &value.kind {
        Kind::Table(entries) => {
            let entries = entries.iter().map(|(key, value)| {
                assert_eq!(at(key.span).trim_matches(['"', '\'']), key.name);
                format!("{}: {}", key.name, show(text, value))
            });
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Kind::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| show(text, item)).collect();
            format!("[{}]", items.join(", "))
        }
        kind => format!("{} `{}`", kind.type_name(), at(value.span)),
    }
}

#[track_caller]
fn check(text: &str, expect: &str) {
    assert_eq!(show(text, &read(text).unwrap()), expect);
}

#[track_caller]
fn faults(text: &str, expect: &[(&str, &str)]) {
    let found = read(text).unwrap_err();
    let found: Vec<_> =
        found.iter().map(|d| (d.code, text.get(d.span.start..d.span.end).unwrap_or("?"))).collect();
    assert_eq!(found, expect);
}

#[test]
fn kinds_with_their_places() {
    check("b = 1\na = 'x'\n", "{b: integer `1`, a: string `'x'`}");
    check("x = [1.5, true, -inf]", "{x: [float `1.5`, boolean `true`, float `-inf`]}");
    check("d = 2026-11-21", "{d: string `2026-11-21`}");
    check("h = 0xff\no = 0o17\nu = 1_000", "{h: integer `0xff`, o: integer `0o17`, u: integer `1_000`}");
    check("a.b.c = 1\na.d = 2", "{a: {b: {c: integer `1`}, d: integer `2`}}");
    assert_eq!(read("x = 0xff").unwrap().get("x").and_then(Value::as_integer), Some(255));
    assert_eq!(read("x = 1_000").unwrap().get("x").and_then(Value::as_integer), Some(1000));
}

#[test]
fn tables_are_in_the_documents_order() {
    let text = "[[endpoints]]\nz = 1\n[[endpoints.backends]]\ny = 2\n[[endpoints]]\nx = 3\n[admin]\na = 4\n";
    check(
        text,
        "{endpoints: [{z: integer `1`, backends: [{y: integer `2`}]}, {x: integer `3`}], admin: {a: integer `4`}}",
    );
    let tree = read(text).unwrap();
    let endpoint = &tree.get("endpoints").unwrap().items()[1];
    assert_eq!(&text[endpoint.span.start..][..13], "[[endpoints]]");
    assert!(endpoint.span.start > 20, "its own header");
}

#[test]
fn all_errors_at_once() {
    let text = "a = \nb = 1\nb = 2\nc = tru\n[d\ne = 99999999999999999999\n";
    let found = read(text).unwrap_err();
    assert!(found.len() >= 4, "{found:#?}");
    faults("a = 99999999999999999999", &[("GW0106", "99999999999999999999")]);
    faults("a = 1\nb = 2\na = 3\n", &[("GW0107", "a")]);
}

#[test]
fn half_a_file() {
    for text in ["a = \"half", "a = [1, 2", "a = '''x\ny", "[tab", "a = {b = 1", "a"] {
        let found = read(text).unwrap_err();
        assert_eq!(found[0].code, "GW0203", "{text}");
        assert!(!found[0].span.is_none(), "{text}");
    }
}

#[test]
fn depth_is_limited() {
    let nested = |depth: usize| format!("a = {}1{}", "[".repeat(depth), "]".repeat(depth));
    assert!(read(&nested(MAX_DEPTH - 2)).is_ok());
    for depth in [MAX_DEPTH - 1, 79, 81, 1_000, 100_000] {
        let found = read(&nested(depth)).unwrap_err();
        assert!(found.iter().any(|d| d.code == "GW0204"), "{depth}: {found:?}");
    }
}

#[test]
fn dotted_keys_are_as_deep() {
    let dotted = |depth: usize| format!("{}a = 1", "a.".repeat(depth - 2));
    assert!(read(&dotted(MAX_DEPTH)).is_ok());
    for depth in [MAX_DEPTH + 1, 1_000, 1_000_000] {
        let found = read(&dotted(depth)).unwrap_err();
        assert!(found.iter().any(|d| d.code == "GW0204"), "{depth}");
        let header = format!("[{}a]", "a.".repeat(depth));
        assert!(read(&header).unwrap_err().iter().any(|d| d.code == "GW0204"), "{depth}");
    }
}
