//! The header passes as they are without a pass: each field is asked for by its name. Slow, and easy to see through.

use proptest::prelude::*;

use super::*;

const OF_ONE_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
    "proxy-authenticate",
    "proxy-authentication-info",
];

const POSING: [&str; 7] = [
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-real-ip",
    "forwarded",
];

fn strip_slowly(headers: &mut HeaderMap) {
    for name in named_by_connection(headers) {
        headers.remove(name);
    }
    for name in OF_ONE_HOP {
        headers.remove(name);
    }
}

fn strip_request_slowly(headers: &mut HeaderMap, version: Version, trusted: bool) -> Hop {
    let upgrade = if version == Version::HTTP_11 { upgrade(headers) } else { None };
    let hop = Hop { upgrade, trailers: has_token(headers, &header::TE, "trailers") };
    strip_slowly(headers);
    headers.remove("proxy-authorization");
    headers.remove("expect");
    if !trusted {
        for name in POSING {
            headers.remove(name);
        }
    }
    hop
}

fn add_own_slowly(headers: &mut HeaderMap, hop: &Hop, conn: &ConnContext) {
    if let Some(protocol) = hop.upgrade {
        announce(headers, protocol);
    } else if hop.trailers {
        headers.insert("te", HeaderValue::from_static("trailers"));
        headers.insert("connection", HeaderValue::from_static("te"));
    }
    let listed = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let peer = conn.peer_ip().to_string();
    let list = listed.chain([peer.as_str()]).collect::<Vec<_>>().join(", ");
    headers.insert("x-forwarded-for", HeaderValue::try_from(list).unwrap());
    if headers.contains_key("forwarded") {
        append_forwarded(headers, conn);
    }
    if !headers.contains_key("x-forwarded-proto") {
        headers.insert("x-forwarded-proto", HeaderValue::from_static(conn.scheme()));
    }
    if let Some(host) = headers.get("host").cloned() {
        headers.entry("x-forwarded-host").or_insert(host);
    }
}

/// Names that a pass knows, names that look like them, and names that `Connection` may take along.
fn name() -> impl Strategy<Value = &'static str> {
    let others = [
        "host",
        "content-length",
        "trailer",
        "proxy-authorization",
        "expect",
        "x-mine",
        "x-forwarded-fox",
        "t",
    ];
    prop::sample::select([&OF_ONE_HOP[..], &POSING, &others].concat())
}

fn value() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        name().prop_map(str::to_owned),
        prop::sample::select(vec!["Upgrade", "WebSocket", "h2c", "trailers", "10.0.0.1", "\u{e9}", ""])
            .prop_map(str::to_owned),
    ];
    prop::collection::vec(token, 1..4).prop_map(|tokens| tokens.join(", "))
}

proptest! {
    #[test]
    fn one_pass_does_what_asking_for_each_name_does(
        fields in prop::collection::vec((name(), value()), 0..12),
        version in prop::sample::select(vec![Version::HTTP_10, Version::HTTP_11, Version::HTTP_2]),
        trusted in any::<bool>(),
    ) {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (mut fast, mut slow) = (map(&fields), map(&fields));
        let host = fast.get("host").cloned();
        let hop = stripped(&mut fast, version, trusted);
        prop_assert_eq!(&hop, &strip_request_slowly(&mut slow, version, trusted));
        prop_assert_eq!(&fast, &slow);
        let conn = conn("10.0.0.1", if trusted { &["10.0.0.0/8"] } else { &[] });
        add_own(&mut fast, &hop, &conn, host.as_ref());
        add_own_slowly(&mut slow, &hop, &conn);
        prop_assert_eq!(fast, slow);

        let (mut fast, mut slow) = (map(&fields), map(&fields));
        strip_response(&mut fast, None);
        strip_slowly(&mut slow);
        prop_assert_eq!(fast, slow);
    }
}
