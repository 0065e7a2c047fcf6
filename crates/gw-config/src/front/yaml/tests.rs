//! YAML: places, anchors, merge keys, and what is refused.

use super::*;

#[track_caller]
fn check(text: &str, expect: &str) {
    assert_eq!(show(text, &read(text).unwrap()), expect);
}

/// The tree as text, each value with the text it stands at.
fn show(text: &str, value: &Value) -> String {
    let at = text.get(value.span.start..value.span.end).unwrap_or("?").replace('\n', "⏎");
    match &value.kind {
        Kind::Table(entries) => {
            let entries: Vec<_> =
                entries.iter().map(|(key, value)| format!("{}: {}", key.name, show(text, value))).collect();
            format!("{{{}}} `{at}`", entries.join(", "))
        }
        Kind::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| show(text, item)).collect();
            format!("[{}] `{at}`", items.join(", "))
        }
        kind => format!("{} `{at}`", kind.type_name()),
    }
}

#[track_caller]
fn fault(text: &str, message: &str) -> Diagnostic {
    let found = read(text).unwrap_err();
    assert!(found.message.contains(message), "{text}: {}", found.message);
    assert!(!found.span.is_none(), "{text}");
    found
}

#[test]
fn kinds_with_their_places() {
    check("a: 1 # one\nb: 'x'\n", "{a: integer `1`, b: string `'x'`} `a: 1 # one⏎b: 'x'`");
    check(
        "- on\n- true\n-\n- \"1\"\n",
        "[string `on`, boolean `true`, null ``, string `\"1\"`] `- on⏎- true⏎-⏎- \"1\"`",
    );
    check("{a: [1, 2], b: }", "{a: [integer `1`, integer `2`] `[1, 2]`, b: null ``} `{a: [1, 2], b: }`");
    check("a: |\n  x\n  y\n\n# end\n", "{a: string `x⏎  y`} `a: |⏎  x⏎  y`");
}

#[test]
fn places_behind_wide_characters() {
    let text = "# grüße → 😀\nä: 'ö' # ü\nb:\n  - 😀: x\n";
    let tree = read(text).unwrap();
    let (key, value) = &tree.entries()[1];
    assert_eq!(&text[key.span.start..key.span.end], "b");
    let (key, value) = &value.items()[0].entries()[0];
    assert_eq!((&text[key.span.start..key.span.end], &text[value.span.start..value.span.end]), ("😀", "x"));
    let broken = format!("{text}c: [");
    assert!(fault(&broken, "").span.start >= text.len() - 1);
}

#[test]
fn booleans_of_yaml_1_1_are_text() {
    let tree = read("method: on\nrequired: yes\n").unwrap();
    assert_eq!(tree.get("method").and_then(Value::as_str), Some("on"));
    assert_eq!(tree.get("required").and_then(Value::as_str), Some("yes"));
}

#[test]
fn keys_are_text() {
    let tree = read("on: 1\n443: 2\nnull: 3\n'a b': 4\n").unwrap();
    let keys: Vec<_> = tree.entries().iter().map(|(key, _)| key.name.as_str()).collect();
    assert_eq!(keys, ["on", "443", "null", "a b"]);
    fault("? [a]\n: 1\n", "a key must be text");
    fault("{{a: 1}: 2}", "a key must be text");
}

#[test]
fn tags() {
    let tree = read("a: !!str 1\nb: !!float 1\nc: ! 2\nd: !!map {}\ne: !!int 7\n").unwrap();
    let names: Vec<_> = tree.entries().iter().map(|(_, value)| value.type_name()).collect();
    assert_eq!(names, ["string", "float", "string", "table", "integer"]);
    fault("a: !secret x", "the tag `!secret` is not supported");
    fault("a: !!int x", "`x` is no `!!int`");
    fault("a: !!set {}", "not supported");
    fault("a: !!binary eA==", "not supported");
}

#[test]
fn anchors_and_merge_keys() {
    let text = "base: &base\n  timeout: 1s\n  stream: true\nlist:\n- <<: *base\n  stream: false\n- *base\n- <<: [{a: 1}, {a: 2, b: 3}]\n";
    let tree = read(text).unwrap();
    let list = tree.get("list").unwrap().items();
    let first: Vec<_> = list[0].entries().iter().map(|(key, _)| key.name.as_str()).collect();
    assert_eq!(first, ["stream", "timeout"]);
    assert_eq!(list[0].get("stream").and_then(Value::as_bool), Some(false));
    assert_eq!(list[1], *tree.get("base").unwrap());
    assert_eq!(list[1].get("timeout").unwrap().span, tree.get("base").unwrap().get("timeout").unwrap().span);
    assert_eq!((list[2].get("a").and_then(Value::as_integer), list[2].entries().len()), (Some(1), 2));
    fault("a: {<<: 1}", "takes a mapping");
    assert!(read("a: {'<<': 1}").is_ok());
    let tree = read("a: &k x\n*k : 1\n").unwrap();
    assert_eq!(tree.entries()[1].0.name, "x");
}

#[test]
fn aliases_unfold_to_a_limit() {
    fault("a: &a [*a]", "inside its own anchor");
    fault("a: *b", "");
    let mut bomb = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..10 {
        let below = format!("*a{}, ", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", below.repeat(10)));
    }
    assert_eq!(fault(&bomb, "16 MiB").code, "GW0204");
    let mut deep = "a0: &a0 [x]\n".to_owned();
    for level in 1..70 {
        deep.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    assert_eq!(fault(&deep, "nested deeper").code, "GW0204");
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(17));
    assert_eq!(fault(&long, "16 MiB").code, "GW0204");
}

#[test]
fn depth_is_limited() {
    let flow = |depth: usize| format!("{}1{}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    assert!(read(&flow(MAX_DEPTH)).is_ok());
    for depth in [MAX_DEPTH + 1, 300, 100_000] {
        assert_eq!(read(&flow(depth)).unwrap_err().code, "GW0204", "{depth}");
    }
    let block = format!("{}1", "- ".repeat(10_000));
    assert_eq!(read(&block).unwrap_err().code, "GW0204");
}

#[test]
fn errors() {
    fault("a: 'half", "");
    fault("a: [1, 2", "");
    fault("a: \"half", "");
    fault("a: {b: 1", "");
    fault("a:\n\t- b\n", "");
    fault("a: b: c", "");
    fault("a: 1\n---\nb: 2\n", "a second document");
    fault("a: 1\n b: 2\n", "");
    assert!(read("---\na: 1\n...\n").is_ok());
    assert!(read("# nothing\n").unwrap().is_null());
    assert!(read("---\n").unwrap().is_null());
}
