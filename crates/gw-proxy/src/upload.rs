//! The request body on its way up: counted, and its own failures noted as the client's, whatever the upstream says.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use gw_core::{Body, Clock, Error, RequestContext};
use http_body::{Body as HttpBody, Frame, SizeHint};

/// Wraps the body of a request whose context is `cx`. An empty body stays as it is.
pub(crate) fn track(body: &mut Body, cx: &Arc<RequestContext>, clock: &Clock) {
    if body.is_end_stream() {
        return;
    }
    cx.upload.begin();
    let untracked = std::mem::take(body);
    *body = Body::stream(Tracked { body: untracked, cx: Arc::clone(cx), clock: clock.clone() });
}

struct Tracked {
    body: Body,
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
        self.cx.upload.set_waits(polled.is_pending());
        let Poll::Ready(frame) = polled else { return Poll::Pending };
        match &frame {
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                self.cx.upload.note(bytes, self.clock.now());
                if self.body.is_end_stream() || frame.is_trailers() {
                    self.cx.upload.end();
                }
            }
            Some(Err(error)) => self.cx.note_body_fault(error.outcome()),
            None => self.cx.upload.end(),
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
