//! serde's view of a map's key: text, or what its text can be read as.

use serde::Deserializer;
use serde::de::Visitor;
use serde::forward_to_deserialize_any;

use super::access::WithSpan;
use super::context::Context;
use super::enums::Choice;
use super::error::{Error, Result};
use super::number;
use crate::{Dialect, Key, Kind, Value, spanned};

#[derive(Clone, Copy)]
pub(super) struct KeyDeserializer<'de, 'c> {
    pub(super) key: &'de Key,
    pub(super) cx: &'c Context,
}

macro_rules! integers {
    ($($method:ident $visit:ident $type:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            // Keys have no other way to be numbers than the one the Go dialect has for values.
            let text = Value::new(Kind::from(self.key.name.as_str()), self.key.span);
            visitor.$visit(number::integer(&text, Dialect::Go, $type::MIN, $type::MAX)?)
        }
    )*};
}

impl<'de> Deserializer<'de> for KeyDeserializer<'de, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_str(&self.key.name)
    }

    integers! {
        deserialize_i8 visit_i8 i8
        deserialize_i16 visit_i16 i16
        deserialize_i32 visit_i32 i32
        deserialize_i64 visit_i64 i64
        deserialize_u8 visit_u8 u8
        deserialize_u16 visit_u16 u16
        deserialize_u32 visit_u32 u32
        deserialize_u64 visit_u64 u64
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value> {
        if name == spanned::TOKEN {
            return visitor.visit_seq(WithSpan::new(self.key.span, self));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_enum(Choice::new(&self.key.name, variants, None, self.cx))
    }

    forward_to_deserialize_any! {
        bool f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
        ignored_any
    }
}
