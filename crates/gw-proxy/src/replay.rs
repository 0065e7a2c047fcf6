//! A request body that can be sent again: what has been read of it is kept, up to a limit of its own and of the process.
//!
//! Beyond either limit the body streams on and the attempt at hand is the last one.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use gw_core::{Body, Error, Outcome};
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use parking_lot::Mutex;

/// What one body may keep: 64 KiB.
pub(crate) const LIMIT: usize = 64 << 10;
/// What a kept chunk costs beside its bytes: many small ones must not cost more than they count.
const CHUNK_COST: usize = 64;
/// What all bodies together may keep: 64 MiB.
pub(crate) const BUDGET: usize = 64 << 20;

/// The bytes that bodies may still keep, process-wide.
#[derive(Debug)]
pub(crate) struct Budget {
    left: AtomicUsize,
}

impl Budget {
    /// A budget of `bytes`.
    pub(crate) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(bytes) })
    }

    fn take(&self, bytes: usize) -> bool {
        self.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.left.fetch_add(bytes, Relaxed);
    }
}

/// Hands out the same body once per attempt.
pub(crate) enum Replay {
    /// Nothing to keep.
    Empty,
    /// A body that is read once and kept.
    Kept(Arc<Mutex<Kept>>),
}

/// What has been read, and where the rest comes from.
pub(crate) struct Kept {
    rest: Body,
    hint: SizeHint,
    chunks: Vec<Bytes>,
    bytes: usize,
    trailers: Option<HeaderMap>,
    ended: bool,
    /// A limit was hit: what had been kept is gone, and no further attempt is possible.
    overflown: bool,
    /// The attempt that may read. An older one may still be held by its dying connection.
    attempt: usize,
    /// The next kept chunk that it sends.
    position: usize,
    /// No further attempt will come.
    settled: bool,
    limit: usize,
    budget: Arc<Budget>,
}

impl Replay {
    /// Takes the body of a request.
    pub(crate) fn new(body: Body, limit: usize, budget: &Arc<Budget>) -> Self {
        if body.is_end_stream() {
            return Self::Empty;
        }
        Self::Kept(Arc::new(Mutex::new(Kept {
            hint: body.size_hint(),
            rest: body,
            chunks: Vec::new(),
            bytes: 0,
            trailers: None,
            ended: false,
            overflown: false,
            attempt: 0,
            position: 0,
            settled: false,
            limit,
            budget: Arc::clone(budget),
        })))
    }

    /// The body for the next attempt; bodies handed out before it are dead.
    pub(crate) fn body(&self) -> Body {
        match self {
            Self::Empty => Body::empty(),
            Self::Kept(kept) => {
                let attempt = {
                    let mut kept = kept.lock();
                    kept.attempt += 1;
                    kept.position = 0;
                    kept.attempt
                };
                Body::stream(Reader { kept: Arc::clone(kept), attempt, done: false })
            }
        }
    }

    /// Whether another attempt would send the same bytes.
    pub(crate) fn is_complete(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Kept(kept) => !kept.lock().overflown,
        }
    }
}

impl Drop for Replay {
    /// The answer has been chosen: what was kept for another attempt need not be kept on, however long the upload is.
    fn drop(&mut self) {
        if let Self::Kept(kept) = self {
            let mut kept = kept.lock();
            kept.settled = true;
            kept.forget_sent();
        }
    }
}

impl Kept {
    fn keep(&mut self, chunk: &Bytes) {
        if self.overflown {
            return;
        }
        let cost = chunk.len() + CHUNK_COST;
        if !self.settled && self.bytes + cost <= self.limit && self.budget.take(cost) {
            self.bytes += cost;
            self.chunks.push(chunk.clone());
            self.position = self.chunks.len();
        } else {
            self.overflown = true;
            self.forget();
        }
    }

    /// Forgets what is kept once all of it has been sent and none of it will be sent again.
    fn forget_sent(&mut self) {
        if self.settled && self.position >= self.chunks.len() {
            self.overflown = true;
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.chunks = Vec::new();
        self.position = 0;
        self.budget.give_back(std::mem::take(&mut self.bytes));
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let frame = ready!(Pin::new(&mut self.rest).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(chunk) = frame.data_ref() {
                    self.keep(chunk);
                } else if let Some(trailers) = frame.trailers_ref() {
                    self.trailers = Some(trailers.clone());
                    self.ended = true;
                }
            }
            // A body that failed cannot be sent whole by anyone.
            Some(Err(_)) => {
                self.overflown = true;
                self.ended = true;
            }
            None => self.ended = true,
        }
        Poll::Ready(frame)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.forget();
    }
}

/// One attempt's view of the body.
struct Reader {
    kept: Arc<Mutex<Kept>>,
    attempt: usize,
    done: bool,
}

impl HttpBody for Reader {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        let mut kept = this.kept.lock();
        if kept.attempt != this.attempt {
            return Poll::Ready(Some(Err(Error::new(Outcome::Discarded))));
        }
        if this.done {
            return Poll::Ready(None);
        }
        if let Some(chunk) = kept.chunks.get(kept.position).cloned() {
            kept.position += 1;
            kept.forget_sent();
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        if kept.ended {
            this.done = true;
            return Poll::Ready(kept.trailers.clone().map(|trailers| Ok(Frame::trailers(trailers))));
        }
        let frame = ready!(kept.poll_rest(cx));
        this.done = !matches!(&frame, Some(Ok(frame)) if frame.is_data());
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        let kept = self.kept.lock();
        let sent = !kept.overflown && kept.position >= kept.chunks.len() && kept.trailers.is_none();
        self.done || sent && (kept.ended || kept.rest.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.kept.lock().hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt, StreamBody};

    fn body(chunks: &[&'static str]) -> Body {
        let frames: Vec<_> = chunks
            .iter()
            .map(|chunk| Ok::<_, Error>(Frame::data(Bytes::from_static(chunk.as_bytes()))))
            .collect();
        Body::stream(StreamBody::new(futures_util::stream::iter(frames)))
    }

    async fn read(body: Body) -> String {
        String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn every_attempt_sends_the_whole_body_wherever_the_last_one_stopped() {
        let budget = Budget::new(1000);
        let replay = Replay::new(body(&["ab", "cd", "ef"]), 1000, &budget);
        let mut first = replay.body();
        first.frame().await.unwrap().unwrap();
        let second = replay.body();
        assert!(first.frame().await.unwrap().is_err(), "an older attempt reads no more");
        assert_eq!(read(second).await, "abcdef");
        assert_eq!(read(replay.body()).await, "abcdef");
        assert!(replay.is_complete());
        drop((first, replay));
        assert_eq!(budget.left.load(Relaxed), 1000);
    }

    #[tokio::test]
    async fn what_was_kept_is_let_go_of_when_the_answer_has_been_chosen() {
        let budget = Budget::new(1000);
        let replay = Replay::new(body(&["ab", "cd", "ef"]), 1000, &budget);
        let mut first = replay.body();
        first.frame().await.unwrap().unwrap();
        first.frame().await.unwrap().unwrap();
        let mut last = replay.body();
        last.frame().await.unwrap().unwrap();
        drop(replay);
        assert!(budget.left.load(Relaxed) < 1000, "one chunk is yet to be sent again");
        assert_eq!(read(last).await, "cdef");
        assert_eq!(budget.left.load(Relaxed), 1000);
    }

    #[tokio::test]
    async fn beyond_a_limit_the_body_streams_on_and_cannot_be_repeated() {
        for (limit, budget) in [(100, 1000), (1000, 100)] {
            let budget = Budget::new(budget);
            let before = budget.left.load(Relaxed);
            let replay = Replay::new(body(&["ab", "cd", "ef"]), limit, &budget);
            assert_eq!(read(replay.body()).await, "abcdef");
            assert!(!replay.is_complete());
            assert_eq!(budget.left.load(Relaxed), before, "what was kept is given back at once");
        }
    }
}
