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
    /// A body that is there already.
    Whole(Whole),
    /// A body that is read once and kept.
    Kept(Arc<Mutex<Kept>>),
}

/// A body in one chunk, and its share of the budget.
pub(crate) struct Whole {
    bytes: Bytes,
    budget: Arc<Budget>,
}

impl Whole {
    /// None if it is beyond a limit.
    fn of(body: &Body, limit: usize, budget: &Arc<Budget>) -> Option<Self> {
        let bytes = body.as_chunk()?;
        let cost = cost(bytes);
        (cost <= limit && budget.take(cost))
            .then(|| Self { bytes: bytes.clone(), budget: Arc::clone(budget) })
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        self.budget.give_back(cost(&self.bytes));
    }
}

/// What it costs to keep a chunk.
fn cost(chunk: &Bytes) -> usize {
    chunk.len() + CHUNK_COST
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
        if let Some(whole) = Whole::of(&body, limit, budget) {
            return Self::Whole(whole);
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

    /// The body for the next attempt, unless its beginning is gone; those handed out before it read no more of what is
    /// still to come.
    pub(crate) fn body(&self) -> Option<Body> {
        match self {
            Self::Empty => Some(Body::empty()),
            Self::Whole(whole) => Some(Body::from(whole.bytes.clone())),
            Self::Kept(kept) => {
                let attempt = {
                    let mut kept = kept.lock();
                    if kept.overflown {
                        return None;
                    }
                    kept.attempt += 1;
                    kept.position = 0;
                    kept.attempt
                };
                Some(Body::stream(Reader { kept: Arc::clone(kept), attempt, begun: false, done: false }))
            }
        }
    }

    /// Whether another attempt would send the same bytes.
    pub(crate) fn is_complete(&self) -> bool {
        match self {
            Self::Empty | Self::Whole(_) => true,
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
        let cost = cost(chunk);
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
    /// Something of it was read, so that its length is another one.
    begun: bool,
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
        this.begun = true;
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
        if self.begun { SizeHint::default() } else { self.kept.lock().hint }
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
        let mut first = replay.body().unwrap();
        first.frame().await.unwrap().unwrap();
        let second = replay.body().unwrap();
        assert!(first.frame().await.unwrap().is_err(), "an older attempt reads no more");
        assert_eq!(read(second).await, "abcdef");
        assert_eq!(read(replay.body().unwrap()).await, "abcdef");
        assert!(replay.is_complete());
        drop((first, replay));
        assert_eq!(budget.left.load(Relaxed), 1000);
    }

    #[tokio::test]
    async fn a_body_in_one_chunk_is_sent_again_and_counts_until_the_answer_has_been_chosen() {
        let budget = Budget::new(100);
        let replay = Replay::new(Body::from("abcdef"), 1000, &budget);
        assert_eq!(budget.left.load(Relaxed), 100 - 6 - CHUNK_COST);
        for _ in 0..2 {
            assert_eq!(read(replay.body().unwrap()).await, "abcdef");
        }
        // There is no room for a second one: it is sent once.
        let other = Replay::new(Body::from("ghijkl"), 1000, &budget);
        assert_eq!(read(other.body().unwrap()).await, "ghijkl");
        assert!(replay.is_complete() && !other.is_complete() && other.body().is_none());
        drop((replay, other));
        assert_eq!(budget.left.load(Relaxed), 100);
        assert!(
            matches!(Replay::new(Body::from("abcdef"), 69, &budget), Replay::Kept(_)),
            "beyond its own limit"
        );
    }

    #[tokio::test]
    async fn what_was_kept_is_let_go_of_when_the_answer_has_been_chosen() {
        let budget = Budget::new(1000);
        let replay = Replay::new(body(&["ab", "cd", "ef"]), 1000, &budget);
        let mut first = replay.body().unwrap();
        first.frame().await.unwrap().unwrap();
        first.frame().await.unwrap().unwrap();
        let mut last = replay.body().unwrap();
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
            assert_eq!(read(replay.body().unwrap()).await, "abcdef");
            assert!(!replay.is_complete() && replay.body().is_none());
            assert_eq!(budget.left.load(Relaxed), before, "what was kept is given back at once");
        }
    }
}
