//! The request body on its way up: counted, and its own failures noted as the client's, whatever the upstream says.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use gw_core::{Body, Clock, Error, RequestContext};
use http_body::{Body as HttpBody, Frame, SizeHint};

/// Wraps the body of a request whose context is `cx`. An empty body stays as it is, and so does one that is there already,
/// of which all counts as sent.
pub(crate) fn track(body: &mut Body, cx: &Arc<RequestContext>, clock: &Clock) {
    if body.is_end_stream() {
        return;
    }
    if let Some(whole) = body.as_chunk() {
        return cx.upload.note(whole.len(), cx.received);
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

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use gw_core::{AnswerForm, EndpointInfo};
    use http_body_util::BodyExt as _;

    use super::*;

    fn context() -> Arc<RequestContext> {
        Arc::new(crate::testing::context(EndpointInfo::default(), AnswerForm::Text, Instant::now()))
    }

    #[test]
    fn a_body_that_is_there_counts_at_once_and_stays_as_it_is() {
        let (cx, clock) = (context(), Clock::system());
        let mut body = Body::from("abcd");
        track(&mut body, &cx, &clock);
        assert_eq!((cx.upload.bytes(), cx.upload.has_ended(), cx.upload.last()), (4, true, cx.received));
        assert_eq!(body.as_chunk().map(|chunk| &chunk[..]), Some(&b"abcd"[..]));
    }

    #[tokio::test]
    async fn a_stream_counts_as_it_passes() {
        let (cx, clock) = (context(), Clock::system());
        let begun = Instant::now();
        let mut body = Body::stream(http_body_util::Full::from("abcd").map_err(|never| match never {}));
        track(&mut body, &cx, &clock);
        assert_eq!((cx.upload.bytes(), cx.upload.has_ended()), (0, false));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "abcd");
        assert_eq!((cx.upload.bytes(), cx.upload.has_ended()), (4, true));
        assert!(cx.upload.last() >= begun);
    }
}
