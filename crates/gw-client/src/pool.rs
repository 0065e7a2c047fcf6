//! The connections to one node: kept per worker, handed out last in first out, bounded, with a queue.
//!
//! A worker's shard is locked for moments and never across an await. What is inside a shard has no guard; what is
//! outside has one ([`H1Lease`], [`H2Lease`], [`Opening`]), and its drop gives back what it holds and serves the
//! queue. So no path, cancellation included, loses a place.

mod lease;
mod shard;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;
use gw_core::{Clock, Error, Outcome};
use gw_h1::BufferPool;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

pub(crate) use lease::{H1Lease, H2Lease, Lease, Opening};
use shard::{Shard, Taken, Waiter};

use crate::ClusterSpec;
use crate::inspect::WorkerState;
use crate::tasks::Tasks;

/// What a request needs of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// Any that works.
    Any,
    /// A new one: the last, taken from the pool, was dead.
    Fresh,
    /// A new HTTP/1.1 one, never to be pooled: the request asks for an upgrade.
    Upgrade,
}

/// A worker's share of a cluster's limits. They come with each request, so that clusters with different limits can
/// share a pool, and a reload changes them at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections at once, ≥ 1.
    pub(crate) connections: usize,
    /// Requests waiting at once.
    pub(crate) pending: usize,
    /// How long an unused connection is kept.
    pub(crate) idle: Duration,
}

impl Limits {
    /// The share of one of so many workers, of whom there is at least one.
    pub(crate) fn of(spec: &ClusterSpec, workers: usize) -> Self {
        Self {
            connections: (spec.max_connections / workers).max(1),
            pending: spec.max_pending.div_ceil(workers),
            idle: spec.idle_timeout,
        }
    }
}

/// What a request gets.
pub(crate) enum Grant {
    /// A connection, or a stream of one.
    Lease(Lease),
    /// The right to open one.
    Open(Opening),
}

/// The read and write buffers of each worker.
pub(crate) type Buffers = Arc<[Arc<BufferPool>]>;

/// So many idle buffers of 16 KiB a worker keeps.
const BUFFERS: usize = 64;

/// The buffers of `workers` workers, at least one.
pub(crate) fn buffers(workers: usize) -> Buffers {
    (0..workers.max(1)).map(|_| BufferPool::new(BUFFERS)).collect()
}

/// The connections to one node.
pub(crate) struct Pool {
    shards: Box<[CachePadded<Mutex<Shard>>]>,
    /// Whether a connection is expected to carry many requests, so that one is opened at a time.
    multiplexed: AtomicBool,
    ids: AtomicU64,
    /// Of each worker, shared with all other pools.
    buffers: Buffers,
    tasks: Tasks,
    clock: Clock,
    /// Ends the sweepers with the pool.
    closing: CancellationToken,
}

impl Pool {
    /// A pool for as many workers as there are `buffers`.
    pub(crate) fn new(buffers: Buffers, multiplexed: bool, tasks: Tasks, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            shards: buffers.iter().map(|_| CachePadded::default()).collect(),
            multiplexed: AtomicBool::new(multiplexed),
            ids: AtomicU64::new(0),
            buffers,
            tasks,
            clock,
            closing: CancellationToken::new(),
        })
    }

    /// Gets a connection, or the right to open one, `now`; none if that takes a wait in line.
    pub(crate) fn try_checkout(
        self: &Arc<Self>,
        worker: usize,
        want: Want,
        limits: Limits,
        now: Instant,
    ) -> Option<Grant> {
        let worker = worker % self.shards.len();
        let taken = {
            let mut shard = self.shards[worker].lock();
            if !shard.is_unclaimed() {
                return None;
            }
            shard.take(want, limits, now, self.is_multiplexed())?
        };
        Some(self.grant(worker, taken, limits))
    }

    /// Gets a connection, or the right to open one, or waits in line for either.
    ///
    /// # Errors
    /// When the queue is full, or the connection that it waits for cannot be opened.
    ///
    /// # Cancel safety
    /// A dropped future leaves the line; what it was granted goes to the next.
    pub(crate) async fn checkout(
        self: &Arc<Self>,
        worker: usize,
        want: Want,
        limits: Limits,
    ) -> Result<Grant, Error> {
        if let Some(grant) = self.try_checkout(worker, want, limits, self.clock.now()) {
            return Ok(grant);
        }
        let worker = worker % self.shards.len();
        let receiver = {
            let mut shard = self.shards[worker].lock();
            if !shard.has_room(limits.pending) {
                return Err(Error::unsent(Outcome::Overloaded));
            }
            let (tell, receiver) = oneshot::channel();
            shard.wait(Waiter { want, limits, tell });
            receiver
        };
        self.serve(worker);
        match receiver.await {
            Ok(Ok(grant)) => Ok(grant),
            Ok(Err(outcome)) => Err(Error::unsent(outcome)),
            Err(_) => Err(Error::unsent(Outcome::Internal)),
        }
    }

    /// Says what was agreed with the upstream.
    pub(crate) fn set_multiplexed(&self, multiplexed: bool) {
        self.multiplexed.store(multiplexed, Ordering::Relaxed);
    }

    /// Forgets a connection that has ended by itself.
    pub(crate) fn forget(self: &Arc<Self>, worker: usize, id: u64) {
        if self.shards[worker].lock().forget(id) {
            self.serve(worker);
        }
    }

    #[cfg(feature = "hyper-h1")]
    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    pub(crate) fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    pub(crate) fn inspect(&self) -> Vec<WorkerState> {
        self.shards.iter().map(|shard| shard.lock().inspect()).collect()
    }

    fn is_multiplexed(&self) -> bool {
        self.multiplexed.load(Ordering::Relaxed)
    }

    fn grant(self: &Arc<Self>, worker: usize, taken: Taken, limits: Limits) -> Grant {
        let place = lease::Place { pool: Arc::clone(self), worker, idle: limits.idle };
        match taken {
            Taken::H1(h1) => Grant::Lease(Lease::H1(H1Lease::reused(place, h1))),
            Taken::H2 { id, sender } => Grant::Lease(Lease::H2(H2Lease::reused(place, id, sender))),
            Taken::Open { want } => {
                let id = self.ids.fetch_add(1, Ordering::Relaxed);
                Grant::Open(Opening::new(place, id, want))
            }
        }
    }

    /// Gives what is free to those who wait. The grants are handed over outside the lock: one that is refused,
    /// since its request has gone, is dropped and serves the next.
    fn serve(self: &Arc<Self>, worker: usize) {
        let ready = {
            let mut shard = self.shards[worker].lock();
            if shard.is_unclaimed() {
                return;
            }
            shard.take_for_waiting(self.clock.now(), self.is_multiplexed())
        };
        for (waiter, taken) in ready {
            drop(waiter.tell.send(Ok(self.grant(worker, taken, waiter.limits))));
        }
    }

    /// Tells those who wait that nobody is left who could serve them.
    fn refuse_waiting(&self, worker: usize, outcome: Outcome) {
        for waiter in self.shards[worker].lock().orphans() {
            drop(waiter.tell.send(Err(outcome)));
        }
    }

    /// Closes what has idled too long, as long as there is anything idle.
    fn start_sweeper(self: &Arc<Self>, worker: usize) {
        let pool = Arc::downgrade(self);
        let closing = self.closing.clone();
        let sweep = async move {
            loop {
                let pause = {
                    let Some(pool) = pool.upgrade() else { return };
                    let now = pool.clock.now();
                    let next = pool.shards[worker].lock().expire(now);
                    pool.serve(worker);
                    match next {
                        Some(next) => next.saturating_duration_since(now),
                        None => return,
                    }
                };
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = closing.cancelled() => return,
                }
            }
        };
        self.tasks.spawn(sweep);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.closing.cancel();
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("workers", &self.shards.len()).finish_non_exhaustive()
    }
}
