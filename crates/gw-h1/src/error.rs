//! What is wrong with what a peer sent.

use http::StatusCode;

/// Why bytes are no message. The connection that they came on is done: where the next message would begin is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// Against the grammar, or of more than one meaning.
    #[error("{0}")]
    Malformed(&'static str),
    /// A version of HTTP other than 1.0 and 1.1.
    #[error("a version other than HTTP/1.0 and HTTP/1.1")]
    Version,
    /// A transfer coding that exists, other than chunked.
    #[error("Transfer-Encoding other than chunked")]
    Coding,
    /// The target, or the line it stands in, is longer than the limit.
    #[error("the target has too many bytes")]
    TargetTooLong,
    /// The head is longer than the limit.
    #[error("the head has too many bytes")]
    HeadTooLarge,
    /// The head has more fields than the limit.
    #[error("too many fields")]
    TooManyFields,
    /// Trailers longer or more than the limit.
    #[error("the trailers have too many bytes or fields")]
    TrailersTooLarge,
}

impl ProtocolError {
    /// The status that a server answers a request with that has this error.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Malformed(_) | Self::TrailersTooLarge => StatusCode::BAD_REQUEST,
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::Coding => StatusCode::NOT_IMPLEMENTED,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadTooLarge | Self::TooManyFields => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        }
    }
}
