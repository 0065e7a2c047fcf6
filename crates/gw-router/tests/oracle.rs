//! The router against the definition of routing: every route in order, each pattern as one `regex`.
//!
//! The oracle never reads a pattern: each piece is generated with the regex that it means.

use gw_router::{Builder, Field, Lookup, Options, RouteSpec, Target, Verdict};
use http::Method;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use regex::Regex;

/// A pattern and what it means.
#[derive(Clone, Debug)]
struct Both {
    pattern: String,
    regex: String,
}

fn both(pattern: impl Into<String>, regex: impl Into<String>) -> Both {
    Both { pattern: pattern.into(), regex: regex.into() }
}

/// Joins pieces, numbering the `#` in variables' names.
fn joined(pieces: Vec<Both>, with: &str, name: &str) -> Both {
    let mut joined = both("", "");
    for (position, piece) in pieces.into_iter().enumerate() {
        if position > 0 {
            joined.pattern.push_str(with);
            joined.regex.push_str(&regex::escape(with));
        }
        joined.pattern.push_str(&piece.pattern.replace('#', &format!("{name}{position}")));
        joined.regex.push_str(&piece.regex.replace('#', &format!("{name}{position}")));
    }
    joined
}

fn segment() -> impl Strategy<Value = Both> {
    prop_oneof![
        8 => select(vec!["a", "b", "ab", "ba", ""]).prop_map(|text| both(text, text)),
        3 => select(vec![
            both("{#}", "(?<#>[^/]+)"),
            both("a{#}", "a(?<#>[^/]+)"),
            both("{#}b", "(?<#>[^/]+)b"),
            both("a{#}b{x#}", "a(?<#>[^/]+)b(?<x#>[^/]+)"),
            both("{#}{x#}a", "(?<#>[^/]+)(?<x#>[^/]+)a"),
        ]),
        2 => select(vec![
            both("{#:a+}", "(?<#>a+)"),
            both("{#:b|ab}", "(?<#>b|ab)"),
            both("{#:(a|b)*}", "(?<#>(?:a|b)*)"),
            both("b{#:^[^a]$}", "b(?<#>[^a])"),
            both("{#:.+}", "(?<#>.+)"),
            both("a{#:.*}b", "a(?<#>.*)b"),
            both("{#:a/b}", "(?<#>a/b)"),
            both("{x#}{#:.+?}a", "(?<x#>[^/]+)(?<#>.+?)a"),
            both("{#:[ab]{2}}", "(?<#>[ab]{2})"),
            both("{#:[^/]+}", "(?<#>[^/]+)"),
            both("{#:ab?}{x#:b*}", "(?<#>ab?)(?<x#>b*)"),
            both("{#:b*}{x#:a{1,2}}", "(?<#>b*)(?<x#>a{1,2})"),
        ]),
        2 => select(vec![
            both("[ab]+", "(?:[ab]+)"),
            both("b[^b]+", "b(?:[^b/]+)"),
            both("[^a]", "(?:[^a/])"),
            both("(a|b){2}", "(?:(?:a|b){2})"),
            both(r"a|\w", r"(?:a|\w)"),
            both("(?:.?)b", "(?:[^/]?b)"),
            both("{#}[ab]", "(?<#>[^/]+)(?:[ab])"),
            both("[^/]{#:a*}", "(?:[^/])(?<#>a*)"),
        ]),
    ]
}

fn path_pattern() -> impl Strategy<Value = (Both, bool)> {
    let segments = prop::collection::vec(segment(), 1..4);
    (segments, prop::bool::weighted(0.3), prop::bool::weighted(0.1)).prop_map(|(segments, prefix, all)| {
        let segments = if all { Vec::new() } else { segments };
        let slash = if all { "" } else { "/" };
        let path = joined(segments, "/", "v");
        let (star, end) = if prefix || all { ("*", "") } else { ("", "$") };
        (
            both(format!("{slash}{}{star}", path.pattern), format!("^{slash}{}{end}", path.regex)),
            prefix || all,
        )
    })
}

fn host_pattern() -> impl Strategy<Value = Both> {
    let label = prop_oneof![
        4 => select(vec!["a", "B", "ab"]).prop_map(|text| both(text, text)),
        2 => select(vec![
            both("{#}", r"(?<#>[^.\n]+)"),
            both("{#}-b", r"(?<#>[^.\n]+)-b"),
            both("{#:a|B}", "(?<#>a|B)"),
            both("{#:.+}", "(?<#>.+)"),
        ]),
    ];
    let port = select(vec![
        both("", "[0-9]*"),
        both("", "[0-9]*"),
        both(":80", "80"),
        both(":{p:8+[01]}", "(?<p>8+[01])"),
    ]);
    (prop::collection::vec(label, 1..4), prop::bool::weighted(0.2), port).prop_map(|(labels, star, port)| {
        let name = joined(labels, ".", "h");
        let (star, any) = if star { ("*.", r".+\.") } else { ("", "") };
        let pattern = format!("{star}{}{}", name.pattern, port.pattern);
        both(pattern, format!(r"^(?i){any}{}\n{}$", name.regex, port.regex))
    })
}

const METHODS: [Method; 4] = [Method::GET, Method::PUT, Method::OPTIONS, Method::HEAD];

#[derive(Clone, Debug)]
struct RouteCase {
    hosts: Vec<Both>,
    path: Both,
    prefix: bool,
    methods: Vec<Method>,
}

fn route() -> impl Strategy<Value = RouteCase> {
    let hosts = prop_oneof![2 => Just(Vec::new()), 3 => prop::collection::vec(host_pattern(), 1..3)];
    let methods = prop_oneof![Just(Vec::new()), subsequence(METHODS.to_vec(), 1..3)];
    (hosts, path_pattern(), methods).prop_map(|(hosts, (path, prefix), methods)| RouteCase {
        hosts,
        path,
        prefix,
        methods,
    })
}

#[derive(Clone, Debug)]
struct TargetCase {
    host: String,
    /// What host regexes are matched with: the name, a line feed, the port.
    name_and_port: String,
    path: String,
    method: Method,
    preflight: Option<&'static str>,
}

fn target() -> impl Strategy<Value = TargetCase> {
    let label = select(vec!["a", "b", "A", "ab", "a-b", "b-B"]);
    let host = prop::collection::vec(label, 0..4).prop_map(|labels| labels.join("."));
    let tail = select(vec!["", "", "", ":80", ":881", ":", ".", ".:80"]);
    let segments = prop::collection::vec(select(vec!["a", "b", "ab", "aab", "bba", "é", ""]), 0..4);
    let preflight = prop::option::of(select(vec!["GET", "PUT", "HEAD", "get"]));
    (host, tail, segments, select(METHODS.to_vec()), preflight).prop_map(
        |(host, tail, segments, method, preflight)| {
            // Without a name there is neither a dot nor a port.
            let tail = if host.is_empty() { "" } else { tail };
            let name_and_port = format!("{host}\n{}", tail.trim_start_matches(['.', ':']));
            let host = format!("{host}{tail}");
            TargetCase { host, name_and_port, path: format!("/{}", segments.join("/")), method, preflight }
        },
    )
}

struct Reference {
    index: usize,
    hosts: Vec<Regex>,
    path: Regex,
    prefix: bool,
    methods: Vec<Method>,
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Found(usize, Vec<(String, String)>),
    Redirect(usize, String),
    Wrong(Vec<String>),
    Nothing,
}

impl Reference {
    fn host(&self, target: &TargetCase) -> bool {
        self.hosts.is_empty() || self.hosts.iter().any(|host| host.is_match(&target.name_and_port))
    }

    fn method(&self, target: &TargetCase) -> bool {
        let asked = target.preflight.filter(|_| target.method == Method::OPTIONS);
        self.methods.is_empty()
            || self.methods.iter().any(|method| *method == target.method || asked == Some(method.as_str()))
    }

    fn variables(&self, target: &TargetCase) -> Vec<(String, String)> {
        let host = self.hosts.iter().find(|host| host.is_match(&target.name_and_port));
        let mut variables = Vec::new();
        for (regex, text) in
            host.map(|host| (host, &target.name_and_port)).into_iter().chain([(&self.path, &target.path)])
        {
            // Only asked of a route that matches.
            let Some(groups) = regex.captures(text) else { continue };
            for name in regex.capture_names().flatten() {
                variables.push((name.to_owned(), groups[name].to_owned()));
            }
        }
        variables
    }
}

fn other_form(path: &str) -> Option<String> {
    match path {
        "/" => None,
        _ if path.starts_with("//") => None,
        _ => Some(path.strip_suffix('/').map_or_else(|| format!("{path}/"), str::to_owned)),
    }
}

fn answer(routes: &[Reference], target: &TargetCase, strict: bool) -> Answer {
    let other = other_form(&target.path).filter(|_| strict);
    let here = |route: &&Reference| route.host(target) && route.path.is_match(&target.path);
    let near = |route: &&Reference| {
        route.host(target) && !route.prefix && other.as_ref().is_some_and(|other| route.path.is_match(other))
    };
    let full = routes.iter().filter(here).find(|route| route.method(target));
    let redirect = routes.iter().filter(near).find(|route| route.method(target));
    match (full, redirect, other.clone()) {
        (Some(full), Some(redirect), Some(other)) if full.prefix && redirect.index < full.index => {
            Answer::Redirect(redirect.index, other)
        }
        (Some(full), _, _) => Answer::Found(full.index, full.variables(target)),
        (None, Some(redirect), Some(other)) => Answer::Redirect(redirect.index, other),
        _ => {
            let matching = routes.iter().filter(|route| here(route) || near(route));
            let mut allow: Vec<_> =
                matching.flat_map(|route| &route.methods).map(|method| method.as_str().to_owned()).collect();
            allow.sort();
            allow.dedup();
            if allow.is_empty() { Answer::Nothing } else { Answer::Wrong(allow) }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 384, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lookup_and_explain_agree_with_the_ordered_scan(
        routes in prop::collection::vec(route(), 1..10),
        targets in prop::collection::vec(target(), 12),
        strict in any::<bool>(),
    ) {
        let mut builder = Builder::new(Options { strict_slash: strict });
        let mut references = Vec::new();
        for (index, route) in routes.iter().enumerate() {
            let spec = RouteSpec {
                hosts: route.hosts.iter().map(|host| host.pattern.clone()).collect(),
                path: route.path.pattern.clone(),
                methods: route.methods.clone(),
            };
            match builder.add(&spec, index) {
                Ok(()) => references.push(Reference {
                    index,
                    hosts: route.hosts.iter().map(|host| Regex::new(&host.regex).unwrap()).collect(),
                    path: Regex::new(&route.path.regex).unwrap(),
                    prefix: route.prefix,
                    methods: route.methods.clone(),
                }),
                Err(error) => prop_assert!(matches!(error.field, Field::Duplicate { .. }), "{spec:?}: {error}"),
            }
        }
        let router = builder.build();
        for case in &targets {
            let target =
                Target { host: &case.host, path: &case.path, method: &case.method, preflight: case.preflight };
            let steps = router.explain(&target);
            let won = steps.iter().find(|step| {
                matches!(step.verdict, Verdict::Found | Verdict::Redirected { .. })
            });
            let found = match router.lookup(&target) {
                Lookup::Found { index, value, vars } => {
                    prop_assert_eq!(index, *value);
                    prop_assert_eq!(won.map(|step| step.index), Some(index));
                    Answer::Found(index, vars.into_iter().map(|(name, value)| (name.to_string(), value)).collect())
                }
                Lookup::Redirect { path } => {
                    Answer::Redirect(won.map_or(usize::MAX, |step| step.index), path)
                }
                Lookup::MethodNotAllowed { allow } => {
                    prop_assert!(won.is_none());
                    Answer::Wrong(allow.iter().map(ToString::to_string).collect())
                }
                Lookup::NotFound => {
                    prop_assert!(won.is_none());
                    Answer::Nothing
                }
            };
            prop_assert_eq!(found, answer(&references, case, strict), "{:?} in {:#?}", case, routes);
        }
    }
}
