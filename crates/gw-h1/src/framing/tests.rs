//! Which connections outlive a message.

use super::*;

#[test]
fn persistence() {
    for (version, connection, expect) in [
        (Version::HTTP_11, None, true),
        (Version::HTTP_11, Some("close"), false),
        (Version::HTTP_11, Some("Keep-Alive, Close"), false),
        (Version::HTTP_11, Some("x, upgrade"), true),
        (Version::HTTP_11, Some("closed"), true),
        (Version::HTTP_10, None, false),
        (Version::HTTP_10, Some("keep-alive"), true),
        (Version::HTTP_10, Some("close, keep-alive"), false),
    ] {
        let mut fields = HeaderMap::new();
        if let Some(connection) = connection {
            fields.insert(CONNECTION, HeaderValue::from_static(connection));
        }
        assert_eq!(is_persistent(version, &fields, Noted::of(&fields)), expect, "{version:?} {connection:?}");
    }
}
