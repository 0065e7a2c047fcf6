//! Decoding a tree into a type, with all that is wrong.
//!
//! serde stops at the first error. So the tree is decoded again and again: each error is reported, and the node that
//! is to blame left out of the next pass, until a pass succeeds. A faulty field has its default then, and a faulty
//! element is not there. A missing key gets a stand-in instead, since its table may have more faults.
//!
//! It needs plain types: what serde buffers (`flatten`, `untagged`, `tag = "…"`) loses the places inside it, and in the
//! Go dialect `flatten` loses the camel-case keys.

mod access;
mod context;
mod deserializer;
mod enums;
mod error;
mod key;
mod locate;
mod number;
mod report;
mod stand_in;
#[cfg(test)]
mod tests;

use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use context::Context;
use deserializer::ValueDeserializer;
use error::{Error, Problem};

use crate::{Dialect, Fault, Value};

/// How many errors are reported at most; the rest shows when these are mended. Warnings are not limited.
pub const MAX_ERRORS: usize = 100;

/// No document needs more passes: an error takes one, or a few if the tables around it cannot do without what is left
/// out.
const MAX_PASSES: usize = 8 * MAX_ERRORS;

/// The outcome of a decoding.
#[derive(Clone, Debug)]
pub struct Decoded<T> {
    /// What could be decoded, with all that is faulty left out. To be used only if no fault is an error, but good for
    /// looking for more errors. None if nothing could, or there are too many errors.
    pub value: Option<T>,
    /// All faults in the order of the document.
    pub faults: Vec<Fault>,
}

/// Decodes `value`. `strict` makes an unknown key of the Go dialect an error; in the native one it always is. Only
/// structs with `deny_unknown_fields` have unknown keys.
pub fn decode<T: DeserializeOwned>(value: &Value, dialect: Dialect, strict: bool) -> Decoded<T> {
    let cx = Context::new(dialect, strict);
    let decoded = passes(value, &cx);
    Decoded { value: decoded, faults: locate::locate(value, cx.into_found()) }
}

fn passes<T: DeserializeOwned>(root: &Value, cx: &Context) -> Option<T> {
    for _ in 0..MAX_PASSES {
        let more = match (ValueDeserializer { value: root, cx }).run(PhantomData::<T>) {
            Ok(decoded) => match cx.settle(root) {
                None => return Some(decoded),
                Some(more) => more,
            },
            Err(error) => cx.absorb(error, root),
        };
        if !more {
            return None;
        }
    }
    None
}

/// The error of a value that is something else than was asked for.
fn wrong_type(value: &Value, expected: &str, help: Option<String>) -> Error {
    let found = match value.type_name() {
        "null" => "null".to_owned(),
        name @ ("array" | "integer") => format!("an {name}"),
        name => format!("a {name}"),
    };
    Error::new(Problem::WrongType { expected: expected.to_owned(), found, help })
}
