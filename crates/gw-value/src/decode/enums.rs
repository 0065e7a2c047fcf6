//! Enums: a name, or for a variant that holds something a table of one key.

use serde::Deserializer;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, EnumAccess, IntoDeserializer, VariantAccess, Visitor};

use super::context::Context;
use super::deserializer::ValueDeserializer;
use super::error::{Error, Result};
use super::wrong_type;
use crate::{Value, dialect};

pub(super) struct Choice<'de, 'c> {
    name: &'de str,
    content: Option<&'de Value>,
    cx: &'c Context,
}

impl<'de, 'c> Choice<'de, 'c> {
    /// A name as written, in whatever case; one that is no variant is left for the type to judge.
    pub(super) fn new(
        name: &'de str,
        variants: &'static [&'static str],
        content: Option<&'de Value>,
        cx: &'c Context,
    ) -> Self {
        Self { name: dialect::variant(name, variants).unwrap_or(name), content, cx }
    }

    fn content(&self) -> Result<ValueDeserializer<'de, 'c>> {
        match self.content {
            Some(value) => Ok(ValueDeserializer { value, cx: self.cx }),
            None => {
                let name = self.name;
                Err(Error::invalid(format_args!("`{name}` needs a value: write a table with that key")))
            }
        }
    }

    /// Decodes the content by other means than a seed.
    fn within<T>(self, run: impl FnOnce(ValueDeserializer<'de, 'c>) -> Result<T>) -> Result<T> {
        let content = self.content()?;
        run(content).map_err(|error| error.or_place(|problem| self.cx.place(content.value, problem)))
    }
}

impl<'de> EnumAccess<'de> for Choice<'de, '_> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self)> {
        let name: StrDeserializer<'_, Error> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Choice<'de, '_> {
    type Error = Error;

    fn unit_variant(self) -> Result<()> {
        match self.content {
            Some(content) if !content.is_null() => {
                let error = wrong_type(content, "nothing", None);
                Err(error.or_place(|problem| self.cx.place(content, problem)))
            }
            _ => Ok(()),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value> {
        self.content()?.run(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value> {
        self.within(|content| content.deserialize_tuple(length, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let name = "";
        self.within(|content| content.deserialize_struct(name, fields, visitor))
    }
}
