//! A finished span, as workers leave it: cheap to make, put into the collector's form elsewhere.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use gw_core::{Attempt, EndpointInfo, Outcome};
use gw_middleware::Ended;
use http::Method;

use crate::ids::SpanId;
use crate::trace::Trace;

/// What a client wrote is cut to this length, bytes: it bounds the queue in memory.
const LONGEST: usize = 1024;

/// A finished span.
pub(crate) struct Span {
    pub(crate) trace: Arc<Trace>,
    pub(crate) started: SystemTime,
    pub(crate) ended: SystemTime,
    pub(crate) of: Of,
}

/// What it is about.
pub(crate) enum Of {
    Request(Box<Asked>, Answered),
    Attempt(Attempted),
}

/// A request as it came.
pub(crate) struct Asked {
    /// The caller's span.
    pub(crate) parent: Option<SpanId>,
    pub(crate) method: Method,
    pub(crate) path: Box<str>,
    pub(crate) scheme: &'static str,
    pub(crate) host: Option<Box<str>>,
    pub(crate) user_agent: Option<Box<str>>,
    pub(crate) client: IpAddr,
    pub(crate) endpoint: Arc<EndpointInfo>,
}

/// How it ended.
pub(crate) struct Answered {
    pub(crate) status: Option<u16>,
    pub(crate) outcome: Outcome,
    pub(crate) protocol: &'static str,
}

impl From<&Ended> for Answered {
    fn from(ended: &Ended) -> Self {
        Self { status: ended.status, outcome: ended.outcome, protocol: ended.protocol }
    }
}

/// One attempt at an upstream.
pub(crate) struct Attempted {
    pub(crate) id: SpanId,
    pub(crate) method: Method,
    /// Which one it was, from 1.
    pub(crate) number: u32,
    pub(crate) status: Option<u16>,
    pub(crate) outcome: Outcome,
    /// What the client notes of it; none if it got no node.
    pub(crate) noted: Option<Attempt>,
}

/// A client's text, as much of it as is kept.
pub(crate) fn cut(text: &str) -> Box<str> {
    text[..text.floor_char_boundary(LONGEST)].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(&*cut("short"), "short");
        assert_eq!(cut(&"é".repeat(1000)).len(), LONGEST);
        assert_eq!(cut(&format!("a{}", "é".repeat(1000))).len(), LONGEST - 1);
    }
}
