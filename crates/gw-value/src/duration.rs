//! Durations as people write them: `100ms`, `1.5s`, `1m30s`. For `#[serde(with = "gw_value::duration")]`.
//!
//! A superset of protobuf's JSON form (seconds with up to nine decimals), less the sign: no duration of ours is
//! negative. The Go gateway takes seconds alone.

pub mod option;
#[cfg(test)]
mod tests;
mod text;

use std::time::Duration;

use serde::Serializer;
use serde::de::{Deserializer, Visitor};

pub use text::{MAX, ParseError, format, parse};

/// The name by which the decoder knows a duration.
pub(crate) const TOKEN: &str = "$gw_value::duration";

/// Writes a duration as text.
///
/// # Errors
/// The serializer's own.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*duration))
}

/// Reads a duration from text.
///
/// # Errors
/// When it is no text, or [`parse`] refuses it.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_newtype_struct(TOKEN, Text)
}

struct Text;

impl<'de> Visitor<'de> for Text {
    type Value = Duration;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a duration such as \"1.5s\"")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Duration, D::Error> {
        deserializer.deserialize_str(self)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Duration, E> {
        parse(text).map_err(E::custom)
    }
}
