//! The record of one connection: what it is doing and since when, and the verdict of the sweeper or of a drain.
//!
//! The connection's own task writes the stamps; the sweeper and the drain write verdicts, which only ever grow,
//! and wake the task. Nothing here locks.

mod judge;
mod phase;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::task::Context;
use std::time::Duration;

use futures_util::task::AtomicWaker;

use crate::Limits;
use crate::listener::Listener;
use crate::rate::Rate;
use crate::ticks::{Stamp, Ticks};

pub(crate) use phase::{Phase, Verdict};

/// The record of one connection.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) listener: Arc<Listener>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) ticks: Arc<Ticks>,
    pub(crate) peer: SocketAddr,
    /// When it was accepted.
    pub(crate) accepted: Stamp,
    /// How old it may get.
    age: Option<Duration>,
    phase: AtomicU8,
    since: AtomicU64,
    /// When the sweeper saw first that the listener drains; zero before.
    draining_since: AtomicU64,
    write_since: AtomicU64,
    /// What an HTTP/1 client takes of its answers, or sends instead. With HTTP/2, each stream has its own.
    taking: Rate,
    /// The answer may be taken as slowly as the client likes.
    unpaced: AtomicBool,
    exchanges: AtomicU32,
    bodies: AtomicU32,
    requests: AtomicU64,
    verdict: AtomicU8,
    h2: AtomicBool,
    /// Bytes of the first head have come.
    bytes_seen: AtomicBool,
    /// Bytes of the next head have come while a request was served (pipelining).
    read_ahead: AtomicBool,
    /// What the client sends, its end included, wakes the task.
    listening: AtomicBool,
    /// The task is to find out whether the client has gone.
    look: AtomicBool,
    /// Nothing lies unread in the socket.
    quiet: AtomicBool,
    /// It was told to end: what is idle from now on is closing.
    ending: AtomicBool,
    /// The client may still be sending a body that nobody reads.
    unread: AtomicBool,
    /// The body broke a rule that hyper does not have: what follows it is not to be read as a request.
    broken: AtomicBool,
    /// Close with RST: the answer was cut, and its end would look complete otherwise.
    reset: AtomicBool,
    waker: AtomicWaker,
}

impl Watch {
    pub(crate) fn new(
        listener: Arc<Listener>,
        limits: Arc<Limits>,
        ticks: Arc<Ticks>,
        peer: SocketAddr,
    ) -> Self {
        let accepted = ticks.now();
        Self {
            listener,
            age: limits.max_connection_age.map(|age| spread(age, peer)),
            taking: Rate::of(&limits),
            unpaced: AtomicBool::new(false),
            listening: AtomicBool::new(false),
            look: AtomicBool::new(false),
            limits,
            ticks,
            peer,
            accepted,
            phase: AtomicU8::new(Phase::First as u8),
            since: AtomicU64::new(accepted),
            draining_since: AtomicU64::new(0),
            write_since: AtomicU64::new(0),
            exchanges: AtomicU32::new(0),
            bodies: AtomicU32::new(0),
            requests: AtomicU64::new(0),
            verdict: AtomicU8::new(Verdict::None as u8),
            h2: AtomicBool::new(false),
            bytes_seen: AtomicBool::new(false),
            read_ahead: AtomicBool::new(false),
            quiet: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            unread: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            reset: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        }
    }

    // What the connection's own task says.

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
        self.since.store(self.ticks.now(), Ordering::Relaxed);
    }

    /// From here on it speaks HTTP/2, whose heads are not seen by the I/O.
    pub(crate) fn speak_h2(&self) {
        self.h2.store(true, Ordering::Relaxed);
        self.enter(Phase::Idle);
    }

    /// So many bytes came in.
    pub(crate) fn on_read(&self, bytes: usize) {
        if self.is_h2() {
            return;
        }
        match self.phase() {
            Phase::First => self.bytes_seen.store(true, Ordering::Relaxed),
            Phase::Idle => self.enter(Phase::Head),
            Phase::Busy if self.bodies.load(Ordering::Relaxed) == 0 => {
                self.read_ahead.store(true, Ordering::Relaxed);
            }
            Phase::Busy => self.on_upload(bytes),
            _ => {}
        }
    }

    /// So many bytes of a request came. A client may send all of it before it takes its answer: it stands still when it
    /// does neither.
    fn on_upload(&self, bytes: usize) {
        if self.write_since.load(Ordering::Relaxed) != 0 {
            self.write_since.store(self.ticks.now(), Ordering::Relaxed);
            self.taking.add(bytes);
        }
    }

    /// Whether what comes next wakes the task.
    pub(crate) fn set_listening(&self, listening: bool) {
        self.listening.store(listening, Ordering::Relaxed);
    }

    /// The socket took so many bytes.
    pub(crate) fn on_write(&self, bytes: usize) {
        self.taking.add(bytes);
        if self.write_since.load(Ordering::Relaxed) != 0 {
            self.write_since.store(0, Ordering::Relaxed);
        }
    }

    /// The socket takes no more for now.
    pub(crate) fn on_write_blocked(&self) {
        if self.write_since.load(Ordering::Relaxed) == 0 {
            self.write_since.store(self.ticks.now(), Ordering::Relaxed);
        }
    }

    pub(crate) fn begin_exchange(&self) {
        self.exchanges.fetch_add(1, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.read_ahead.store(false, Ordering::Relaxed);
        self.unread.store(false, Ordering::Relaxed);
        self.enter(Phase::Busy);
    }

    pub(crate) fn end_exchange(&self) {
        let left = self.exchanges.fetch_sub(1, Ordering::Relaxed) - 1;
        if left > 0 || self.phase() != Phase::Busy {
            return;
        }
        if self.ending.load(Ordering::Relaxed) {
            self.enter(Phase::Closing);
        } else if cfg!(feature = "hyper-h1") && self.read_ahead.load(Ordering::Relaxed) {
            // gw-h1 says so itself, when it comes to that head.
            self.enter(Phase::Head);
        } else {
            self.enter(Phase::Idle);
        }
    }

    pub(crate) fn begin_body(&self) {
        self.bodies.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn end_body(&self) {
        self.bodies.fetch_sub(1, Ordering::Relaxed);
    }

    /// The connection was told to end when it can.
    pub(crate) fn set_ending(&self) {
        self.ending.store(true, Ordering::Relaxed);
        if self.phase() <= Phase::Idle {
            self.enter(Phase::Closing);
        }
    }

    /// Whether the client has to take the answer at the least rate.
    pub(crate) fn set_paced(&self, paced: bool) {
        self.unpaced.store(!paced, Ordering::Relaxed);
    }

    pub(crate) fn set_quiet(&self, quiet: bool) {
        self.quiet.store(quiet, Ordering::Relaxed);
    }

    pub(crate) fn set_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    pub(crate) fn set_broken(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    pub(crate) fn set_reset(&self) {
        self.reset.store(true, Ordering::Relaxed);
    }

    // What others ask.

    pub(crate) fn phase(&self) -> Phase {
        Phase::ALL[usize::from(self.phase.load(Ordering::Relaxed))]
    }

    pub(crate) fn is_h2(&self) -> bool {
        self.h2.load(Ordering::Relaxed)
    }

    pub(crate) fn bytes_seen(&self) -> bool {
        self.bytes_seen.load(Ordering::Relaxed)
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet.load(Ordering::Relaxed)
    }

    /// Whether the client may still be sending when our half closes.
    pub(crate) fn is_midway(&self) -> bool {
        match self.phase() {
            Phase::Head => true,
            Phase::First => self.bytes_seen(),
            _ => self.has_body() || self.unread.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    pub(crate) fn is_reset(&self) -> bool {
        self.reset.load(Ordering::Relaxed)
    }

    #[cfg(feature = "hyper-h1")]
    pub(crate) fn write_blocked(&self) -> bool {
        self.write_since.load(Ordering::Relaxed) != 0
    }

    pub(crate) fn has_body(&self) -> bool {
        self.bodies.load(Ordering::Relaxed) != 0
    }

    /// Requests that are served now.
    pub(crate) fn exchanges(&self) -> usize {
        usize::try_from(self.exchanges.load(Ordering::Relaxed)).unwrap_or(usize::MAX)
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn verdict(&self) -> Verdict {
        Verdict::ALL[usize::from(self.verdict.load(Ordering::Acquire))]
    }

    /// Whether it has reached its age.
    pub(crate) fn is_old(&self) -> bool {
        self.is_old_at(self.ticks.now())
    }

    fn is_old_at(&self, now: Stamp) -> bool {
        self.age.is_some_and(|age| self.ticks.expired(self.accepted, age, now))
    }

    /// Whether the sweeper asked the task to find out if the client has gone; asked once, told once.
    pub(crate) fn take_look(&self) -> bool {
        self.look.load(Ordering::Relaxed) && self.look.swap(false, Ordering::Relaxed)
    }

    /// Has the task find out whether the client has gone, if it serves a request since more than a tick and would not
    /// notice: nothing is read behind a pipelined request, nor while nobody asks for the rest of a body.
    pub(crate) fn look_if_deaf(&self, now: Stamp) {
        let busy = self.phase() == Phase::Busy && !self.is_h2();
        if !busy || self.listening.load(Ordering::Relaxed) {
            return;
        }
        if self.ticks.expired(self.since.load(Ordering::Relaxed), Duration::ZERO, now) {
            self.look.store(true, Ordering::Relaxed);
            self.waker.wake();
        }
    }

    /// Whether the connection is to end as soon as that loses no request.
    pub(crate) fn should_end(&self) -> bool {
        self.listener.is_draining() || self.verdict() == Verdict::Close
    }

    /// Wakes the task of `cx` at the next verdict or when the listener drains.
    pub(crate) fn register(&self, cx: &Context<'_>) {
        self.waker.register(cx.waker());
    }

    /// Waits for a verdict of at least `least`.
    pub(crate) async fn sentenced(&self, least: Verdict) -> Verdict {
        std::future::poll_fn(|cx| {
            self.register(cx);
            match self.verdict() {
                verdict if verdict >= least => std::task::Poll::Ready(verdict),
                _ => std::task::Poll::Pending,
            }
        })
        .await
    }

    /// Passes a verdict, unless a harder one stands.
    pub(crate) fn sentence(&self, verdict: Verdict) {
        self.verdict.fetch_max(verdict as u8, Ordering::AcqRel);
        self.waker.wake();
    }

    /// Takes a verdict back whose reason was gone when it was heard: it would hide all later ones but the hardest.
    #[cfg(not(feature = "hyper-h1"))]
    pub(crate) fn pardon(&self, verdict: Verdict) {
        let (from, to) = (verdict as u8, Verdict::None as u8);
        // If a harder one stands meanwhile, that one holds.
        let _ = self.verdict.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Has the task look at its verdict and at its listener.
    pub(crate) fn nudge(&self) {
        self.waker.wake();
    }
}

/// Nine to eleven tenths of `age`: connections that came together do not go together. A client has a port of its own for
/// each of its connections, which is as good as chance.
fn spread(age: Duration, peer: SocketAddr) -> Duration {
    let mut hasher = DefaultHasher::new();
    peer.hash(&mut hasher);
    let steps = u32::try_from(hasher.finish() % 2_001).unwrap_or_default();
    age / 10 * 9 + age / 10_000 * steps
}

#[cfg(test)]
mod tests;
