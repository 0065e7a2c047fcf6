//! Any text as a pattern: an error inside the text, or a router whose index and patterns agree. Never a panic.

use gw_router::{Builder, Field, Lookup, Options, PatternError, RouteSpec, Target, Verdict};
use http::Method;
use proptest::prelude::*;
use proptest::sample::select;

/// Text made of what patterns are made of.
fn pattern() -> impl Strategy<Value = String> {
    let token = select(vec![
        "/", "/", "a", "b", "{x}", "{y:", "{", "}", "[", "]", "(", ")", "\\", "^", "$", "*", "+", "?", ".",
        ":", "|", "{2}", "{2,9999}", "[ab]", "[^a]+", "(?i)", "(?-u:", "(?x)#", "\\w", "\\b", "\\p{", "&&",
        "-", "é", "\0", "::1", "[::1]", "80", " ",
    ]);
    let shaped = prop::collection::vec(token, 0..12).prop_map(|tokens| tokens.concat());
    prop_oneof![4 => shaped.clone(), 2 => shaped.prop_map(|text| format!("/{text}")), 1 => any::<String>()]
}

fn check_place(error: &PatternError, spec: &RouteSpec) -> Result<(), TestCaseError> {
    let text = match error.field {
        Field::Path => spec.path.as_str(),
        Field::Host(index) => spec.hosts[index].as_str(),
        Field::Duplicate { .. } => "",
    };
    prop_assert!(text.get(error.at.clone()).is_some(), "{error} at {:?} of {text:?}", error.at);
    prop_assert!(!error.to_string().is_empty() && error.help().is_none_or(|help| !help.is_empty()));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(
        specs in prop::collection::vec((prop::collection::vec(pattern(), 0..2), pattern()), 1..4),
        host in prop_oneof![pattern(), select(vec!["a.b:80".to_owned(), "[::1]:80".to_owned()])],
        path in pattern(),
        strict_slash in any::<bool>(),
    ) {
        let mut builder = Builder::new(Options { strict_slash });
        for (hosts, path) in specs {
            let spec = RouteSpec { hosts, path, methods: Vec::new() };
            if let Err(error) = builder.add(&spec, ()) {
                check_place(&error, &spec)?;
            }
        }
        let router = builder.build();
        router.inspect();
        let target = Target { host: &host, path: &path, method: &Method::OPTIONS, preflight: Some("GET") };
        let first = router.explain(&target).into_iter().find(|step| step.verdict == Verdict::Found);
        match router.lookup(&target) {
            Lookup::Found { index, .. } => prop_assert_eq!(first.map(|step| step.index), Some(index)),
            _ => prop_assert!(first.is_none()),
        }
    }
}
