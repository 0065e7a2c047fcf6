//! What the decoder finds wrong, and the codes it says it by.

use crate::Span;

/// A complaint about a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its code, `GW0101`; documented on the page of that name.
    pub code: &'static str,
    /// Whether the document can be used all the same.
    pub severity: Severity,
    /// One sentence without a full stop.
    pub message: String,
    /// The place: an unknown key's own, a missing key's table, else the offending value's.
    pub span: Span,
    /// The path of the offending or missing key, as the document spells it: `endpoints[3].retry.attempts`. Empty
    /// for the document itself.
    pub path: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// How bad a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The document can be used; what the fault is about is ignored.
    Warning,
    /// The document must not be used.
    Error,
}

impl Fault {
    /// Whether the document must not be used.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

pub(crate) const UNKNOWN_KEY: &str = "GW0101";
pub(crate) const WRONG_TYPE: &str = "GW0102";
pub(crate) const MISSING_KEY: &str = "GW0103";
pub(crate) const UNKNOWN_NAME: &str = "GW0104";
pub(crate) const BAD_DURATION: &str = "GW0105";
pub(crate) const OUT_OF_RANGE: &str = "GW0106";
pub(crate) const GIVEN_TWICE: &str = "GW0107";
pub(crate) const INVALID: &str = "GW0108";

/// Every code of the decoder with its title.
pub const CODES: &[(&str, &str)] = &[
    (UNKNOWN_KEY, "unknown key"),
    (WRONG_TYPE, "wrong type"),
    (MISSING_KEY, "missing key"),
    (UNKNOWN_NAME, "unknown name"),
    (BAD_DURATION, "bad duration"),
    (OUT_OF_RANGE, "number out of range"),
    (GIVEN_TWICE, "key given twice"),
    (INVALID, "invalid value"),
];

#[cfg(test)]
mod tests {
    use super::CODES;

    #[test]
    fn codes_are_ours_and_in_order() {
        for (index, (code, title)) in CODES.iter().enumerate() {
            assert_eq!(*code, format!("GW01{:02}", index + 1));
            assert!(!title.is_empty());
        }
    }
}
