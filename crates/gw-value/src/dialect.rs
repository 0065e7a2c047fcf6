//! What the two kinds of documents spell differently.

use std::borrow::Cow;

use crate::suggest::fold;

/// How a document spells keys and numbers. Names of enums are taken in any case by both, and durations are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Ours: keys exactly as documented (`snake_case`), numbers as numbers. An unknown key is an error.
    #[default]
    Native,
    /// The Go gateway's (protobuf JSON): `lowerCamelCase` or `snake_case` keys, numbers also in quotes, enums also by
    /// number, `null` is unset, `@type` is ignored. An unknown key is a warning; in the original it is not even that.
    Go,
}

impl Dialect {
    /// The field that a key of a struct means.
    pub(crate) fn field(self, key: &str, fields: &'static [&'static str]) -> Option<&'static str> {
        let exact = fields.iter().find(|field| **field == key);
        let found = match self {
            Self::Native => exact,
            Self::Go => exact.or_else(|| fields.iter().find(|field| lower_camel(field).eq(key.chars()))),
        };
        found.copied()
    }

    /// A field as this dialect prefers to spell it.
    pub(crate) fn spell<'a>(self, field: &'a str) -> Cow<'a, str> {
        match self {
            Self::Native => Cow::Borrowed(field),
            Self::Go if !field.contains('_') => Cow::Borrowed(field),
            Self::Go => Cow::Owned(lower_camel(field).collect()),
        }
    }

    /// Whether a key carries nothing for us: the type of a protobuf `Any`.
    pub(crate) fn ignores(self, key: &str) -> bool {
        self == Self::Go && key == "@type"
    }
}

/// The variant that a name means: exactly, else without regard to case, `_` and `-`, so also in protobuf's
/// `SCREAMING_CASE`.
pub(crate) fn variant(name: &str, variants: &'static [&'static str]) -> Option<&'static str> {
    let exact = variants.iter().find(|variant| **variant == name);
    exact.or_else(|| variants.iter().find(|variant| fold(variant) == fold(name))).copied()
}

/// protobuf's JSON name of a field: each `_` goes, and the letter behind it is a capital.
fn lower_camel(field: &str) -> impl Iterator<Item = char> {
    let mut capital = false;
    field.chars().filter_map(move |c| match c {
        '_' => {
            capital = true;
            None
        }
        c if std::mem::take(&mut capital) => Some(c.to_ascii_uppercase()),
        c => Some(c),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[&str] =
        &["per_try_timeout", "assert_condtions", "http2_streams", "http_endpoint", "name"];

    #[track_caller]
    fn check(dialect: Dialect, key: &str, expect: Option<&str>) {
        assert_eq!(dialect.field(key, FIELDS), expect, "{key}");
    }

    #[test]
    fn keys() {
        for field in FIELDS {
            check(Dialect::Native, field, Some(field));
            check(Dialect::Go, field, Some(field));
        }
        for (key, field) in [
            ("perTryTimeout", "per_try_timeout"),
            ("assertCondtions", "assert_condtions"),
            ("http2Streams", "http2_streams"),
            ("httpEndpoint", "http_endpoint"),
        ] {
            check(Dialect::Go, key, Some(field));
            check(Dialect::Native, key, None);
        }
        // protobuf JSON knows two spellings, not all.
        for key in ["PerTryTimeout", "per_tryTimeout", "Name", "NAME", "per-try-timeout", "pertrytimeout"] {
            check(Dialect::Go, key, None);
        }
    }

    #[test]
    fn names() {
        const NAMES: &[&str] = &["http", "least_request", "Http"];
        for (name, expect) in [
            ("http", Some("http")),
            ("Http", Some("Http")),
            ("HTTP", Some("http")),
            ("LEAST_REQUEST", Some("least_request")),
            ("leastRequest", Some("least_request")),
            ("least-request", Some("least_request")),
            ("least request", None),
            ("", None),
        ] {
            assert_eq!(variant(name, NAMES), expect, "{name}");
        }
    }
}
