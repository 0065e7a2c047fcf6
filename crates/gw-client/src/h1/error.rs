//! Why an exchange over HTTP/1.1 failed, and whose fault that is.

use std::io;

use gw_core::Outcome;
use gw_h1::ProtocolError;

/// Why an exchange failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The connection ended before a byte of an answer.
    #[error("the upstream closed the connection without an answer")]
    Silent(#[source] Option<io::Error>),
    /// The connection ended within the answer.
    #[error("the upstream closed the connection within its answer")]
    Cut(#[source] Option<io::Error>),
    /// The answer breaks the protocol.
    #[error("the upstream's answer is malformed")]
    Malformed(#[from] ProtocolError),
    /// The request's body failed; whose fault that is it says itself.
    #[error("the request's body failed")]
    Upload(#[source] gw_core::Error),
}

/// What the error says of the upstream.
pub(crate) fn outcome(error: &Error) -> Outcome {
    match error {
        Error::Malformed(_) => Outcome::UpstreamMalformed,
        Error::Silent(_) | Error::Cut(_) => Outcome::UpstreamReset,
        Error::Upload(error) => error.outcome(),
    }
}

/// Whether the connection just ended, without a word of an answer.
pub(crate) fn is_silent(error: &Error) -> bool {
    matches!(error, Error::Silent(_))
}
