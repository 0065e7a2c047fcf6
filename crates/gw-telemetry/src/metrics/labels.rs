//! Label values with a bounded vocabulary: whatever clients and upstreams send, the number of series is limited.

use http::{Method, StatusCode};

/// A method as label: one of the registered ones, or `_OTHER`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MethodLabel(u8);

impl MethodLabel {
    const WORDS: [&str; 10] =
        ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "_OTHER"];
    /// How many there are.
    pub(crate) const COUNT: usize = Self::WORDS.len();

    /// Methods are case-sensitive (RFC 9110 §9.1): `get` is `_OTHER`.
    pub(crate) fn of(method: &Method) -> Self {
        Self(match *method {
            Method::GET => 0,
            Method::HEAD => 1,
            Method::POST => 2,
            Method::PUT => 3,
            Method::DELETE => 4,
            Method::CONNECT => 5,
            Method::OPTIONS => 6,
            Method::TRACE => 7,
            Method::PATCH => 8,
            _ => 9,
        })
    }

    /// Every method label.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT as u8).map(Self)
    }

    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }

    pub(crate) fn as_str(self) -> &'static str {
        Self::WORDS[self.index()]
    }
}

/// A status code as label: itself if it is registered, else its class (`4xx`), or nothing if no answer was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StatusLabel(u16);

impl StatusLabel {
    /// Not registered, but what the gateway itself records of clients that went away.
    const CLIENT_CLOSED: u16 = 499;

    /// Unknown codes are worth their class, and what is above 599 is a server's error (RFC 9110 §15).
    pub(crate) fn of(status: Option<u16>) -> Self {
        let Some(code) = status else { return Self(0) };
        let known = StatusCode::from_u16(code).is_ok_and(|status| status.canonical_reason().is_some());
        Self(if known || code == Self::CLIENT_CLOSED { code } else { (code / 100).clamp(1, 5) })
    }

    /// The code or the first of its class; 0 if no answer was begun.
    pub(crate) fn code(self) -> u16 {
        if self.0 < 10 { self.0 * 100 } else { self.0 }
    }

    pub(crate) fn text(self) -> String {
        match self.0 {
            0 => String::new(),
            class @ 1..=5 => format!("{class}xx"),
            code => code.to_string(),
        }
    }
}

/// The version of HTTP as label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ProtocolLabel(u8);

impl ProtocolLabel {
    const WORDS: [&str; 5] = ["1.0", "1.1", "2", "3", "_OTHER"];

    pub(crate) fn of(version: &str) -> Self {
        let known = Self::WORDS.iter().position(|word| *word == version).unwrap_or(Self::WORDS.len() - 1);
        Self(known as u8)
    }

    pub(crate) fn as_str(self) -> &'static str {
        Self::WORDS[usize::from(self.0)]
    }
}

/// An outcome as label value and sortable key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OutcomeLabel(u8);

impl OutcomeLabel {
    pub(crate) fn of(outcome: gw_core::Outcome) -> Self {
        Self(outcome as u8)
    }

    /// The outcome itself.
    pub(crate) fn outcome(self) -> gw_core::Outcome {
        gw_core::Outcome::ALL.get(usize::from(self.0)).copied().unwrap_or(gw_core::Outcome::Internal)
    }

    /// The word as `error_type`: empty when there was no error.
    pub(crate) fn error_type(self) -> &'static str {
        match gw_core::Outcome::ALL.get(usize::from(self.0)) {
            None | Some(gw_core::Outcome::Ok) => "",
            Some(outcome) => outcome.as_str(),
        }
    }
}
