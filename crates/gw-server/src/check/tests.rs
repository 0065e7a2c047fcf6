//! The head checks as tables: a request in, a verdict out.

use http::Request;

use super::*;

fn head(version: Version, method: &str, target: &str, fields: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().version(version).method(method).uri(target);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn limits() -> Limits {
    Limits { target_bytes: 64, header_count: 4, body_bytes: Some(100), ..Limits::default() }
}

/// Fields of a GET over HTTP/1.1 that has a Host besides.
#[track_caller]
fn check_fields(fields: &[(&str, &str)], expect: u16) {
    let mut all = vec![("host", "gw.test")];
    all.extend(fields);
    check(head(Version::HTTP_11, "GET", "/", &all), expect);
}

#[track_caller]
fn check(mut head: Parts, expect: u16) {
    let status = admit(&mut head, false, &limits()).map_or_else(|refusal| refusal.status.as_u16(), |()| 200);
    assert_eq!(status, expect, "{head:?}");
}

#[test]
fn framing() {
    check_fields(&[("transfer-encoding", "chunked")], 200);
    check_fields(&[("transfer-encoding", "Chunked")], 200);
    check_fields(&[("transfer-encoding", "chunked, chunked")], 400);
    check_fields(&[("transfer-encoding", ",chunked")], 400);
    check_fields(&[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")], 400);
    check_fields(&[("transfer-encoding", "xchunked")], 400);
    check_fields(&[("transfer-encoding", "gzip, chunked")], 501);
    check_fields(&[("transfer-encoding", "identity")], 501);
    check_fields(&[("transfer-encoding", "chunked"), ("content-length", "3")], 400);
    check_fields(&[("content-length", "3")], 200);
    check_fields(&[("content-length", "3"), ("content-length", "3")], 200);
    check_fields(&[("content-length", "3"), ("content-length", "4")], 400);
    check_fields(&[("content-length", "+3")], 400);
    check_fields(&[("content-length", "")], 400);
    check_fields(&[("content-length", "100")], 200);
    check_fields(&[("content-length", "101")], 413);
    check_fields(&[("content-length", "18446744073709551617")], 400);
    let old = &[("transfer-encoding", "chunked")];
    check(head(Version::HTTP_10, "POST", "/", old), 400);
}

#[test]
fn a_repeated_length_becomes_one() {
    let fields = [("host", "a"), ("content-length", "3"), ("content-length", "3")];
    let mut head = head(Version::HTTP_2, "POST", "/", &fields);
    admit(&mut head, false, &limits()).unwrap();
    assert_eq!(head.headers.get_all(CONTENT_LENGTH).iter().collect::<Vec<_>>(), ["3"]);
}

#[test]
fn white_space_around_values_is_malformed_in_http2() {
    for (value, expect) in [("a b", 200), ("", 200), (" a", 400), ("a ", 400), ("a\t", 400)] {
        check(head(Version::HTTP_2, "GET", "/", &[("host", "a"), ("x", value)]), expect);
    }
}

#[test]
fn expectations() {
    check_fields(&[("expect", "100-Continue")], 200);
    check_fields(&[("expect", "200-ok")], 417);
    check_fields(&[("expect", "100-continue, x")], 417);
    check(head(Version::HTTP_10, "GET", "/", &[("expect", "x")]), 200);
}

#[test]
fn limits_of_the_head() {
    check(head(Version::HTTP_11, "GET", &format!("/{}", "a".repeat(63)), &[("host", "a")]), 200);
    check(head(Version::HTTP_11, "GET", &format!("/{}", "a".repeat(64)), &[("host", "a")]), 414);
    check_fields(&[("a", "1"), ("b", "1"), ("c", "1")], 200);
    check_fields(&[("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")], 431);
    check(head(Version::HTTP_11, "CONNECT", "gw.test:443", &[("host", "gw.test")]), 501);
    check(head(Version::HTTP_11, "GET", "*", &[("host", "gw.test")]), 400);
    check(head(Version::HTTP_11, "OPTIONS", "*", &[("host", "gw.test")]), 200);
    check(head(Version::HTTP_11, "GET", "gw.test:80", &[("host", "gw.test")]), 400);
    check(head(Version::HTTP_11, "GET", "ftp://gw.test/", &[("host", "gw.test")]), 400);
}

/// What is left of target and Host, or the refusal's status.
#[track_caller]
fn check_host(version: Version, target: &str, hosts: &[&str], expect: Result<(&str, &str), u16>) {
    let fields: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
    let mut head = head(version, "GET", target, &fields);
    let settled = admit(&mut head, false, &limits()).map_err(|refusal| refusal.status.as_u16()).map(|()| {
        let host = head.headers.get(HOST).map_or("", |host| host.to_str().unwrap());
        (head.uri.to_string(), host.to_owned())
    });
    let expect = expect.map(|(target, host)| (target.to_owned(), host.to_owned()));
    assert_eq!(settled, expect, "{version:?} {target} {hosts:?}");
}

#[test]
fn hosts() {
    let (v0, v1, v2) = (Version::HTTP_10, Version::HTTP_11, Version::HTTP_2);
    check_host(v1, "/a?b", &["gw.test"], Ok(("/a?b", "gw.test")));
    check_host(v1, "/", &[], Err(400));
    check_host(v0, "/", &[], Ok(("/", "")));
    check_host(v1, "/", &["a", "b"], Err(400));
    check_host(v1, "/", &["a", "a"], Err(400));
    check_host(v1, "/", &["gw.test evil"], Err(400));
    check_host(v1, "/", &["a@b"], Err(400));
    check_host(v1, "http://gw.test/a//b", &["evil.test"], Ok(("/a//b", "gw.test")));
    check_host(v1, "http://gw.test", &["gw.test"], Ok(("/", "gw.test")));
    check_host(v1, "http://gw.test/", &[], Err(400));
    check_host(v0, "http://gw.test/", &[], Ok(("/", "gw.test")));
    check_host(v1, "http://u@gw.test/", &["gw.test"], Err(400));
    check_host(v2, "http://gw.test/a", &[], Ok(("/a", "gw.test")));
    check_host(v2, "https://gw.test/a", &["GW.test"], Ok(("/a", "gw.test")));
    check_host(v2, "https://gw.test/a", &["evil.test"], Err(400));
    check_host(v2, "https://u@gw.test/a", &[], Err(400));
    check_host(v2, "/a", &[], Err(400));
    check_host(v2, "/a", &["gw.test"], Ok(("/a", "gw.test")));
}

#[test]
fn doubtful_names_are_dropped_where_the_codec_keeps_them() {
    let mut head = head(
        Version::HTTP_2,
        "GET",
        "/",
        &[("host", "a"), ("x_forwarded_for", "127.0.0.1"), ("x-forwarded-for", "10.0.0.1")],
    );
    admit(&mut head, false, &limits()).unwrap();
    assert_eq!(head.headers.len(), 2);
    assert!(!head.headers.contains_key("x_forwarded_for"));
}

#[test]
fn cookie_crumbs_are_joined_in_http2_alone() {
    let fields = [("cookie", "a=1"), ("cookie", "b=2"), ("host", "a")];
    for (version, expect) in [(Version::HTTP_2, vec!["a=1; b=2"]), (Version::HTTP_11, vec!["a=1", "b=2"])] {
        let mut head = head(version, "GET", "/", &fields);
        admit(&mut head, false, &limits()).unwrap();
        let cookies: Vec<_> = head.headers.get_all(COOKIE).iter().collect();
        assert_eq!(cookies, expect);
    }
}
