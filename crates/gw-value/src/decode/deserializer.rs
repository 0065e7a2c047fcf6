//! serde's view of one value. It takes hints strictly: what a type asks for is what must be written.

use serde::Deserializer;
use serde::de::{DeserializeSeed, Visitor};
use serde::forward_to_deserialize_any;

use super::access::{Elements, Entries, Fields, WithSpan};
use super::context::Context;
use super::enums::Choice;
use super::error::{Error, Problem, Result};
use super::{number, wrong_type};
use crate::{Dialect, Kind, Value, duration, spanned};

#[derive(Clone, Copy)]
pub(super) struct ValueDeserializer<'de, 'c> {
    pub(super) value: &'de Value,
    pub(super) cx: &'c Context,
}

impl<'de> ValueDeserializer<'de, '_> {
    /// Lets `seed` decode the value; an error without a place gets the value's.
    pub(super) fn run<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value> {
        seed.deserialize(self).map_err(|error| error.or_place(|problem| self.cx.place(self.value, problem)))
    }

    fn text(self) -> Result<&'de str> {
        let help = match &self.value.kind {
            Kind::String(text) => return Ok(text),
            Kind::Integer(number) => Some(format!("put it in quotes: \"{number}\"")),
            Kind::Bool(truth) => Some(format!("put it in quotes: \"{truth}\"")),
            Kind::Float(_) => Some("put it in quotes".to_owned()),
            Kind::Null | Kind::Array(_) | Kind::Table(_) => None,
        };
        Err(wrong_type(self.value, "a string", help))
    }

    fn list(self) -> Result<&'de [Value]> {
        match &self.value.kind {
            Kind::Array(items) => Ok(items),
            Kind::Null | Kind::Table(_) => Err(wrong_type(self.value, "an array", None)),
            _ => Err(wrong_type(self.value, "an array", Some("put it in brackets".to_owned()))),
        }
    }

    fn duration(self) -> Result<&'de str> {
        const EXPECTED: &str = "a duration such as \"1.5s\"";
        let bare = |number: &dyn std::fmt::Display, negative: bool| {
            let help = (!negative).then(|| format!("write \"{number}s\" if seconds are meant"));
            Problem::Duration { message: format!("the duration {number} has no unit"), help }
        };
        let problem = match &self.value.kind {
            Kind::String(text) => match duration::parse(text) {
                Ok(_) => return Ok(text),
                Err(error) => Problem::Duration { message: error.to_string(), help: error.help() },
            },
            Kind::Integer(0) => return Ok("0"),
            Kind::Integer(number) => bare(number, *number < 0),
            Kind::Float(number) => bare(number, !(*number >= 0.0 && number.is_finite())),
            _ => return Err(wrong_type(self.value, EXPECTED, None)),
        };
        Err(Error::new(problem))
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $type:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            visitor.$visit(number::integer(self.value, self.cx.dialect, $type::MIN, $type::MAX)?)
        }
    )*};
}

impl<'de> Deserializer<'de> for ValueDeserializer<'de, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match &self.value.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(truth) => visitor.visit_bool(*truth),
            Kind::Integer(number) => visitor.visit_i64(*number),
            Kind::Float(number) => visitor.visit_f64(*number),
            Kind::String(text) => visitor.visit_str(text),
            Kind::Array(items) => visitor.visit_seq(Elements::of_list(items, self.cx)),
            Kind::Table(entries) => visitor.visit_map(Entries::of_any(entries, self.cx)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let help = match &self.value.kind {
            Kind::Bool(truth) => return visitor.visit_bool(*truth),
            Kind::String(text) if matches!(text.as_str(), "true" | "false") => {
                Some(format!("remove the quotes: {text}"))
            }
            _ => None,
        };
        Err(wrong_type(self.value, "true or false", help))
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

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_f64(number::float(self.value, self.cx.dialect, f64::from(f32::MAX))?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_f64(number::float(self.value, self.cx.dialect, f64::MAX)?)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_str(self.text()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_str(self.text()?)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_str(self.text()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.value.is_null() {
            return visitor.visit_unit();
        }
        Err(wrong_type(self.value, "nothing", None))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value> {
        match name {
            spanned::TOKEN => visitor.visit_seq(WithSpan::new(self.value.span, self)),
            duration::TOKEN => visitor.visit_str(self.duration()?),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_seq(Elements::of_list(self.list()?, self.cx))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value> {
        let items = self.list()?;
        if items.len() != length {
            let found = items.len();
            return Err(Error::invalid(format_args!("expected {length} elements, found {found}")));
        }
        visitor.visit_seq(Elements::of_tuple(self.value, self.cx))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match &self.value.kind {
            Kind::Table(entries) => visitor.visit_map(Entries::of_map(entries, self.cx)),
            _ => Err(wrong_type(self.value, "a table", None)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        if !matches!(self.value.kind, Kind::Table(_)) {
            return Err(wrong_type(self.value, "a table", None));
        }
        let mut access = Fields::new(self.value, name, fields, self.cx);
        visitor.visit_map(&mut access).map_err(|error| access.blame(error))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let name = match &self.value.kind {
            Kind::String(name) => name.as_str(),
            Kind::Integer(number) if self.cx.dialect == Dialect::Go => {
                let index = usize::try_from(*number).ok();
                index.and_then(|index| variants.get(index)).copied().ok_or_else(|| {
                    Error::new(Problem::UnknownName { name: number.to_string(), expected: variants })
                })?
            }
            Kind::Table(entries) => match entries.as_slice() {
                // The choice cannot do without it; the error is excused, since the content had its own.
                [(_, content)] if self.cx.is_left_out(content) => {
                    return Err(Error::invalid("the content is faulty"));
                }
                [(key, content)] => {
                    return visitor.visit_enum(Choice::new(&key.name, variants, Some(content), self.cx));
                }
                _ => return Err(wrong_type(self.value, "a name, or a table of one key", None)),
            },
            _ => return Err(wrong_type(self.value, "a name", None)),
        };
        visitor.visit_enum(Choice::new(name, variants, None, self.cx))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { bytes byte_buf }
}
