//! What holds other values: structs, maps, lists, and the pair of a value and its place. What is left out is not seen.

mod fields;

use std::collections::HashSet;
use std::slice::Iter;

use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess};

pub(super) use fields::Fields;

use super::context::{Context, Node};
use super::deserializer::ValueDeserializer;
use super::error::{Error, Place, Problem, Result};
use super::key::KeyDeserializer;
use super::stand_in::StandIn;
use crate::{Key, Span, Value};

/// The elements of a list.
pub(super) struct Elements<'de, 'c> {
    items: Iter<'de, Value>,
    cx: &'c Context,
    /// The list, if it must keep its length: what is left out then gets a stand-in.
    tuple: Option<Node>,
}

impl<'de, 'c> Elements<'de, 'c> {
    pub(super) fn of_list(items: &'de [Value], cx: &'c Context) -> Self {
        Self { items: items.iter(), cx, tuple: None }
    }

    pub(super) fn of_tuple(list: &'de Value, cx: &'c Context) -> Self {
        Self { items: list.items().iter(), cx, tuple: Some(Node::of(list)) }
    }
}

impl<'de> SeqAccess<'de> for Elements<'de, '_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        for value in self.items.by_ref() {
            if !self.cx.is_left_out(value) {
                return ValueDeserializer { value, cx: self.cx }.run(seed).map(Some);
            }
            if let Some(tuple) = self.tuple {
                self.cx.hold_stand_in(tuple);
                return StandIn { table: tuple }.run(seed).map(Some);
            }
        }
        Ok(None)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// The entries of a map, whose keys are taken as written.
pub(super) struct Entries<'de, 'c> {
    entries: Iter<'de, (Key, Value)>,
    cx: &'c Context,
    /// The keys so far, if each may come once.
    seen: Option<HashSet<&'de str>>,
    value: Option<&'de Value>,
}

impl<'de, 'c> Entries<'de, 'c> {
    /// For types that ask for a map.
    pub(super) fn of_map(entries: &'de [(Key, Value)], cx: &'c Context) -> Self {
        Self { seen: Some(HashSet::new()), ..Self::of_any(entries, cx) }
    }

    /// For types that take anything: a [`Value`] keeps even a key that is given twice, for its own decoding to judge.
    pub(super) fn of_any(entries: &'de [(Key, Value)], cx: &'c Context) -> Self {
        Self { entries: entries.iter(), cx, seen: None, value: None }
    }
}

impl<'de> MapAccess<'de> for Entries<'de, '_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        for (key, value) in self.entries.by_ref() {
            let twice = self.seen.as_mut().is_some_and(|seen| !seen.insert(&key.name));
            if self.cx.is_left_out(value) {
                continue;
            }
            if twice {
                let problem = Problem::Twice { key: key.name.clone(), other: key.name.clone() };
                self.cx.note(&problem, value, key.span);
                continue;
            }
            self.value = Some(value);
            let place = |_: &Problem| Place::new(Node::of(value), key.span);
            return seed
                .deserialize(KeyDeserializer { key, cx: self.cx })
                .map(Some)
                .map_err(|error| error.or_place(place));
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value> {
        match self.value.take() {
            Some(value) => ValueDeserializer { value, cx: self.cx }.run(seed),
            None => Err(Error::invalid("a value was asked for before its key")),
        }
    }
}

/// The sequence `start, end, value`: the protocol of [`Spanned`](crate::Spanned).
pub(super) struct WithSpan<D> {
    span: Span,
    value: Option<D>,
    step: u8,
}

impl<D> WithSpan<D> {
    pub(super) fn new(span: Span, value: D) -> Self {
        Self { span, value: Some(value), step: 0 }
    }
}

impl<'de, D: Deserializer<'de, Error = Error>> SeqAccess<'de> for WithSpan<D> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        self.step += 1;
        match self.step {
            1 => seed.deserialize(self.span.start.into_deserializer()).map(Some),
            2 => seed.deserialize(self.span.end.into_deserializer()).map(Some),
            _ => self.value.take().map(|value| seed.deserialize(value)).transpose(),
        }
    }
}
