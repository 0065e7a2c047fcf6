//! What one worker holds of a node's connections. Bookkeeping only: it neither waits nor wakes.
//!
//! `open` counts every connection of the worker: being opened, in use, idle, multiplexed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gw_core::{Body, Outcome};
use hyper::client::conn::http2;
use tokio::sync::oneshot;

use super::{Grant, Limits, Want};
use crate::h1;
use crate::inspect::WorkerState;
use crate::stream_limit::StreamLimit;

/// How long an idle connection that the upstream closed may stay: nobody is woken by its end.
const LOOK: Duration = Duration::from_secs(1);

/// An HTTP/1.1 connection.
pub(super) struct H1 {
    pub(super) id: u64,
    pub(super) conn: Box<h1::Conn>,
}

struct Idle {
    h1: H1,
    until: Instant,
}

/// An HTTP/2 connection.
struct H2 {
    id: u64,
    sender: http2::SendRequest<Body>,
    streams: usize,
    /// How many the peer allows at once.
    most: Arc<StreamLimit>,
    /// When it is closed, while it has no streams.
    until: Instant,
}

/// A request in line.
pub(super) struct Waiter {
    pub(super) want: Want,
    pub(super) limits: Limits,
    pub(super) tell: oneshot::Sender<Result<Grant, Outcome>>,
}

/// What a request takes.
pub(super) enum Taken {
    H1(H1),
    H2 { id: u64, sender: http2::SendRequest<Body> },
    Open { want: Want },
}

#[derive(Default)]
pub(super) struct Shard {
    open: usize,
    /// Those among `open` that are being opened and may become multiplexed.
    opening: usize,
    /// The last one is used first: the others may then idle out.
    idle: Vec<Idle>,
    h2: Vec<H2>,
    waiting: VecDeque<Waiter>,
    sweeping: bool,
}

impl Shard {
    /// Whether nobody is in line.
    pub(super) fn is_unclaimed(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether one more may wait.
    pub(super) fn has_room(&mut self, pending: usize) -> bool {
        if self.waiting.len() >= pending {
            self.waiting.retain(|waiter| !waiter.tell.is_closed());
        }
        self.waiting.len() < pending
    }

    pub(super) fn wait(&mut self, waiter: Waiter) {
        self.waiting.push_back(waiter);
    }

    /// Takes what serves `want` now, if anything does.
    pub(super) fn take(
        &mut self,
        want: Want,
        limits: Limits,
        now: Instant,
        multiplexed: bool,
    ) -> Option<Taken> {
        if want == Want::Any
            && let Some(taken) = self.take_idle(now).or_else(|| self.take_stream())
        {
            return Some(taken);
        }
        // One at a time: the others will find room on it.
        if want == Want::Any && multiplexed && self.opening > 0 {
            return None;
        }
        if self.open < limits.connections {
            self.open += 1;
        } else if !self.give_way() {
            return None;
        }
        self.opening += usize::from(want != Want::Upgrade);
        Some(Taken::Open { want })
    }

    /// Closes a connection that nobody uses, so that a new one has its place. The oldest is the likeliest to be dead.
    fn give_way(&mut self) -> bool {
        if !self.idle.is_empty() {
            self.idle.remove(0).h1.conn.close();
            return true;
        }
        let unused = self.h2.iter().position(|h2| h2.streams == 0);
        unused.map(|at| self.h2.remove(at)).is_some()
    }

    fn take_idle(&mut self, now: Instant) -> Option<Taken> {
        while let Some(mut idle) = self.idle.pop() {
            if idle.until > now && idle.h1.conn.is_ready() {
                return Some(Taken::H1(idle.h1));
            }
            idle.h1.conn.close();
            self.open -= 1;
        }
        None
    }

    fn take_stream(&mut self) -> Option<Taken> {
        self.prune_h2(|h2| h2.sender.is_closed());
        let free = self.h2.iter_mut().filter(|h2| h2.streams < h2.most.get());
        let h2 = free.min_by_key(|h2| h2.streams)?;
        h2.streams += 1;
        Some(Taken::H2 { id: h2.id, sender: h2.sender.clone() })
    }

    fn prune_h2(&mut self, gone: impl Fn(&H2) -> bool) {
        let before = self.h2.len();
        self.h2.retain(|h2| !gone(h2));
        self.open -= before - self.h2.len();
    }

    /// Takes for those in line what is free, in their order. Who needs a connection of its own does not hold up those
    /// behind it that a stream will do.
    pub(super) fn take_for_waiting(&mut self, now: Instant, multiplexed: bool) -> Vec<(Waiter, Taken)> {
        let (mut ready, mut passed) = (Vec::new(), Vec::new());
        while let Some(waiter) = self.waiting.pop_front() {
            if waiter.tell.is_closed() {
                continue;
            }
            match self.take(waiter.want, waiter.limits, now, multiplexed) {
                Some(taken) => ready.push((waiter, taken)),
                None if waiter.want == Want::Any => {
                    self.waiting.push_front(waiter);
                    break;
                }
                None => passed.push(waiter),
            }
        }
        for waiter in passed.into_iter().rev() {
            self.waiting.push_front(waiter);
        }
        ready
    }

    /// Ends an opening; its connection stays counted if it was opened.
    pub(super) fn end_opening(&mut self, want: Want, opened: bool) {
        self.opening -= usize::from(want != Want::Upgrade);
        self.open -= usize::from(!opened);
    }

    /// Uncounts a connection that was in use.
    pub(super) fn close(&mut self) {
        self.open -= 1;
    }

    /// Those who wait though no connection is left that could come free.
    pub(super) fn orphans(&mut self) -> VecDeque<Waiter> {
        if self.open == 0 { std::mem::take(&mut self.waiting) } else { VecDeque::new() }
    }

    /// Takes back an idle connection; true if a sweeper is needed.
    pub(super) fn put_h1(&mut self, h1: H1, until: Instant) -> bool {
        self.idle.push(Idle { h1, until });
        !std::mem::replace(&mut self.sweeping, true)
    }

    /// Adds a connection with its first stream.
    pub(super) fn put_h2(
        &mut self,
        id: u64,
        sender: http2::SendRequest<Body>,
        most: Arc<StreamLimit>,
        until: Instant,
    ) {
        self.h2.push(H2 { id, sender, streams: 1, most, until });
    }

    /// Ends a stream; true if a sweeper is needed.
    pub(super) fn end_stream(&mut self, id: u64, until: Instant) -> bool {
        let Some(h2) = self.h2.iter_mut().find(|h2| h2.id == id) else {
            return false;
        };
        h2.streams -= 1;
        h2.until = until;
        h2.streams == 0 && !std::mem::replace(&mut self.sweeping, true)
    }

    /// Forgets a connection that has ended; true if it was here.
    pub(super) fn forget(&mut self, id: u64) -> bool {
        let before = self.open;
        let idle = self.idle.len();
        self.idle.retain(|idle| idle.h1.id != id);
        self.open -= idle - self.idle.len();
        self.prune_h2(|h2| h2.id == id);
        self.open < before
    }

    /// Drops what has idled too long or was closed, and says when to look again; `None` ends the sweeping.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Instant> {
        for ended in self.idle.extract_if(.., |idle| idle.until <= now || !idle.h1.conn.is_ready()) {
            self.open -= 1;
            ended.h1.conn.close();
        }
        self.prune_h2(|h2| h2.sender.is_closed() || h2.streams == 0 && h2.until <= now);
        let h1 = self.idle.iter().map(|idle| idle.until.min(now + LOOK));
        let h2 = self.h2.iter().filter(|h2| h2.streams == 0).map(|h2| h2.until);
        let next = h1.chain(h2).min();
        self.sweeping = next.is_some();
        next
    }

    pub(super) fn inspect(&self) -> WorkerState {
        WorkerState {
            open: self.open,
            idle: self.idle.len() + self.h2.iter().filter(|h2| h2.streams == 0).count(),
            streams: self.h2.iter().map(|h2| h2.streams).sum(),
            waiting: self.waiting.len(),
        }
    }
}
