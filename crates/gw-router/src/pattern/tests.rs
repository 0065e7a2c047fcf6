//! What each form of path pattern matches, and what its variables stand for.

use super::Pattern;

#[track_caller]
fn check(pattern: &str, path: &str, expect: Option<&[&str]>) {
    let pattern = Pattern::path(pattern).unwrap();
    assert_eq!(pattern.matches(path), expect.is_some(), "{} on {path}", pattern.canonical);
    let Some(expect) = expect else { return };
    let mut variables = Vec::new();
    pattern.variables(path, path, &mut variables);
    let values: Vec<_> = variables.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(values, expect, "{} on {path}", pattern.canonical);
}

#[track_caller]
fn matches(pattern: &str, paths: &[&str]) {
    for path in paths {
        assert!(Pattern::path(pattern).unwrap().matches(path), "{pattern} on {path}");
    }
}

#[track_caller]
fn refuses(pattern: &str, paths: &[&str]) {
    for path in paths {
        check(pattern, path, None);
    }
}

#[test]
fn literals_match_byte_for_byte() {
    check("/a/b", "/a/b", Some(&[]));
    refuses("/a/b", &["/a/b/", "/a//b", "/A/b", "/a%2Fb", "/a/./b", "/a", ""]);
    // Regex characters other than the three that make a segment one are literal, stars inside too.
    check("/a.b+c|d/*/e", "/a.b+c|d/*/e", Some(&[]));
    refuses("/a.b", &["/axb"]);
    check("/é", "/é", Some(&[]));
}

#[test]
fn a_trailing_star_is_a_prefix() {
    matches("/api/*", &["/api/", "/api/x", "/api/x/y"]);
    refuses("/api/*", &["/api", "/apix", "/"]);
    matches("/api*", &["/api", "/apix", "/api/x"]);
    matches("/api/**", &["/api/", "/api/x"]);
    matches("*", &["", "/", "/x", "*", "x"]);
    matches("**", &["/x"]);
    matches("/*", &["/", "/x"]);
    refuses("/*", &["*", ""]);
}

#[test]
fn a_variable_is_one_part_of_a_segment() {
    check("/u/{id}", "/u/7", Some(&["7"]));
    check("/u/{id}", "/u/%2F", Some(&["%2F"]));
    refuses("/u/{id}", &["/u/", "/u/7/", "/u/7/x", "/u"]);
    check("/v{n}.json", "/v12.json", Some(&["12"]));
    check("/v{n}.json", "/v.json.json", Some(&[".json"]));
    refuses("/v{n}.json", &["/v.json", "/v1.jsonx", "/1.json"]);
    check("/{a}/{b}", "/x/y", Some(&["x", "y"]));
    check("/{a}/", "/x/", Some(&["x"]));
}

#[test]
fn variables_are_greedy_from_the_left() {
    check("/{a}-{b}", "/x-y-z", Some(&["x-y", "z"]));
    check("/{a}-{b}", "/--x", Some(&["-", "x"]));
    check("/{a}-{b}", "/---", Some(&["-", "-"]));
    refuses("/{a}-{b}", &["/-x", "/x-", "/x"]);
    check("/{a}{b}", "/xyz", Some(&["xy", "z"]));
    check("/{a}{b}", "/xé", Some(&["x", "é"]));
    refuses("/{a}{b}", &["/x"]);
    check("/{a}-{b}*", "/x-y-z/w", Some(&["x-y", "z"]));
}

#[test]
fn prefixes_may_have_variables() {
    check("/{a}/x*", "/1/xy/z", Some(&["1"]));
    check("/{a}/x*", "/1/x", Some(&["1"]));
    refuses("/{a}/x*", &["/1/", "/1/y", "/1/2/x"]);
    check("/{a}*", "/12/3", Some(&["12"]));
    check("/{a}.x*", "/b.x.xy/z", Some(&["b.x"]));
    refuses("/{a}.x*", &["/.x", "/b/.x"]);
    check("/f/{a:[0-9]+}*", "/f/12x/y", Some(&["12"]));
}

#[test]
fn a_regex_matches_its_part_as_a_whole() {
    check("/u/{id:[0-9]+}", "/u/42", Some(&["42"]));
    refuses("/u/{id:[0-9]+}", &["/u/42x", "/u/x42", "/u/", "/u/4/2"]);
    check("/{a:x|yy}/z", "/yy/z", Some(&["yy"]));
    refuses("/{a:x|yy}/z", &["/xyy/z", "/x"]);
    check("/u/{id:[0-9]{2,3}}", "/u/123", Some(&["123"]));
    refuses("/u/{id:[0-9]{2,3}}", &["/u/1", "/u/1234"]);
    check("/{a:[a-z]*}/b", "//b", Some(&[""]));
    check("/{a}.{b:[a-z]+}", "/x.y.z", Some(&["x.y", "z"]));
    check("/{a:(?i)abc}/{b:abc}", "/ABC/abc", Some(&["ABC", "abc"]));
    refuses("/{a:(?i)abc}/{b:abc}", &["/abc/ABC"]);
}

#[test]
fn a_regex_crosses_segments_where_it_says_so() {
    check("/f/{rest:.+}", "/f/a/b/c", Some(&["a/b/c"]));
    check("/f/{rest:.*}/x/{y}", "/f/a/b/x/c", Some(&["a/b", "c"]));
    check("/{a:b/c}/d", "/b/c/d", Some(&["b/c"]));
    check("/{a:[^x]+}", "/b/c", Some(&["b/c"]));
}

#[test]
fn groups_of_the_operators_own_are_harmless() {
    // kratos panics here (B16).
    check("/{a:(x|y)+}/{b:(z)}", "/xyx/z", Some(&["xyx", "z"]));
    check("/{a:(?P<v>x)}/{b:(?P<v>y)}", "/x/y", Some(&["x", "y"]));
    check("/e/(x|y)(z)", "/e/yz", Some(&[]));
}

#[test]
fn outer_anchors_say_nothing() {
    check("/u/{id:^[0-9]+$}/x", "/u/42/x", Some(&["42"]));
    check("/u/^[0-9]+$", "/u/42", Some(&[]));
    check("/{a:(^x$)}", "/x", Some(&["x"]));
    check("/x{a:^}y", "/xy", Some(&[""]));
}

#[test]
fn a_regex_sees_what_stands_before_it() {
    check(r"/a{x:\Bb}", "/ab", Some(&["b"]));
    refuses(r"/a{x:\bb}", &["/ab"]);
    check(r"/a-{x:\bb}", "/a-b", Some(&["b"]));
}

#[test]
fn a_bare_regex_keeps_to_its_segment() {
    check("/api/echo/[a-z]+", "/api/echo/abc", Some(&[]));
    refuses("/api/echo/[a-z]+", &["/api/echo/ABC", "/api/echo/a/b", "/api/echo/", "/api/echo/[a-z]+"]);
    check("/a/(b|c)/d", "/a/c/d", Some(&[]));
    check("/a/b|[c]/d", "/a/b/d", Some(&[]));
    check(r"/\d+.x", "/12yx", Some(&[]));
    check("/a/[^x]+/d", "/a/b/d", Some(&[]));
    refuses("/a/[^x]+/d", &["/a/b/c/d"]);
    refuses(r"/a/(?s:.)+/d", &["/a/b/c/d"]);
    refuses(r"/a/(?-u:[!-~])+/d", &["/a/b/c/d"]);
    // A slash inside a class does not end the segment, and is not matched by it.
    check("/a/[^/]+/d", "/a/b/d", Some(&[]));
    check("/a/[b/]/d", "/a/b/d", Some(&[]));
    check("/[]x]/[^]x]", "/]/y", Some(&[]));
    // Only that segment is a regex.
    refuses("/a.b/[c]", &["/axb/c"]);
    // A prefix, since a last star always makes one.
    matches("/a/[b-d]*", &["/a/b", "/a/bx", "/a/c/x"]);
    refuses("/a/[b-d]*", &["/a/", "/a/x"]);
}

#[test]
fn braces_in_a_bare_regex_are_variables_or_repetitions() {
    check("/[0-9]{2}", "/12", Some(&[]));
    refuses("/[0-9]{2}", &["/1", "/123"]);
    check("/[0-9]{2,}", "/123", Some(&[]));
    check("/(v){1,2}{id}", "/vv7", Some(&["7"]));
    check("/[a-z]+-{id:[0-9]+}", "/ab-7", Some(&["7"]));
    check("/[{}]", "/{", Some(&[]));
    check(r"/\{x\}", "/{x}", Some(&[]));
    check(r"/{a:\{x\}}", "/{x}", Some(&["{x}"]));
    // Without a bare regex, digits are a name.
    check("/x{2}", "/x7", Some(&["7"]));
}

#[test]
fn spelling_that_means_the_same_is_one_pattern() {
    let canonical = |text| Pattern::path(text).unwrap().canonical;
    assert_eq!(canonical("/a/***"), canonical("/a/*"));
    assert_ne!(canonical("/a/{x}"), canonical("/a/{y}"));
    assert_ne!(canonical("/a/x"), canonical("/a/x*"));
}
