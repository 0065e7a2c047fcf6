//! The text form of durations: parser and printer. What is printed is parsed to the same duration.

use std::time::Duration;

/// The longest duration, that of protobuf: 10,000 years. Any moment plus it is a moment that the system can name.
pub const MAX: Duration = Duration::from_secs(315_576_000_000);

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Nothing at all.
    #[error("the duration is empty")]
    Empty,
    /// `-1s` or `+1s`.
    #[error("a duration has no sign")]
    Sign,
    /// A number without its unit.
    #[error("`{0}` has no unit")]
    NoUnit(String),
    /// A number with an unknown unit.
    #[error("`{0}` is no unit of time")]
    Unit(String),
    /// No number where one should be.
    #[error("`{0}` does not begin with a number")]
    Number(String),
    /// A smaller unit before a larger one, or one twice.
    #[error("larger units come first, and each once")]
    Order,
    /// More than nine digits behind the point, or part of a nanosecond.
    #[error("a duration is no finer than nine decimals and whole nanoseconds")]
    TooFine,
    /// Beyond [`MAX`].
    #[error("a duration is 10,000 years at most")]
    TooLong,
}

impl ParseError {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Empty => Some("write \"0s\" for none".to_owned()),
            Self::NoUnit(number) => Some(format!("write \"{number}s\" if seconds are meant")),
            Self::Unit(_) => Some("units are h, m, s, ms, us and ns".to_owned()),
            Self::Number(_) | Self::Order => Some("write it as in 1m30s, 1.5s or 100ms".to_owned()),
            Self::Sign | Self::TooFine | Self::TooLong => None,
        }
    }
}

/// The units from the largest down, with their nanoseconds. Both letters that look like µ are taken.
const UNITS: [(&str, u64); 8] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ns", 1),
];

/// Parses one or more numbers with units, larger units first: `100ms`, `1.5s`, `1m30s`. Units are `h`, `m`, `s`, `ms`,
/// `us` or `µs`, and `ns`; up to nine decimals. `0` needs no unit.
///
/// # Errors
/// When the text is anything else, or longer than [`MAX`].
pub fn parse(text: &str) -> Result<Duration, ParseError> {
    match text {
        "" => return Err(ParseError::Empty),
        "0" => return Ok(Duration::ZERO),
        _ if text.starts_with(['-', '+']) => return Err(ParseError::Sign),
        _ => {}
    }
    let (mut rest, mut nanos, mut last) = (text, 0_u128, u64::MAX);
    while !rest.is_empty() {
        let (number, after) = split(rest, |c| c.is_ascii_digit() || c == '.');
        let (unit, after) = split(after, |c| !c.is_ascii_digit() && c != '.');
        let scale = scale(number, unit)?;
        if scale >= last {
            return Err(ParseError::Order);
        }
        // No sum of six terms below 2^64 hours comes near the end of an u128.
        nanos += term(number, scale)?;
        (rest, last) = (after, scale);
    }
    within_max(nanos)
}

/// Prints a duration so that [`parse`] reads it: `100ms`, `1.5s`, `1h0m30s` as `1h30s`; nothing is `0s`.
pub fn format(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let nanos = duration.subsec_nanos();
    if seconds == 0 {
        return match nanos {
            0 => "0s".to_owned(),
            1..1_000 => format!("{nanos}ns"),
            1_000..1_000_000 => decimal(u64::from(nanos), 1_000, "µs"),
            _ => decimal(u64::from(nanos), 1_000_000, "ms"),
        };
    }
    let mut text = String::new();
    for (part, unit) in [(seconds / 3600, "h"), (seconds / 60 % 60, "m")] {
        if part > 0 {
            text.push_str(&format!("{part}{unit}"));
        }
    }
    if !seconds.is_multiple_of(60) || nanos > 0 {
        text.push_str(&decimal(seconds % 60 * 1_000_000_000 + u64::from(nanos), 1_000_000_000, "s"));
    }
    text
}

fn split(text: &str, head: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !head(c)).unwrap_or(text.len()))
}

fn scale(number: &str, unit: &str) -> Result<u64, ParseError> {
    if number.is_empty() {
        return Err(ParseError::Number(unit.to_owned()));
    }
    if unit.is_empty() {
        return Err(ParseError::NoUnit(number.to_owned()));
    }
    let found = UNITS.iter().find(|(name, _)| *name == unit);
    found.map(|(_, scale)| *scale).ok_or_else(|| ParseError::Unit(unit.to_owned()))
}

/// The nanoseconds of a decimal number of units.
fn term(number: &str, scale: u64) -> Result<u128, ParseError> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let bad = || ParseError::Number(number.to_owned());
    if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
        return Err(bad());
    }
    if fraction.len() > 9 {
        return Err(ParseError::TooFine);
    }
    // All are digits here, so only length can fail.
    let whole = whole.parse::<u64>().map_err(|_| ParseError::TooLong)?;
    let parts = fraction.parse::<u128>().map_err(|_| bad())? * u128::from(scale);
    let base = 10_u128.pow(fraction.len() as u32);
    if parts % base != 0 {
        return Err(ParseError::TooFine);
    }
    Ok(u128::from(whole) * u128::from(scale) + parts / base)
}

fn within_max(nanos: u128) -> Result<Duration, ParseError> {
    if nanos > MAX.as_nanos() {
        return Err(ParseError::TooLong);
    }
    let seconds = u64::try_from(nanos / 1_000_000_000).map_err(|_| ParseError::TooLong)?;
    Ok(Duration::new(seconds, (nanos % 1_000_000_000) as u32))
}

/// `amount` of which `scale` make a unit, without trailing zeros.
fn decimal(amount: u64, scale: u64, unit: &str) -> String {
    let (whole, rest) = (amount / scale, amount % scale);
    if rest == 0 {
        return format!("{whole}{unit}");
    }
    let digits = scale.ilog10() as usize;
    let fraction = format!("{rest:0digits$}");
    format!("{whole}.{}{unit}", fraction.trim_end_matches('0'))
}
