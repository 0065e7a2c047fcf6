//! Header passes as tables: the fields before, the fields after.

use super::*;
use crate::testing::conn;

mod one_by_one;

fn map(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    headers
}

fn stripped(headers: &mut HeaderMap, version: Version, trusted: bool) -> Hop {
    let seen = Seen::of(headers).names;
    strip_request(headers, seen, version, trusted)
}

#[track_caller]
fn strips(before: &[(&str, &str)], after: &[(&str, &str)]) -> Hop {
    let mut headers = map(before);
    let hop = stripped(&mut headers, Version::HTTP_11, true);
    assert_eq!(headers, map(after));
    hop
}

#[test]
fn what_is_asked_for_is_seen_as_a_map_has_it() {
    let headers = map(&[
        ("accept", "a"),
        ("user-agent", "one"),
        ("host", "first"),
        ("accept-language", "en"),
        ("content-type", "text/plain"),
        ("user-agent", "two"),
        ("host", "second"),
        ("accept", "b"),
    ]);
    let seen = Seen::of(&headers);
    assert_eq!((seen.host, seen.user_agent), (headers.get("host"), headers.get("user-agent")));
    assert_eq!(seen.accept.to_vec(), headers.get_all("accept").iter().collect::<Vec<_>>());
    assert_eq!(seen.content_type.to_vec(), ["text/plain"]);
    assert_eq!(seen.names, 0);
}

#[test]
fn fields_of_one_hop_go() {
    let hop = strips(
        &[
            ("connection", "close, X-Mine , te"),
            ("keep-alive", "1"),
            ("proxy-connection", "x"),
            ("te", "gzip, Trailers"),
            ("upgrade", "h2c"),
            ("http2-settings", "AA"),
            ("proxy-authorization", "x"),
            ("expect", "100-continue"),
            ("x-mine", "1"),
            ("x-theirs", "1"),
            ("trailer", "x-end"),
        ],
        &[("x-theirs", "1"), ("trailer", "x-end")],
    );
    assert_eq!(hop, Hop { upgrade: None, trailers: true });
}

/// What a forward proxy says of the credentials it got is for us (RFC 9110 §11.7.1, §11.7.3).
#[test]
fn what_a_forward_proxy_says_of_credentials_is_for_nobody_else() {
    let mut headers =
        map(&[("proxy-authenticate", "x"), ("proxy-authentication-info", "x"), ("authentication-info", "x")]);
    strip_response(&mut headers, None);
    assert_eq!(headers, map(&[("authentication-info", "x")]));
}

#[test]
fn framing_and_host_survive_what_connection_says() {
    strips(
        &[("connection", "host, content-length"), ("host", "a"), ("content-length", "1")],
        &[("host", "a"), ("content-length", "1")],
    );
}

#[test]
fn only_an_upgrade_to_websocket_is_passed_on() {
    let hop = strips(&[("connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket")], &[]);
    assert_eq!(hop.upgrade, Some("websocket"));
    let hop = strips(&[("connection", "upgrade, http2-settings"), ("upgrade", "h2c")], &[]);
    assert_eq!(hop.upgrade, None);
    let hop = strips(&[("upgrade", "websocket")], &[]);
    assert_eq!(hop.upgrade, None, "not without Connection: upgrade");
}

#[test]
fn an_upgrade_in_http_1_0_is_ignored() {
    let mut headers = map(&[("connection", "upgrade"), ("upgrade", "websocket")]);
    assert_eq!(stripped(&mut headers, Version::HTTP_10, true), Hop::default());
    assert!(headers.is_empty());
}

#[test]
fn what_connection_names_goes_beside_bytes_that_are_not_ascii() {
    strips(&[("connection", "x-mine, \u{e9}"), ("x-mine", "1")], &[]);
}

#[test]
fn an_untrusted_peer_cannot_pose_as_another() {
    let mut headers = map(&[
        ("x-forwarded-for", "10.0.0.1"),
        ("x-real-ip", "10.0.0.1"),
        ("forwarded", "for=10.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil"),
        ("host", "a"),
    ]);
    let conn = conn("192.0.2.1", &[]);
    assert_eq!(client_address(&headers, &conn).to_string(), "192.0.2.1");
    stripped(&mut headers, Version::HTTP_11, conn.trusts_peer());
    add_own(&mut headers, &Hop::default(), &conn, Some(&HeaderValue::from_static("a")));
    let expected = [
        ("host", "a"),
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "a"),
    ];
    assert_eq!(headers, map(&expected));
}

#[test]
fn an_upgrade_says_from_whom_it_comes_as_any_request_does() {
    let mut headers = map(&[("host", "a")]);
    let hop = Hop { upgrade: Some("websocket"), trailers: false };
    add_own(&mut headers, &hop, &conn("192.0.2.1", &[]), Some(&HeaderValue::from_static("a")));
    let expected = [
        ("upgrade", "websocket"),
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "a"),
    ];
    for (name, value) in expected {
        assert_eq!(headers[name], value);
    }
}

#[test]
fn a_trusted_peer_is_believed_and_added() {
    let mut headers = map(&[
        ("x-forwarded-for", "203.0.113.9, 198.51.100.7"),
        ("x-forwarded-for", "10.0.0.2"),
        ("forwarded", "for=198.51.100.7"),
        ("x-forwarded-proto", "https"),
    ]);
    let conn = conn("10.0.0.1", &["10.0.0.0/8"]);
    assert_eq!(client_address(&headers, &conn).to_string(), "198.51.100.7");
    add_own(&mut headers, &Hop::default(), &conn, None);
    assert_eq!(headers["x-forwarded-for"], "203.0.113.9, 198.51.100.7, 10.0.0.2, 10.0.0.1");
    assert_eq!(headers["x-forwarded-proto"], "https");
    assert_eq!(headers.get_all("forwarded").iter().count(), 2);
}

#[test]
fn fields_of_the_upstreams_hop_go() {
    let mut headers = map(&[
        ("connection", "X-Mine, close"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "x"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("proxy-authenticate", "Basic"),
        ("x-mine", "1"),
        ("x-theirs", "1"),
        ("trailer", "x-end"),
    ]);
    strip_response(&mut headers, None);
    assert_eq!(headers, map(&[("x-theirs", "1"), ("trailer", "x-end")]));
}

#[test]
fn a_switch_of_protocols_keeps_its_announcement() {
    let mut headers =
        map(&[("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-accept", "x")]);
    strip_response(&mut headers, Some("websocket"));
    assert_eq!(headers["upgrade"], "websocket");
    strip_response(&mut headers, None);
    assert_eq!(headers, map(&[("sec-websocket-accept", "x")]));
}
