//! Tables of requests and the form they take.

#[cfg(feature = "hyper-h1")]
use bytes::Bytes;
#[cfg(feature = "hyper-h1")]
use http_body_util::{StreamBody, combinators::UnsyncBoxBody};

use super::*;

fn request(method: &str, target: &str, fields: &[(&str, &str)], body: Body) -> Request {
    let mut request = http::Request::builder().method(method).uri(target);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(body).unwrap()
}

/// The request line's target and the fields, sorted, as `name=value`.
fn shown(request: &Request) -> String {
    let mut fields: Vec<_> =
        request.headers().iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap())).collect();
    fields.sort();
    format!("{:?} {} {}", request.version(), request.uri(), fields.join(" "))
}

#[cfg(feature = "hyper-h1")]
fn unknown_length() -> Body {
    let frames = futures_util::stream::pending::<Result<http_body::Frame<Bytes>>>();
    Body::stream(UnsyncBoxBody::new(StreamBody::new(frames)))
}

#[track_caller]
fn check_h1(mut request: Request, host: Option<&str>, expect: &str) {
    let host = host.map(|host| HeaderValue::from_str(host).unwrap());
    h1(&mut request, host.as_ref(), "10.0.0.1:80").unwrap();
    assert_eq!(shown(&request), expect);
}

#[track_caller]
fn check_h2(mut request: Request, host: Option<&str>, expect: &str) {
    let host = host.map(|host| HeaderValue::from_str(host).unwrap());
    h2(&mut request, host.as_ref(), "10.0.0.1:80", Scheme::HTTPS).unwrap();
    assert_eq!(shown(&request), expect);
}

#[test]
fn http_1_has_origin_form_and_a_host() {
    let get = |target, fields| request("GET", target, fields, Body::empty());
    check_h1(get("/a?b", &[("host", "x:1")]), None, "HTTP/1.1 /a?b host=x:1");
    check_h1(get("/a%2F//?", &[("host", "x")]), Some("y"), "HTTP/1.1 /a%2F//? host=y");
    check_h1(get("http://z/a", &[]), None, "HTTP/1.1 /a host=z");
    check_h1(get("http://z", &[("host", "x")]), None, "HTTP/1.1 / host=x");
    check_h1(get("/a", &[("host", "")]), None, "HTTP/1.1 /a host=10.0.0.1:80");
    check_h1(request("OPTIONS", "*", &[("host", "x")], Body::empty()), None, "HTTP/1.1 * host=x");
}

#[test]
fn a_request_that_has_the_form_is_left_as_it_is() {
    let host = ("host", "x");
    for (target, fields, fits) in [
        ("/a?b", &[host][..], true),
        ("*", &[("cookie", "a=1"), host], true),
        ("/", &[], false),
        ("/", &[("host", "")], false),
        ("http://x/", &[host], false),
        ("/", &[("cookie", "a=1"), host, ("cookie", "b=2")], false),
    ] {
        let mut request = request("OPTIONS", target, fields, Body::empty());
        let before = shown(&request);
        assert_eq!(is_h1(&request, Seen::of(request.headers())), fits, "{before}");
        h1(&mut request, None, "10.0.0.1:80").unwrap();
        assert_eq!(shown(&request) == before, fits, "{before}");
    }
    let mut other = request("GET", "/", &[host], Body::empty());
    *other.version_mut() = Version::HTTP_2;
    assert!(!is_h1(&other, Seen::of(other.headers())));
}

/// Of a body of unknown length that turned out to be empty before anything was sent.
#[cfg(feature = "hyper-h1")]
#[test]
fn a_form_that_is_given_again_has_one_framing() {
    let mut post = request("POST", "/a", &[("host", "x")], unknown_length());
    h1(&mut post, None, "10.0.0.1:80").unwrap();
    *post.body_mut() = Body::empty();
    check_h1(post, None, "HTTP/1.1 /a host=x transfer-encoding=chunked");
}

#[test]
fn http_1_joins_cookie_crumbs() {
    let crumbs = [("host", "x"), ("cookie", "a=1"), ("cookie", "b=2; c=3"), ("cookie", "d")];
    let joined = "HTTP/1.1 / cookie=a=1; b=2; c=3; d host=x";
    check_h1(request("GET", "/", &crumbs, Body::empty()), None, joined);
}

#[cfg(feature = "hyper-h1")]
#[test]
fn http_1_says_how_long_the_body_is() {
    let host = [("host", "x")];
    let sized = [("content-length", "3"), ("host", "x")];
    check_h1(request("POST", "/", &host, Body::empty()), None, "HTTP/1.1 / content-length=0 host=x");
    check_h1(request("GET", "/", &host, Body::empty()), None, "HTTP/1.1 / host=x");
    check_h1(
        request("GET", "/", &host, unknown_length()),
        None,
        "HTTP/1.1 / host=x transfer-encoding=chunked",
    );
    check_h1(request("PUT", "/", &sized, unknown_length()), None, "HTTP/1.1 / content-length=3 host=x");
    check_h1(request("POST", "/", &host, Body::from("abc")), None, "HTTP/1.1 / host=x");
}

#[test]
fn http_2_has_its_pseudo_fields_and_nothing_of_the_connection() {
    let fields =
        [("host", "x:1"), ("connection", "upgrade"), ("upgrade", "w"), ("te", "trailers"), ("cookie", "a")];
    check_h2(
        request("GET", "/a?b", &fields, Body::empty()),
        None,
        "HTTP/2.0 https://x:1/a?b cookie=a te=trailers",
    );
    check_h2(request("GET", "/a", &[("host", "x")], Body::empty()), Some("y"), "HTTP/2.0 https://y/a ");
    check_h2(request("GET", "/a", &[], Body::empty()), None, "HTTP/2.0 https://10.0.0.1:80/a ");
}

#[test]
fn either_form_can_be_made_of_either() {
    let mut there_and_back = request("GET", "/a?b", &[("host", "x:1")], Body::empty());
    h2(&mut there_and_back, None, "n:1", Scheme::HTTP).unwrap();
    h2(&mut there_and_back, None, "n:1", Scheme::HTTP).unwrap();
    assert_eq!(shown(&there_and_back), "HTTP/2.0 http://x:1/a?b ");
    check_h1(there_and_back, None, "HTTP/1.1 /a?b host=x:1");
}

#[test]
fn a_host_that_is_no_authority_is_the_clients_fault() {
    let mut bad = request("GET", "/", &[("host", "a b")], Body::empty());
    let error = h2(&mut bad, None, "n:1", Scheme::HTTP).unwrap_err();
    assert_eq!(error.outcome(), Outcome::ClientMalformed);
}

#[test]
fn only_idempotent_requests_without_a_body_may_be_repeated() {
    let host = [("host", "x")];
    let repeats = |request: &Request| may_repeat(request, Seen::of(request.headers()));
    for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"] {
        assert!(repeats(&request(method, "/", &host, Body::empty())), "{method}");
        assert!(!repeats(&request(method, "/", &host, Body::from("a"))), "{method}");
    }
    for method in ["POST", "PATCH", "OTHER"] {
        assert!(!repeats(&request(method, "/", &host, Body::empty())), "{method}");
    }
    assert!(!repeats(&request("GET", "/", &[("upgrade", "x")], Body::empty())));
}
