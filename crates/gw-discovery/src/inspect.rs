//! What a source shows of itself: plain data, without secrets.

use std::time::Duration;

/// How it stands with one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceStatus {
    /// The service, as it was asked for.
    pub service: String,
    /// Who was asked last, as a base URL; empty if nobody yet.
    pub asked: String,
    /// The source's index of the last good answer; 0 if there is none.
    pub index: u64,
    /// How long ago the last good answer came; `None`: there was none yet. A held question makes it grow up to the
    /// time that it is held.
    pub last_success: Option<Duration>,
    /// What went wrong last, unless something has succeeded since.
    pub last_error: Option<String>,
    /// How many entries of answers were left out because they make no sense, all answers together.
    pub skipped: u64,
    /// How many requests have been sent.
    pub requests: u64,
}
