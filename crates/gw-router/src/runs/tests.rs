//! What is a matter of runs, and that it means what the regex of the same pieces means.

use proptest::prelude::*;
use proptest::sample::select;
use regex_automata::meta::Regex;

use super::Runs;
use crate::pattern;
use crate::syntax::{self, Kind, Piece};

fn pieces(text: &str, kind: Kind) -> Vec<Piece> {
    syntax::parse(text, kind).unwrap()
}

#[track_caller]
fn check(text: &str, is_runs: bool) {
    for open in [false, true] {
        assert_eq!(Runs::new(&pieces(text, Kind::Path), open, Kind::Path).is_some(), is_runs, "{text}");
    }
}

#[test]
fn what_never_goes_back_is_runs() {
    for text in [
        "/u/{id}",
        "/u/{id}/x/{y}/",
        "/u/{id:[0-9]+}",
        "/u/{id:[0-9]*}x",
        "/f/{rest:.+}",
        "/f/{rest:.*}",
        "/{a:x+}{b:y+}",
        "/{a:[0-9]{8}-[0-9]{4}}",
        "/{a:[a-z][a-z0-9]*}",
        "/{a:(x)}/{b:^y$}z",
        "/[a-z]+/x",
        "/[^x]+/d",
        "/[0-9]{2}x",
        "/{a:(?i)q+}",
    ] {
        check(text, true);
    }
}

#[test]
fn what_may_go_back_is_not() {
    for text in [
        // What follows a run may begin with its characters.
        "/{a}-{b}",
        "/v{n}.json",
        "/{a}{b}",
        "/{a:[0-9]+}{b:[0-9]*}",
        "/{a:[0-9]+x?}1",
        "/f/{rest:.*}/x",
        "/{a}é",
        // Other than greedy, choices, and places that look around.
        "/{a:[0-9]+?}",
        "/{a:x|yy}",
        r"/{a:\bx}",
        "/{a:(xy)+}",
        // Some characters other than ASCII, or so many of them.
        "/{a:é+}",
        r"/{a:\w+}",
        "/{a:[^/]{2}}",
        "/{a:.}",
        "/{a:.?}",
        // More than a regex may count.
        "/{a:[0-9]{257}}",
    ] {
        check(text, false);
    }
}

/// The places of the variables; `None` if `text` does not match.
fn by_regex(regex: &Regex, text: &str) -> Option<Vec<Option<(usize, usize)>>> {
    let mut groups = regex.create_captures();
    regex.captures(pattern::anchored(text), &mut groups);
    groups.get_match()?;
    let place = |group| groups.get_group(group).map(|span| (span.start, span.end));
    Some((1..groups.group_len()).map(place).collect())
}

fn by_runs(runs: &Runs, text: &str) -> Option<Vec<Option<(usize, usize)>>> {
    let mut places = Vec::new();
    runs.spans(text, |span| places.push(Some((span.start, span.end))));
    runs.matches(text).then_some(places)
}

fn part(number: usize) -> impl Strategy<Value = String> {
    let part = select(vec![
        "/",
        "/",
        "a",
        "b",
        "ab",
        "é",
        "{#}",
        "{#}",
        "{#:a}",
        "{#:a+}",
        "{#:b*}",
        "{#:[ab]+}",
        "{#:[ab]{2}}",
        "{#:a{1,2}}",
        "{#:b?}",
        "{#:.+}",
        "{#:.*}",
        "{#:[^a]+}",
        "{#:[^/]*}",
        "{#:ab?a*}",
        "{#:é}",
        "{#:a/b*}",
        "{#:(a|b)b}",
        "{#:[^a]}",
        "{#:b{2,}}",
        "{#:[^b/]+b}",
    ]);
    part.prop_map(move |part| part.replace('#', &format!("v{number}")))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 384, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn runs_mean_what_their_regex_means(
        parts in (part(0), part(1), part(2), part(3)),
        kind in select(vec![Kind::Path, Kind::Host]),
        open in any::<bool>(),
        texts in prop::collection::vec("/?[ab]{0,3}[/é.]?[abéx]{0,3}/?[ab.]{0,3}", 12),
    ) {
        let text = format!("/{}{}{}{}", parts.0, parts.1, parts.2, parts.3);
        let text = if kind == Kind::Host { text.replace('/', "a").replace('é', "b") } else { text };
        let pieces = pieces(&text, kind);
        if let Some(runs) = Runs::new(&pieces, open, kind) {
            let regex = pattern::regex(&pieces, open, kind).unwrap();
            for path in &texts {
                prop_assert_eq!(by_runs(&runs, path), by_regex(&regex, path), "{} on {}", text, path);
            }
        }
    }
}
