//! An optional duration. For `#[serde(with = "gw_value::duration::option")]`, beside a `default`.

use std::time::Duration;

use serde::Serializer;
use serde::de::{Deserializer, Visitor};

/// Writes a duration as text, or nothing.
///
/// # Errors
/// The serializer's own.
pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => serializer.serialize_some(&super::format(*duration)),
        None => serializer.serialize_none(),
    }
}

/// Reads a duration from text; `null` is none.
///
/// # Errors
/// When it is neither text nor null, or [`parse`](super::parse) refuses it.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    deserializer.deserialize_option(Optional)
}

struct Optional;

impl<'de> Visitor<'de> for Optional {
    type Value = Option<Duration>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a duration such as \"1.5s\", or nothing")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        super::deserialize(deserializer).map(Some)
    }
}
