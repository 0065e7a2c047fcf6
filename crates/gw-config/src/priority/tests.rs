//! Priority files among the endpoints of a document.

use std::time::Duration;

use gw_value::Dialect;
use proptest::prelude::*;

use crate::parse::parse_all;
use crate::{Diagnostics, Document, Format, Loaded};

/// A document and its priority files, each with a name whose extension says the format.
fn read(main: (&str, &str), files: &[(&str, &str)]) -> Result<Loaded, Diagnostics> {
    let document =
        |(name, text): (&str, &str)| Ok(Document::new(name, Format::of(name.as_ref()).unwrap(), text));
    parse_all(document(main), files.iter().copied().map(document).collect(), &[])
}

/// Endpoints in YAML: `method host/path` and a description.
fn yaml(endpoints: &[(String, String)]) -> String {
    let endpoints = endpoints.iter().map(|(key, description)| {
        let (method, rest) = key.split_once(' ').unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        serde_json::json!({
            "method": method, "host": host, "path": format!("/{path}"), "description": description,
            "backends": [{ "target": "a:1" }],
        })
    });
    serde_json::json!({ "version": "1", "endpoints": endpoints.collect::<Vec<_>>() }).to_string()
}

/// What of each endpoint tells it from others.
fn served(loaded: &Loaded) -> Vec<(String, String)> {
    let endpoints = loaded.gateway.endpoints.iter().map(|endpoint| {
        let text = |text: &Option<gw_value::Spanned<String>>| {
            text.as_ref().map_or_else(String::new, |t| (**t).clone())
        };
        let key = format!("{} {}{}", text(&endpoint.method), text(&endpoint.host), *endpoint.path);
        (key, endpoint.description.clone())
    });
    endpoints.collect()
}

/// The rule, by looking through everything for each key.
fn oracle(main: &[(String, String)], files: &[Vec<(String, String)>]) -> Vec<(String, String)> {
    let given: Vec<_> = files.iter().flatten().collect();
    let mut new: Vec<&String> = Vec::new();
    for (key, _) in &given {
        if !new.contains(&key) && main.iter().all(|(known, _)| known != key) {
            new.push(key);
        }
    }
    let last = |key: &String| given.iter().rev().find(|(k, _)| k == key).map(|(_, tag)| tag.clone());
    let new = new.into_iter().map(|key| (key.clone(), last(key).unwrap()));
    new.chain(main.iter().map(|(key, tag)| (key.clone(), last(key).unwrap_or_else(|| tag.clone())))).collect()
}

/// Distinct keys of few methods, hosts and paths, each with a description of its own.
fn endpoints(name: String) -> impl Strategy<Value = Vec<(String, String)>> {
    let keys: Vec<String> = ["GET", "POST"]
        .iter()
        .flat_map(|method| ["", "h", "i"].iter().map(move |host| format!("{method} {host}")))
        .flat_map(|start| ["/a", "/b"].iter().map(move |path| format!("{start}{path}")))
        .collect();
    prop::sample::subsequence(keys.clone(), 0..=keys.len()).prop_shuffle().prop_map(move |keys| {
        keys.into_iter().enumerate().map(|(index, key)| (key, format!("{name}{index}"))).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn merging_is_as_the_rule_says(
        main in endpoints("main".to_owned()),
        files in (0..4_usize).prop_flat_map(|count| (0..count).map(|file| endpoints(format!("file{file}-"))).collect::<Vec<_>>()),
    ) {
        let texts: Vec<_> = files.iter().map(|file| yaml(file)).collect();
        let names: Vec<_> = (0..files.len()).map(|file| format!("{file}.yaml")).collect();
        let files_read: Vec<_> =
            names.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let loaded = read(("main.yaml", &yaml(&main)), &files_read).unwrap();
        prop_assert_eq!(served(&loaded), oracle(&main, &files));
        let mut given: Vec<_> = files.iter().flatten().map(|(key, _)| key).collect();
        let total = given.len();
        given.sort();
        given.dedup();
        prop_assert_eq!(loaded.warnings.len(), total - given.len());
    }
}

const MAIN: &str = "endpoints:\n- path: /a\n  method: get\n  backends: [{target: 'a:1'}]\n";

#[test]
fn a_replacement_behind_a_new_endpoint_hits_the_right_one() {
    // B15 of the original: origin [A, B]; priority adds C, then replaces A.
    let endpoint = |key: &str, tag: &str| (key.to_owned(), tag.to_owned());
    let main = yaml(&[endpoint("GET /a", "A"), endpoint("GET /b", "B")]);
    let file = yaml(&[endpoint("GET /c", "C"), endpoint("GET /a", "A'")]);
    let loaded = read(("main.yaml", &main), &[("p.yaml", &file)]).unwrap();
    let tags: Vec<_> = served(&loaded).into_iter().map(|(_, tag)| tag).collect();
    assert_eq!(tags, ["C", "A'", "B"]);
}

#[test]
fn spellings_of_a_key_are_one() {
    for file in [
        "{endpoints: [{path: /a, methods: [GET], backends: [{target: 'b:2'}]}]}",
        "{endpoints: [{path: /a, method: Get, host: '', backends: [{target: 'b:2'}]}]}",
    ] {
        let loaded = read(("main.yaml", MAIN), &[("p.yaml", file)]).unwrap();
        let [endpoint] = loaded.gateway.endpoints.as_slice() else { panic!("{file}") };
        assert_eq!(*endpoint.backends[0].target, "b:2");
    }
    let any = "{endpoints: [{path: /a, method: '*', backends: [{target: 'b:2'}]}]}";
    assert_eq!(read(("main.yaml", MAIN), &[("p.yaml", any)]).unwrap().gateway.endpoints.len(), 2);
}

/// Where and what each complaint is.
fn found(result: Result<Loaded, Diagnostics>) -> Vec<(String, &'static str)> {
    let errors = match result {
        Ok(loaded) => Diagnostics::new(loaded.document, loaded.warnings),
        Err(errors) => errors,
    };
    errors.iter().map(|error| (format!("{}", errors.document().place(error.span)), error.code)).collect()
}

#[test]
fn each_complaint_is_in_its_own_file() {
    let wrong = [
        ("a.yaml", "endpoints:\n- pth: /x\n  backends: [{target: 'a:1'}]\n"),
        ("b.toml", "[[endpoints]]\npath = '/x'\ntimeout = 'soon'\n"),
        ("c.json", "{\"endpoints\": [}"),
        ("d.yaml", ""),
        ("e.yaml", "endpoints:\n- path: /y\n  backends: [{target: 'a:1', tlsConfigName: none}]\n"),
    ];
    let found = found(read(("main.yaml", "version: 1\n"), &wrong));
    let expect = [
        ("at line 1, column 10 of main.yaml", "GW0102"),
        ("at line 2, column 3 of a.yaml", "GW0101"),
        ("at line 2, column 3 of a.yaml", "GW0103"),
        ("at line 1, column 1 of b.toml", "GW0210"),
        ("at line 3, column 11 of b.toml", "GW0105"),
        ("at line 1, column 16 of c.json", "GW0203"),
        ("at line 1, column 1 of d.yaml", "GW0205"),
        ("at line 3, column 45 of e.yaml", "GW0214"),
    ];
    assert_eq!(found, expect.map(|(place, code)| (place.to_owned(), code)));
}

#[test]
fn reports_name_the_file() {
    let report =
        read(("main.yaml", MAIN), &[("p.yaml", "endpoints:\n- path: /x\n  timeout: soon\n")]).unwrap_err();
    assert!(report.to_string().contains(" --> p.yaml:3:12\n"), "{report}");
    assert!(report.to_string().contains("3 |   timeout: soon\n"), "{report}");
}

#[test]
fn what_could_not_be_read_is_said_once_and_the_rest_is_still_checked() {
    let bad = Document::from_bytes("bad.yaml", Format::Yaml, b"a: \xff");
    let good = Ok(Document::new("good.yaml", Format::Yaml, "endpoints: 1"));
    let main = Ok(Document::new("main.yaml", Format::Yaml, MAIN));
    let found = found(parse_all(main, vec![bad, good], &[]));
    let expect =
        [("at line 1, column 4 of bad.yaml", "GW0202"), ("at line 1, column 12 of good.yaml", "GW0102")];
    assert_eq!(found, expect.map(|(place, code)| (place.to_owned(), code)));
}

#[test]
fn a_key_given_twice() {
    let one = "endpoints:\n- {path: /x, backends: [{target: 'a:1'}]}\n";
    let found_in = |files: &[(&str, &str)]| found(read(("main.yaml", MAIN), files));
    let expect = vec![("at line 2, column 10 of b.yaml".to_owned(), "GW0227")];
    assert_eq!(found_in(&[("a.yaml", one), ("b.yaml", one)]), expect);
    assert!(read(("main.yaml", MAIN), &[("a.yaml", one), ("b.yaml", one)]).is_ok());
    let two = format!("{one}- {{path: /x, backends: [{{target: 'b:1'}}]}}\n");
    let error = read(("main.yaml", MAIN), &[("a.yaml", &two)]).unwrap_err();
    assert_eq!(error.list()[0].help, ["the first one is at line 2, column 10 of a.yaml"]);
}

#[test]
fn each_file_keeps_its_dialect() {
    let native = "[[endpoints]]\npath = '/n'\nidle_timeout = '2s'\nbackends = [{ target = 'a:1' }]\n";
    let loaded = read(("main.yaml", MAIN), &[("p.toml", native)]).unwrap();
    let timeouts = loaded.gateway.endpoints.iter().map(|endpoint| {
        let dialect = loaded.dialect_at(endpoint.span());
        (dialect, endpoint.timeout_or_default(dialect))
    });
    let seconds = Duration::from_secs;
    assert_eq!(timeouts.collect::<Vec<_>>(), [(Dialect::Native, seconds(15)), (Dialect::Go, seconds(1))]);
    // The main document's `strict` holds for all.
    let unknown = [("p.yaml", "{endpoints: [{path: /x, x: 1, backends: [{target: 'a:1'}]}]}")];
    assert!(read(("main.yaml", MAIN), &unknown).is_ok());
    assert!(read(("main.yaml", &format!("strict: true\n{MAIN}")), &unknown).is_err());
}
