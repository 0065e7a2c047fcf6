//! Refused routes: what is wrong, and where.

use http::Method;

use crate::{Builder, Field, Options, PatternError, RouteSpec};

fn refused(spec: &RouteSpec) -> PatternError {
    Builder::new(Options::default()).add(spec, ()).expect_err("a malformed pattern")
}

/// `marked` has the place of the error between `»` and `«`.
#[track_caller]
fn check_path(marked: &str, message: &str) -> PatternError {
    let error = refused(&RouteSpec { path: marked.replace(['»', '«'], ""), ..Default::default() });
    assert_eq!(error.field, Field::Path);
    check(marked, message, &error);
    error
}

#[track_caller]
fn check_host(marked: &str, message: &str) {
    let hosts = vec!["ok.com".to_owned(), marked.replace(['»', '«'], "")];
    let error = refused(&RouteSpec { hosts, path: "/{taken}".to_owned(), ..Default::default() });
    assert_eq!(error.field, Field::Host(1));
    check(marked, message, &error);
}

#[track_caller]
fn check(marked: &str, message: &str, error: &PatternError) {
    let start = marked.find('»').unwrap();
    let end = marked.find('«').unwrap() - '»'.len_utf8();
    assert_eq!((error.at.clone(), error.to_string().as_str()), (start..end, message), "{marked}");
}

#[test]
fn paths() {
    check_path("»«", "the pattern is empty");
    check_path("»a«/b", "the path does not start with `/`");
    check_path("»é«/b*", "the path does not start with `/`");
    check_path("/a/»{b«", "`{` is never closed");
    check_path("/a/»{b{c}/d«", "`{` is never closed");
    check_path("/a»}«/b", "`}` closes nothing");
    check_path("/{a}»}«", "`}` closes nothing");
    check_path("/»{}«/b", "the variable has no name");
    check_path("/»{:x}«", "the variable has no name");
    check_path("/é/»{x:}«", "the variable has no regex after its `:`");
    check_path("/{a»/«b}", "`/` cannot stand in a variable's name");
    check_path("/{x}/{»x«:y}", "the variable `x` is there twice");
    check_path("/a»?«b=c", "'?' is never in a path");
    check_path("/a/» «", "' ' is never in a path");
    check_path("/a»\n«", "'\\n' is never in a path");
}

#[test]
fn regexes_in_paths() {
    check_path("/é/{x:a»(«b}", "unclosed group");
    check_path("/{x:[»z-a«]}", "invalid character class range, the start must be <= the end");
    check_path(r"/{x:»\p{Nope}«}", "Unicode property not found");
    check_path("/a/»[«b", "unclosed character class");
    check_path("/a/»(«b/c)", "unclosed group");
    check_path(r"/a/b»\«*", "incomplete escape sequence, reached end of pattern prematurely");
    check_path("/{x:»a^b«}", "`^` and `$` can only stand at the ends of a regex");
    check_path("/{x:»[^\\s\\S]«}", "the regex matches nothing");
    check_path("/a/»[/]«", "the regex matches nothing");
    check_path(r"»/{x:\w{5000}}«", "the regex needs more than 1048576 bytes when compiled");
    let deep = format!("/{{x:{}{}}}", "(".repeat(1000), ")".repeat(1000));
    assert!(refused(&RouteSpec { path: deep, ..Default::default() }).to_string().contains("nest"));
    let long = format!("/{}", "a".repeat(4096));
    let error = refused(&RouteSpec { path: long, ..Default::default() });
    assert_eq!(
        (error.at.clone(), error.to_string().as_str()),
        (0..4097, "the pattern has 4097 bytes, more than 4096")
    );
}

#[test]
fn hosts() {
    check_host("»«", "the pattern is empty");
    check_host("a.»*«.com", "`*` can only be the first label of a host");
    check_host("»*«a.com", "`*` can only be the first label of a host");
    check_host("a»/«b", "'/' is never in a host");
    check_host("»é«.com", "'é' is never in a host");
    check_host("*.a» «", "' ' is never in a host");
    check_host("a.».«b", "a label is empty");
    check_host("».«a", "a label is empty");
    check_host("a.com:»«", "the port is not a number from 1 to 65535");
    check_host("a.com:»70000«", "the port is not a number from 1 to 65535");
    check_host("a.com:»x«", "the port is not a number from 1 to 65535");
    check_host("a:»:1«", "the port is not a number from 1 to 65535");
    check_host("»[::x]«", "this is not an IPv6 address");
    check_host("»[::1«", "this is not an IPv6 address");
    check_host("a.com:{p:»(«}", "unclosed group");
    check_host("*.{p:»(«}", "unclosed group");
    check_host("{a}.{»a«}", "the variable `a` is there twice");
    check_host("{a}.b:»{a}«", "the variable `a` is there twice");
    check_host("x.{»taken«}", "the variable `taken` is there twice");
}

#[test]
fn help_says_what_to_write() {
    let google = check_path("/v1/{name»=«shelves/*}", "`=` cannot stand in a variable's name");
    assert!(google.help().unwrap().contains("google.api.http"));
    let query = check_path("/colou»?«r", "'?' is never in a path");
    assert!(query.help().unwrap().contains("{name:regex}"));
}

#[test]
fn duplicates_name_the_first() {
    let spec = |hosts: &[&str], path: &str, methods: &[Method]| RouteSpec {
        hosts: hosts.iter().map(ToString::to_string).collect(),
        path: path.to_owned(),
        methods: methods.to_vec(),
    };
    let mut builder = Builder::new(Options::default());
    builder.add(&spec(&["a.com", "B.com"], "/x*", &[Method::GET, Method::PUT]), 0).unwrap();
    builder.add(&spec(&[], "bad", &[]), 1).unwrap_err();
    builder.add(&spec(&[], "/y", &[]), 2).unwrap();
    builder.add(&spec(&["a.com"], "/x*", &[Method::GET, Method::PUT]), 3).unwrap();
    builder.add(&spec(&["a.com", "b.com"], "/x*", &[Method::GET]), 4).unwrap();
    builder.add(&spec(&["a.com", "b.com"], "/x", &[Method::GET, Method::PUT]), 5).unwrap();

    let same = spec(&["b.com.", "A.com", "a.COM"], "/x**", &[Method::PUT, Method::GET, Method::GET]);
    let error = builder.add(&same, 6).unwrap_err();
    assert_eq!((error.field, error.at.clone()), (Field::Duplicate { of: 0 }, 0..0));
    assert_eq!(error.to_string(), "the same hosts, path and methods as route 0");
    let error = builder.add(&spec(&["a.com", "*"], "/y", &[]), 7).unwrap_err();
    assert_eq!(error.field, Field::Duplicate { of: 2 });

    let router = builder.build();
    assert_eq!(
        router.values().map(|(index, value)| (index, *value)).collect::<Vec<_>>(),
        [(0, 0), (2, 2), (3, 3), (4, 4), (5, 5)]
    );
}
