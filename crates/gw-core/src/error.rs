//! Why there is no answer: one struct with its outcome, how far the request had got, and the cause.

use std::borrow::Cow;

use http::StatusCode;

use crate::{BoxError, Outcome};

/// The result of anything on the request path.
pub type Result<T> = std::result::Result<T, Error>;

/// How far a request had got when it failed: decides whether a non-idempotent one may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// No byte of the request left for the upstream.
    Unsent,
    /// Some of it may have left.
    MaybeSent,
}

/// A failure on the request path. One pointer wide, since it travels in every `Result`.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    outcome: Outcome,
    progress: Progress,
    detail: Option<Cow<'static, str>>,
    source: Option<BoxError>,
}

impl Error {
    /// A failure of which some of the request may have reached an upstream.
    pub fn new(outcome: Outcome) -> Self {
        Self(Box::new(Inner { outcome, progress: Progress::MaybeSent, detail: None, source: None }))
    }

    /// A failure before any byte was sent upstream: refused, rejected, not connected.
    pub fn unsent(outcome: Outcome) -> Self {
        let mut error = Self::new(outcome);
        error.0.progress = Progress::Unsent;
        error
    }

    /// A middleware's own refusal; the renderer makes the answer.
    pub fn reject(outcome: Outcome) -> Self {
        Self::unsent(outcome)
    }

    /// Adds the cause. It is logged and never shown to clients.
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Adds a sentence that the client may read: no addresses, no secrets.
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// What became of the request.
    pub fn outcome(&self) -> Outcome {
        self.0.outcome
    }

    /// How far the request had got.
    pub fn progress(&self) -> Progress {
        self.0.progress
    }

    /// The sentence for the client, beyond the outcome's title.
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// The status of the answer that the gateway makes of it.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.outcome.facts().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The first gateway error among `error` and its causes, by outcome: a body's error keeps its meaning on its
    /// way through a library's own error type.
    pub fn find(error: &(dyn std::error::Error + 'static)) -> Option<Outcome> {
        let mut causes = std::iter::successors(Some(error), |error| error.source());
        causes.find_map(|error| error.downcast_ref::<Self>()).map(Self::outcome)
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.outcome.as_str())?;
        self.0.detail.as_ref().map_or(Ok(()), |detail| write!(f, ": {detail}"))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// What is left of an [`Error`] once it has been rendered: found in the extensions of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What became of the request.
    pub outcome: Outcome,
    /// How far it had got.
    pub progress: Progress,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self { outcome: error.outcome(), progress: error.progress() }
    }
}
