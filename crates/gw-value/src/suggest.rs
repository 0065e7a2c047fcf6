//! Did you mean …?

/// The candidate that `word` most probably was meant to be; none if nothing is near. Case, `_` and `-` do not count.
pub fn suggest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = fold(word);
    candidates
        .into_iter()
        .filter_map(|candidate| likeness(&word, &fold(candidate)).map(|score| (score, candidate)))
        // `max_by` keeps the last of equals; the first candidate is the better known.
        .fold(None, |best: Option<(f64, &str)>, next| match best {
            Some(best) if best.0 >= next.0 => Some(best),
            _ => Some(next),
        })
        .map(|(_, candidate)| candidate)
}

/// A name without what people vary: case, `_` and `-`.
pub(crate) fn fold(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}

/// How alike two folded names are, if they are: up to a third of the letters may differ, or a common start prevails.
fn likeness(word: &str, candidate: &str) -> Option<f64> {
    let score = strsim::jaro_winkler(word, candidate);
    let letters = word.chars().count().max(candidate.chars().count());
    let near = strsim::osa_distance(word, candidate) <= letters / 3;
    (near || score >= 0.86).then_some(score)
}

#[cfg(test)]
mod tests {
    use super::suggest;

    const NAMES: &[&str] = &[
        "attempts",
        "per_try_timeout",
        "connect_timeout",
        "idle_timeout",
        "id",
        "path",
        "host",
        "hosts",
        "method",
        "methods",
        "retry",
        "tls",
        "tls_store",
        "p2c",
        "round_robin",
    ];

    #[test]
    fn what_was_meant() {
        for (word, expect) in [
            ("atempts", Some("attempts")),
            ("attempt", Some("attempts")),
            ("perTryTimeout", Some("per_try_timeout")),
            ("conn_timeout", Some("connect_timeout")),
            ("ilde_timeout", Some("idle_timeout")),
            ("HOST", Some("host")),
            ("hots", Some("host")),
            ("method", Some("method")),
            ("metods", Some("methods")),
            ("retries", Some("retry")),
            ("roundrobin", Some("round_robin")),
            ("tsl", Some("tls")),
            ("xd", None),
            ("origin", None),
            ("", None),
        ] {
            assert_eq!(suggest(word, NAMES.iter().copied()), expect, "{word}");
        }
        assert_eq!(suggest("x", []), None);
    }
}
