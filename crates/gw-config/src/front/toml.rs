//! TOML, through the `toml` crate's recovering parser: all syntax errors at once.

use gw_value::{Key, Kind, MAX_DEPTH, Span, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};

use super::{syntax, too_deep};
use crate::Diagnostic;

/// A key given twice: the decoder's code, whoever finds it.
const GIVEN_TWICE: &str = "GW0107";
/// A number that 64 bits do not hold: the decoder's code, too.
const OUT_OF_RANGE: &str = "GW0106";

/// The tree of a TOML document.
///
/// # Errors
/// With all syntax errors.
pub(super) fn read(text: &str) -> Result<Value, Vec<Diagnostic>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut errors: Vec<_> = errors.iter().map(complaint).collect();
    if errors.is_empty() {
        let span = table.span().into();
        let tree = convert_table(table.into_inner(), span, 1, &mut errors);
        if errors.is_empty() {
            return Ok(tree);
        }
    }
    Err(errors)
}

fn complaint(error: &Error) -> Diagnostic {
    let span = error.span().map_or(Span::NONE, Span::from);
    match error.message() {
        message if message.starts_with("duplicate key") => Diagnostic::error(GIVEN_TWICE, message, span),
        message if message.contains("recurs") => too_deep(span),
        message => syntax(message, span),
    }
}

fn convert(value: Spanned<DeValue<'_>>, depth: usize, errors: &mut Vec<Diagnostic>) -> Value {
    let span = Span::from(value.span());
    if depth > MAX_DEPTH {
        errors.push(too_deep(span));
        return Value::new(Kind::Null, span);
    }
    let kind = match value.into_inner() {
        DeValue::String(text) => Kind::String(text.into_owned()),
        DeValue::Boolean(truth) => Kind::Bool(truth),
        DeValue::Datetime(datetime) => Kind::String(datetime.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Kind::Integer(number),
            Err(_) => {
                let message = format!("`{number}` is out of range for a 64-bit integer");
                errors.push(Diagnostic::error(OUT_OF_RANGE, message, span));
                Kind::Null
            }
        },
        DeValue::Float(number) => Kind::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Array(items) => {
            Kind::Array(items.into_iter().map(|item| convert(item, depth + 1, errors)).collect())
        }
        DeValue::Table(table) => return convert_table(table, span, depth, errors),
    };
    Value::new(kind, span)
}

/// The parser sorts keys by name; the tree has them in the document's order.
fn convert_table(table: DeTable<'_>, span: Span, depth: usize, errors: &mut Vec<Diagnostic>) -> Value {
    let mut entries: Vec<_> = table
        .into_iter()
        .map(|(key, value)| {
            let span = Span::from(key.span());
            (Key::new(key.into_inner(), span), convert(value, depth + 1, errors))
        })
        .collect();
    entries.sort_by_key(|(key, _)| key.span);
    Value::new(Kind::Table(entries), span)
}

#[cfg(test)]
mod tests;
