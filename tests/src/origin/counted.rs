//! An answer's body that counts what is taken of it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};

use crate::{Body, BoxError, Record};

/// Counts every byte, and a body that is dropped before its end.
pub(super) struct Counted {
    body: Body,
    record: Arc<Record>,
    ended: bool,
}

impl Counted {
    pub(super) fn new(body: Body, record: &Arc<Record>) -> Self {
        Self { body, record: Arc::clone(record), ended: false }
    }
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                let len = frame.data_ref().map_or(0, Bytes::len) as u64;
                self.record.count(|counts| counts.sent += len);
            }
            Some(Err(_)) | None => self.ended = true,
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

impl Drop for Counted {
    fn drop(&mut self) {
        if !self.ended && !self.body.is_end_stream() {
            self.record.count(|counts| counts.broken += 1);
        }
    }
}
