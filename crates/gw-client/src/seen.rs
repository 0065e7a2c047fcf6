//! What a request's fields say that decides how it is sent, found in one pass: a lookup of a field that is not there
//! costs as much as a third of it.

use gw_h1::Noted;
use http::header::{COOKIE, HOST, HeaderMap, UPGRADE};

/// What the fields of a request have.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// Of those that frame a message.
    pub(crate) noted: Noted,
    hosts: u8,
    cookies: u8,
    /// Whether it asks for an upgrade.
    pub(crate) upgrade: bool,
}

impl Seen {
    /// What these fields have.
    pub(crate) fn of(fields: &HeaderMap) -> Self {
        let mut seen = Self::default();
        for (name, value) in fields {
            match name {
                name if name == HOST => seen.hosts |= if seen.hosts > 0 || value.is_empty() { 2 } else { 1 },
                name if name == COOKIE => seen.cookies = seen.cookies.saturating_add(1),
                name if name == UPGRADE => seen.upgrade = true,
                name => seen.noted.note(name),
            }
        }
        seen
    }

    /// Whether there is one Host that says something, and the cookies stand in one field.
    pub(crate) fn is_plain(self) -> bool {
        self.hosts == 1 && self.cookies < 2
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn seen(fields: &'static [(&str, &str)]) -> Seen {
        let field = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let mut map = HeaderMap::new();
        fields.iter().map(field).for_each(|(name, value)| _ = map.append(name, value));
        assert_eq!(Seen::of(&map).noted, Noted::of(&map));
        Seen::of(&map)
    }

    #[test]
    fn what_is_there_is_seen() {
        assert!(
            seen(&[("content-length", "1"), ("cookie", "a"), ("host", "x"), ("te", "trailers")]).is_plain()
        );
        assert!(!seen(&[("cookie", "a"), ("host", "x"), ("cookie", "b")]).is_plain());
        assert!(!seen(&[("cookie", "a")]).is_plain());
        assert!(!seen(&[("host", "")]).is_plain());
        assert!(!seen(&[("host", "x"), ("host", "y")]).is_plain());
        assert!(!seen(&[("host", "x"), ("connection", "close")]).upgrade);
        assert!(seen(&[("host", "x"), ("connection", "upgrade"), ("upgrade", "y")]).upgrade);
    }
}
