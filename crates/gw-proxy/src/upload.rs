//! The request body on its way up: counted, and its own failures noted as the client's, whatever the upstream says.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gw_core::{Body, Clock, Error, RequestContext};
use http_body::{Body as HttpBody, Frame, SizeHint};

/// How far the upload of a request has got.
#[derive(Debug)]
pub(crate) struct Progress {
    begin: Instant,
    bytes: AtomicU64,
    /// Nanoseconds from the beginning to the last byte.
    last: AtomicU64,
    ended: AtomicBool,
    waits: AtomicBool,
}

impl Progress {
    /// An upload that begins now.
    pub(crate) fn uploading(begin: Instant) -> Self {
        Self {
            begin,
            bytes: AtomicU64::default(),
            last: AtomicU64::default(),
            ended: AtomicBool::default(),
            waits: AtomicBool::default(),
        }
    }

    /// An upload of nothing, which has ended already.
    pub(crate) fn none(now: Instant) -> Self {
        Self { ended: AtomicBool::new(true), ..Self::uploading(now) }
    }

    /// Bytes that went up so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// When the last byte went up; the beginning, if none did.
    pub(crate) fn last(&self) -> Instant {
        self.begin + Duration::from_nanos(self.last.load(Relaxed))
    }

    /// Whether the client has sent all of it.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Relaxed)
    }

    /// Whether more was asked for and the client has not sent it yet.
    pub(crate) fn waits(&self) -> bool {
        self.waits.load(Relaxed)
    }

    /// Notes bytes that went up.
    pub(crate) fn note(&self, bytes: usize, now: Instant) {
        self.bytes.fetch_add(bytes as u64, Relaxed);
        let since = now.saturating_duration_since(self.begin).as_nanos();
        self.last.store(u64::try_from(since).unwrap_or(u64::MAX), Relaxed);
    }

    /// Notes whether the client is waited for.
    pub(crate) fn set_waits(&self, waits: bool) {
        self.waits.store(waits, Relaxed);
    }

    /// Notes that the client has sent all.
    pub(crate) fn end(&self) {
        self.ended.store(true, Relaxed);
    }
}

/// Wraps the body of a request whose context is `cx`. An empty body stays as it is.
pub(crate) fn track(body: Body, cx: &Arc<RequestContext>, clock: &Clock) -> (Body, Arc<Progress>) {
    if body.is_end_stream() {
        return (body, Arc::new(Progress::none(cx.received)));
    }
    let progress = Arc::new(Progress::uploading(cx.received));
    let tracked = Tracked { body, progress: Arc::clone(&progress), cx: Arc::clone(cx), clock: clock.clone() };
    (Body::stream(tracked), progress)
}

struct Tracked {
    body: Body,
    progress: Arc<Progress>,
    cx: Arc<RequestContext>,
    clock: Clock,
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        self.progress.set_waits(polled.is_pending());
        let Poll::Ready(frame) = polled else { return Poll::Pending };
        match &frame {
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                self.progress.note(bytes, self.clock.now());
                if self.body.is_end_stream() || frame.is_trailers() {
                    self.progress.end();
                }
            }
            Some(Err(error)) => self.cx.note_body_fault(error.outcome()),
            None => self.progress.end(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
