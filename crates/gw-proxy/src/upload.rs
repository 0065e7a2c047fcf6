//! The request body on its way up: counted, and its own failures noted as the client's, whatever the upstream says.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use gw_core::{Body, Error, RequestContext};
use http_body::{Body as HttpBody, Frame, SizeHint};

/// How far the upload of a request has got.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    bytes: AtomicU64,
}

impl Progress {
    /// Bytes that went up so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }
}

/// Wraps the body of a request whose context is `cx`. An empty body stays as it is.
pub(crate) fn track(body: Body, cx: &Arc<RequestContext>) -> (Body, Arc<Progress>) {
    let progress = Arc::new(Progress::default());
    if body.is_end_stream() {
        return (body, progress);
    }
    let tracked = Tracked { body, progress: Arc::clone(&progress), cx: Arc::clone(cx) };
    (Body::stream(tracked), progress)
}

struct Tracked {
    body: Body,
    progress: Arc<Progress>,
    cx: Arc<RequestContext>,
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                self.progress.bytes.fetch_add(bytes, Relaxed);
            }
            Some(Err(error)) => self.cx.note_body_fault(error.outcome()),
            None => {}
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
