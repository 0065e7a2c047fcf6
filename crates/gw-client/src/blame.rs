//! What a failed connection or exchange means: the one place that reads the errors of hyper, h2, TLS and TCP.

use std::error::Error as StdError;
use std::io::ErrorKind;

use gw_core::{Error, Outcome, RequestContext};

use crate::h1;
use crate::transport::TransportError;

/// A failure to connect over TCP. Nothing was sent.
pub(crate) fn connect(error: std::io::Error) -> Error {
    Error::unsent(connecting(&error)).with_source(error)
}

/// What a failure to connect over TCP means.
pub(crate) fn connecting(error: &std::io::Error) -> Outcome {
    match error.kind() {
        ErrorKind::TimedOut => Outcome::ConnectTimeout,
        // Our own shortage, which says nothing of the node: no file descriptor, no local port, no memory.
        ErrorKind::AddrNotAvailable | ErrorKind::OutOfMemory => Outcome::Overloaded,
        _ if matches!(error.raw_os_error(), Some(EMFILE | ENFILE)) => Outcome::Overloaded,
        _ => Outcome::ConnectRefused,
    }
}

/// Too many open files, in this process and on the machine; the same numbers on Linux and macOS.
const EMFILE: i32 = 24;
const ENFILE: i32 = 23;

/// A failed TLS handshake. Nothing of the request was sent.
pub(crate) fn handshake(error: std::io::Error) -> Error {
    Error::unsent(Outcome::TlsError).with_source(error)
}

/// What a failed exchange means: the client's own fault first, since a broken request body looks like an upstream
/// that hung up.
pub(crate) fn outcome(error: &TransportError, context: &RequestContext) -> Outcome {
    Error::find(error).or_else(|| context.body_fault()).unwrap_or_else(|| match error {
        TransportError::H1(error) => h1::outcome(error),
        TransportError::H2(error) => upstream(error),
        TransportError::Spent => Outcome::Internal,
    })
}

/// What an error of hyper's says of the upstream.
pub(crate) fn upstream(error: &hyper::Error) -> Outcome {
    if error.is_parse() || error.is_parse_status() || error.is_parse_too_large() {
        return Outcome::UpstreamMalformed;
    }
    // hyper's word for a bad chunk size and the like.
    if find::<std::io::Error>(error).is_some_and(|error| error.kind() == ErrorKind::InvalidInput) {
        return Outcome::UpstreamMalformed;
    }
    match find::<h2::Error>(error) {
        // What h2 itself found wrong with the peer's frames, apart from broken I/O.
        Some(h2) if h2.is_library() && !h2.is_io() => Outcome::UpstreamMalformed,
        _ => Outcome::UpstreamReset,
    }
}

/// Whether the upstream said that it has not touched the request: RFC 9113 §8.7 allows to send it again, whatever
/// its method.
pub(crate) fn is_refused(error: &TransportError) -> bool {
    let TransportError::H2(error) = error else { return false };
    find::<h2::Error>(error)
        .is_some_and(|h2| h2.is_remote() && h2.reason() == Some(h2::Reason::REFUSED_STREAM))
}

/// Whether the connection just ended, without a word of an answer.
pub(crate) fn was_silent(error: &TransportError) -> bool {
    match error {
        TransportError::H1(error) => h1::is_silent(error),
        TransportError::H2(error) => is_silent(error),
        TransportError::Spent => false,
    }
}

/// The same, of hyper's errors.
pub(crate) fn is_silent(error: &hyper::Error) -> bool {
    Error::find(error).is_none() && upstream(error) == Outcome::UpstreamReset && !error.is_timeout()
}

/// The first cause of this type.
fn find<E: StdError + 'static>(error: &hyper::Error) -> Option<&E> {
    let mut next: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
