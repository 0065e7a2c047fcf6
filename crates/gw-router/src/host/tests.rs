//! What each form of host template matches.

use super::HostPattern;
use crate::authority::Authority;

#[track_caller]
fn check(template: &str, authority: &str, expect: Option<&[&str]>) {
    let pattern = HostPattern::new(template).unwrap();
    let authority = Authority::new(authority);
    let mut values = Vec::new();
    let matches = pattern.variables(&authority, &mut values);
    let values = matches.then(|| values.into_iter().map(|(_, value)| value).collect::<Vec<_>>());
    let expect = expect.map(|values| values.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(values, expect, "{template} on {authority:?}");
}

#[track_caller]
fn refuses(template: &str, authorities: &[&str]) {
    for authority in authorities {
        check(template, authority, None);
    }
}

#[test]
fn names_ignore_case_port_and_a_last_dot() {
    for authority in
        ["example.com", "EXAMPLE.com", "example.com:8080", "example.com.", "example.com.:80", "example.com:"]
    {
        check("Example.COM", authority, Some(&[]));
        check("example.com.", authority, Some(&[]));
    }
    refuses(
        "example.com",
        &["", "example.org", "xexample.com", "a.example.com", "example.com:x", "example.com.."],
    );
}

#[test]
fn a_port_counts_where_the_template_has_one() {
    check("example.com:8080", "Example.com:8080", Some(&[]));
    check("example.com:8080", "example.com.:8080", Some(&[]));
    refuses("example.com:8080", &["example.com", "example.com:80", "example.com:18080", "example.com:08080"]);
    check("{x}.com:{port:80[0-9]+}", "a.com:8081", Some(&["a", "8081"]));
    refuses("{x}.com:{port:80[0-9]+}", &["a.com", "a.com:9090"]);
    check("{x:a|b}.com", "b.com:9", Some(&["b"]));
}

#[test]
fn variables_are_labels() {
    check("{sub}.example.com", "a.example.com", Some(&["a"]));
    check("{sub}.example.com", "A-1.Example.com:80", Some(&["A-1"]));
    refuses("{sub}.example.com", &["example.com", "a.b.example.com", ".example.com"]);
    check("api-{env}.{zone}.x", "api-dev.eu.x", Some(&["dev", "eu"]));
    check("{x}", "localhost:1", Some(&["localhost"]));
    refuses("{x}", &["", "a.b"]);
    check("{x}", "[::1]:80", Some(&["[::1]"]));
}

#[test]
fn regexes_ignore_case_and_cross_labels_where_they_say_so() {
    check("{x:[a-c]+}.y", "ABC.y", Some(&["ABC"]));
    check("{x:[A-C]+}.y", "abc.y", Some(&["abc"]));
    refuses("{x:[a-c]+}.y", &["d.y", "a.b.y"]);
    check("{x:.+}.y", "a.b.y", Some(&["a.b"]));
    check("{x:.*}", "", Some(&[""]));
}

#[test]
fn a_star_is_one_or_more_labels() {
    for authority in ["a.example.com", "a.b.example.com", "A.EXAMPLE.COM:1", "a.example.com."] {
        check("*.example.com", authority, Some(&[]));
    }
    refuses("*.example.com", &["example.com", ".example.com", "aexample.com", "a.example.com.x"]);
    check("*.{zone}.com", "a.b.eu.com", Some(&["eu"]));
    refuses("*.{zone}.com", &["eu.com"]);
    check("*.example.com:81", "a.example.com:81", Some(&[]));
}

#[test]
fn addresses_are_compared_as_addresses() {
    for authority in ["[::1]", "[::1]:80", "[0:0:0:0:0:0:0:1]", "[::0001]:9"] {
        check("[::1]", authority, Some(&[]));
        check("[0::1]", authority, Some(&[]));
    }
    refuses("[::1]", &["[::2]", "::1", "[::1", "[::1].com", "1"]);
    check("[::1]:80", "[::1]:80", Some(&[]));
    refuses("[::1]:80", &["[::1]", "[::1]:81"]);
    check("127.0.0.1", "127.0.0.1:80", Some(&[]));
}

#[test]
fn spelling_that_means_the_same_is_one_template() {
    let canonical = |text| HostPattern::new(text).unwrap().canonical;
    assert_eq!(canonical("A.com"), canonical("a.COM."));
    assert_eq!(canonical("*.A.com"), canonical("*.a.com"));
    assert_eq!(canonical("[::1]:080"), canonical("[0::1]:80"));
    assert_eq!(canonical("{x}.A"), canonical("{x}.a"));
    assert_ne!(canonical(r"{x:\w}.a"), canonical(r"{x:\W}.a"));
}
