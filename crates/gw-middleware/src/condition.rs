//! Conditions on an answer, for retries and for breakers: its status, or one of its headers.

use gw_value::{Fault, Spanned};
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use crate::header_edits::invalid;

/// A condition on an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The status is within, both ends included.
    Status(u16, u16),
    /// The field has one of the values. Only headers are looked at, not trailers.
    Header(HeaderName, Vec<HeaderValue>),
}

/// A condition as it is written: one of its keys.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConditionOptions {
    /// `502` or `500-504`.
    pub by_status_code: Option<Spanned<String>>,
    /// A header's name and value.
    pub by_header: Option<Spanned<HeaderOptions>>,
}

/// A header as a condition names it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeaderOptions {
    /// The field's name, in any case.
    pub name: String,
    /// The value, or a JSON list of values.
    pub value: String,
}

impl Condition {
    /// Parses `502` or `500-504`.
    pub fn status(text: &str) -> Option<Self> {
        let code = |text: &str| (text.len() == 3).then(|| text.parse::<u16>().ok()).flatten();
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        let (low, high) = (code(low.trim())?, code(high.trim())?);
        (low <= high && low >= 100).then_some(Self::Status(low, high))
    }

    /// Parses a name, and a value or a JSON list of values.
    pub fn header(name: &str, value: &str) -> Option<Self> {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let values = match value.starts_with('[').then(|| serde_json::from_str::<Vec<String>>(value)) {
            Some(Ok(values)) => values,
            _ => vec![value.to_owned()],
        };
        let values = values.iter().map(|value| HeaderValue::from_str(value));
        Some(Self::Header(name, values.collect::<Result<_, _>>().ok()?))
    }

    /// Parses a condition; what is wrong with it is added to `faults`. `path` is that of the condition.
    pub fn parse(options: &Spanned<ConditionOptions>, path: &str, faults: &mut Vec<Fault>) -> Option<Self> {
        let (parsed, span, message) = match (&options.by_status_code, &options.by_header) {
            (Some(_), Some(_)) => (None, options.span(), "a condition is either a status or a header"),
            (Some(text), None) => (Self::status(text), text.span(), "is no status and no range of statuses"),
            (None, Some(header)) => {
                (Self::header(&header.name, &header.value), header.span(), "is no header with a valid value")
            }
            (None, None) => (None, options.span(), "the condition is empty"),
        };
        if parsed.is_none() {
            let help =
                "write `by_status_code = \"500-504\"` or `by_header = { name = \"…\", value = \"…\" }`";
            faults.push(invalid(span, path, message.to_owned(), Some(help.to_owned())));
        }
        parsed
    }

    /// Whether an answer meets it.
    pub fn matches(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        match self {
            Self::Status(low, high) => (*low..=*high).contains(&status.as_u16()),
            Self::Header(name, values) => {
                headers.get(name).is_some_and(|found| !found.is_empty() && values.contains(found))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_parsed() {
        assert_eq!(Condition::status("502"), Some(Condition::Status(502, 502)));
        assert_eq!(Condition::status("500-504"), Some(Condition::Status(500, 504)));
        for bad in ["", "5xx", "504-500", "500-", "1", "500,502", "+50", "000"] {
            assert_eq!(Condition::status(bad), None, "{bad}");
        }
        let values = |header: Option<Condition>| match header {
            Some(Condition::Header(_, values)) => values.len(),
            _ => 0,
        };
        assert_eq!(values(Condition::header("Grpc-Status", "14")), 1);
        assert_eq!(values(Condition::header("Grpc-Status", r#"["5","15"]"#)), 2);
        assert_eq!(values(Condition::header("bad name", "1")), 0);
    }

    #[test]
    fn answers_meet_them() {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-status", HeaderValue::from_static("14"));
        headers.insert("empty", HeaderValue::from_static(""));
        let check = |condition: Option<Condition>, status: StatusCode, expected: bool| {
            assert_eq!(condition.unwrap().matches(status, &headers), expected);
        };
        check(Condition::status("500-504"), StatusCode::GATEWAY_TIMEOUT, true);
        check(Condition::status("500-504"), StatusCode::OK, false);
        check(Condition::header("Grpc-Status", r#"["5","14"]"#), StatusCode::OK, true);
        check(Condition::header("Grpc-Status", "5"), StatusCode::OK, false);
        check(Condition::header("empty", ""), StatusCode::OK, false);
        check(Condition::header("none", ""), StatusCode::OK, false);
    }
}
