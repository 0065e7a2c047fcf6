//! What the rest of the crate sees of a protocol: the body of an answer, and why an exchange failed.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::h1;

/// The body of an answer. Over HTTP/1.1 it has the connection with it.
pub(crate) enum Incoming {
    H1(h1::Incoming),
    H2(hyper::body::Incoming),
}

/// An exchange that failed, as the protocol tells it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransportError {
    #[error(transparent)]
    H1(h1::Error),
    #[error(transparent)]
    H2(hyper::Error),
    /// The lease has sent its one request.
    #[error("the connection was given away")]
    Spent,
}

/// A request that got no answer.
pub(crate) struct Failed {
    pub(crate) error: TransportError,
    /// No byte of the request left, and it is as it was.
    pub(crate) unsent: bool,
}

impl Incoming {
    /// The whole body, if it has come with its head.
    pub(crate) fn take_whole(&mut self) -> Option<Bytes> {
        match self {
            Self::H1(incoming) => incoming.take_whole(),
            Self::H2(_) => None,
        }
    }

    /// The connection, if it may serve again; to be asked when the body has ended.
    pub(crate) fn take_idle(&mut self) -> Option<Box<h1::Conn>> {
        match self {
            Self::H1(incoming) => incoming.take_idle(),
            Self::H2(_) => None,
        }
    }
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        match &mut *self {
            Self::H1(incoming) => Pin::new(incoming).poll_frame(cx).map_err(TransportError::H1),
            Self::H2(incoming) => Pin::new(incoming).poll_frame(cx).map_err(TransportError::H2),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::H1(incoming) => incoming.is_end_stream(),
            Self::H2(incoming) => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::H1(incoming) => incoming.size_hint(),
            Self::H2(incoming) => incoming.size_hint(),
        }
    }
}
