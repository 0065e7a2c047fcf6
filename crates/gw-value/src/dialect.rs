//! What the two kinds of documents spell differently.

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
