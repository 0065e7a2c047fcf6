//! One stream that waits for its client: for the next bytes of a request body, or for room for an answer.
//!
//! A stall is made at the first wait, so that messages that never wait cost nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use gw_core::Body;
use parking_lot::Mutex;

use crate::rate::Rate;
use crate::ticks::{Stamp, Ticks};
use crate::watch::{Verdict, Watch};

/// Watches one stream.
pub(crate) struct Stall {
    watch: Arc<Watch>,
    timeout: Duration,
    since: AtomicU64,
    /// None where the stream may be as slow as it likes.
    rate: Option<Rate>,
    cut: AtomicBool,
    waker: AtomicWaker,
    /// The answer's body, when the wait is for room: taken when the client is given up, so that the upstream is
    /// released though nobody polls.
    answer: Mutex<Option<Body>>,
}

impl Stall {
    /// For a request body.
    pub(crate) fn reading(watch: Arc<Watch>) -> Self {
        let timeout = watch.limits.read_timeout;
        Self::new(watch, timeout, true, None)
    }

    /// For an answer; `paced` if the client has to take it at the least rate.
    pub(crate) fn writing(watch: Arc<Watch>, answer: Body, paced: bool) -> Self {
        let timeout = watch.limits.write_timeout;
        Self::new(watch, timeout, paced, Some(answer))
    }

    fn new(watch: Arc<Watch>, timeout: Duration, paced: bool, answer: Option<Body>) -> Self {
        Self {
            rate: paced.then(|| Rate::of(&watch.limits)),
            watch,
            timeout,
            since: AtomicU64::new(0),
            cut: AtomicBool::new(false),
            waker: AtomicWaker::new(),
            answer: Mutex::new(answer),
        }
    }

    fn ticks(&self) -> &Ticks {
        &self.watch.ticks
    }

    /// The client is waited for from now on, if it was not already.
    pub(crate) fn start(&self) {
        if self.since.load(Ordering::Relaxed) == 0 {
            self.since.store(self.ticks().now(), Ordering::Relaxed);
        }
    }

    /// The client moved.
    pub(crate) fn stop(&self) {
        self.since.store(0, Ordering::Relaxed);
    }

    /// It moved so many bytes.
    pub(crate) fn add(&self, bytes: usize) {
        if let Some(rate) = &self.rate {
            rate.add(bytes);
        }
    }

    /// Whether the client was given up.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }

    /// Wakes `waker` when the client is given up.
    pub(crate) fn register(&self, waker: &std::task::Waker) {
        self.waker.register(waker);
    }

    /// Runs `with` on the answer's body; none once the client was given up.
    pub(crate) fn with_answer<R>(&self, with: impl FnOnce(&mut Body) -> R) -> Option<R> {
        self.answer.lock().as_mut().map(with)
    }

    /// Gives the client up when it is due. A client that does not even take the reset of the stream within
    /// another timeout loses the connection.
    pub(crate) fn sweep(&self, now: Stamp) {
        let since = self.since.load(Ordering::Relaxed);
        let late = self.ticks().expired(since, self.timeout, now);
        let slow = self.rate.as_ref().is_some_and(|rate| rate.sweep(since != 0, now)) && !self.is_cut();
        if !late && !slow {
            return;
        }
        if self.cut.swap(true, Ordering::Relaxed) {
            self.watch.sentence(Verdict::Abort);
            return;
        }
        self.since.store(now, Ordering::Relaxed);
        let answer = self.answer.lock().take();
        drop(answer);
        self.waker.wake();
    }
}
