//! Numbers: what may be written for one, and whether it fits.

use std::fmt::Display;

use super::error::{Error, Problem, Result};
use super::wrong_type;
use crate::{Dialect, Kind, Value};

/// The largest float below which all whole numbers are floats.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A whole number within the range. The Go dialect takes it in quotes and as `5.0`, too, as protobuf's JSON does.
pub(super) fn integer<T>(value: &Value, dialect: Dialect, min: T, max: T) -> Result<T>
where
    T: TryFrom<i128> + Display + Copy,
{
    let number = match &value.kind {
        Kind::Integer(number) => i128::from(*number),
        Kind::String(text) if dialect == Dialect::Go => {
            match digits(text).or_else(|| whole(decimal(text)?)) {
                Some(number) => number,
                None => return Err(not_whole(value, dialect)),
            }
        }
        Kind::Float(number) if dialect == Dialect::Go => match whole(*number) {
            Some(number) => number,
            None => return Err(not_whole(value, dialect)),
        },
        _ => return Err(not_whole(value, dialect)),
    };
    T::try_from(number).map_err(|_| {
        let allowed = format!("{min} to {max}");
        Error::new(Problem::Range { number: number.to_string(), allowed })
    })
}

/// A finite number. The Go dialect takes it in quotes, too. Differs from protobuf's JSON: no `NaN`, no `Infinity`;
/// nothing of a configuration can mean them.
pub(super) fn float(value: &Value, dialect: Dialect, max: f64) -> Result<f64> {
    let number = match &value.kind {
        Kind::Float(number) => *number,
        Kind::Integer(number) => *number as f64,
        Kind::String(text) if dialect == Dialect::Go => match decimal(text) {
            Some(number) => number,
            None => return Err(wrong_type(value, "a number", None)),
        },
        Kind::String(text) if decimal(text).is_some() => {
            return Err(wrong_type(value, "a number", Some(format!("remove the quotes: {text}"))));
        }
        _ => return Err(wrong_type(value, "a number", None)),
    };
    if number.abs() <= max {
        return Ok(number);
    }
    let allowed = "a finite number".to_owned();
    Err(Error::new(Problem::Range { number: number.to_string(), allowed }))
}

fn not_whole(value: &Value, dialect: Dialect) -> Error {
    match &value.kind {
        Kind::String(text) if dialect == Dialect::Native && digits(text).is_some() => {
            wrong_type(value, "a whole number", Some(format!("remove the quotes: {text}")))
        }
        Kind::Float(number) => Error::new(Problem::WrongType {
            expected: "a whole number".to_owned(),
            found: format!("{number:?}"),
            help: None,
        }),
        _ => wrong_type(value, "a whole number", None),
    }
}

/// Decimal digits, perhaps with a minus.
fn digits(text: &str) -> Option<i128> {
    if text.starts_with('+') { None } else { text.parse().ok() }
}

/// A number as JSON writes it, more or less: no words such as `inf`.
fn decimal(text: &str) -> Option<f64> {
    let first = text.strip_prefix('-').unwrap_or(text);
    if first.starts_with(|c: char| c.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn whole(number: f64) -> Option<i128> {
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i128)
}
