//! The fields of a struct: keys in the document's spelling, unknown ones, ones given twice, missing ones.

use std::slice::Iter;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess};

use crate::decode::context::{Context, Node};
use crate::decode::deserializer::ValueDeserializer;
use crate::decode::error::{Error, Place, Problem, Result};
use crate::decode::stand_in::StandIn;
use crate::{Dialect, Key, Value};

pub(in crate::decode) struct Fields<'de, 'c> {
    table: &'de Value,
    name: &'static str,
    fields: &'static [&'static str],
    cx: &'c Context,
    entries: Iter<'de, (Key, Value)>,
    /// The fields so far, each with the key that gave it.
    given: Vec<(&'static str, &'de str)>,
    stand_ins: Vec<&'static str>,
    /// Whose key was handed out last; none for a stand-in.
    current: Option<&'de (Key, Value)>,
}

impl<'de, 'c> Fields<'de, 'c> {
    /// The entries of `table`; of anything else, none.
    pub(in crate::decode) fn new(
        table: &'de Value,
        name: &'static str,
        fields: &'static [&'static str],
        cx: &'c Context,
    ) -> Self {
        let (given, current) = (Vec::new(), None);
        let entries = table.entries().iter();
        Self { table, name, fields, cx, entries, given, stand_ins: cx.stand_ins(table), current }
    }

    /// Places an error that the struct itself made: one about its keys.
    pub(in crate::decode) fn blame(&self, error: Error) -> Error {
        error.or_place(|problem| match (problem, self.current) {
            // Two aliases of one field, which only serde knows to be one, are found only here.
            (Problem::Twice { .. }, Some((key, value))) => Place::new(Node::of(value), key.span),
            (Problem::Missing { key }, _) => {
                let mut place = Place::new(Node::of(self.table), self.table.span);
                place.excused = self.has_faulty(key);
                place
            }
            _ => self.cx.place(self.table, problem),
        })
    }

    fn has_faulty(&self, field: &str) -> bool {
        let dialect = self.cx.dialect;
        let given = |key: &Key| dialect.field(&key.name, self.fields) == Some(field);
        self.table.entries().iter().any(|(key, value)| given(key) && self.cx.is_faulty(value))
    }

    /// Whether the entry is to be handed out. Complains of a key that was given before.
    fn admit(&mut self, field: &'static str, key: &'de Key, value: &Value) -> bool {
        if self.cx.dialect == Dialect::Go && value.is_null() {
            return false;
        }
        let before = self.given.iter().find(|(given, _)| *given == field).map(|(_, key)| *key);
        let left_out = self.cx.is_left_out(value);
        match before {
            None => self.given.push((field, &key.name)),
            Some(_) if left_out => {}
            Some(other) => {
                let problem = Problem::Twice { key: key.name.clone(), other: other.to_owned() };
                self.cx.note(&problem, value, key.span);
            }
        }
        before.is_none() && !left_out
    }
}

impl<'de> MapAccess<'de> for Fields<'de, '_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        while let Some(entry) = self.entries.next() {
            let (key, value) = entry;
            if let Some(field) = self.cx.dialect.field(&key.name, self.fields) {
                if self.admit(field, key, value) {
                    self.current = Some(entry);
                    return seed.deserialize(identifier(field)).map(Some);
                }
                continue;
            }
            if self.cx.dialect.ignores(&key.name) || self.cx.is_left_out(value) {
                continue;
            }
            if self.cx.is_closed(self.name, self.fields) {
                let problem = Problem::UnknownKey { key: key.name.clone(), expected: self.fields };
                self.cx.note(&problem, value, key.span);
                continue;
            }
            self.current = Some(entry);
            let known = seed.deserialize(identifier(&key.name)).map(Some);
            return known.map_err(|error| {
                if matches!(error.problem(), Problem::UnknownKey { .. }) {
                    self.cx.learn_closed(self.name, self.fields);
                }
                error.or_place(|_| Place::new(Node::of(value), key.span))
            });
        }
        self.current = None;
        self.stand_ins.pop().map(|field| seed.deserialize(identifier(field))).transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value> {
        match self.current {
            Some((_, value)) => ValueDeserializer { value, cx: self.cx }.run(seed),
            None => StandIn { table: Node::of(self.table) }.run(seed),
        }
    }
}

fn identifier(name: &str) -> StrDeserializer<'_, Error> {
    name.into_deserializer()
}
