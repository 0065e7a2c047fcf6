//! A worker: one thread, one current-thread runtime, and the connections that were given to it.
//!
//! What others may touch of it stands in [`Worker`]; its locks are taken once per connection and once per tick,
//! never across an await, and are uncontended but for inspection and drain.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use gw_core::Handler;
use gw_telemetry::{Counter, Metrics};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, watch};

use crate::h1::Kit;
use crate::listener::{Listener, Slot};
use crate::stall::Stall;
use crate::tasks::{Kind, Tasks};
use crate::ticks::Ticks;
use crate::watch::Watch;
use crate::{Observer, accept, sweep};

/// Commands that may wait for a worker. Sockets are bounded by the connection limits besides.
const QUEUE: usize = 1024;

/// What a worker is told.
pub(crate) enum Command {
    /// Accept on this socket.
    Listen(Accepting, TcpListener),
    /// Serve this connection, which another worker accepted.
    Serve(Socket<TcpStream>),
}

/// A connection before its first byte; its stream belongs to a runtime, or to none on its way to another worker's.
pub(crate) struct Socket<S> {
    pub(crate) stream: S,
    pub(crate) peer: SocketAddr,
    pub(crate) listener: Arc<Listener>,
    pub(crate) slot: Slot,
}

/// What the workers of a server share.
pub(crate) struct Shared {
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) workers: Vec<Arc<Worker>>,
    /// Told whenever a connection ends.
    pub(crate) ended: Notify,
    /// True ends the workers.
    pub(crate) stop: watch::Sender<bool>,
}

/// One worker, as seen by all.
pub(crate) struct Worker {
    pub(crate) index: usize,
    pub(crate) ticks: Arc<Ticks>,
    /// What its HTTP/1.1 connections share.
    pub(crate) kit: Kit,
    pub(crate) tasks: Tasks,
    pub(crate) commands: mpsc::Sender<Command>,
    /// Told when the tick became shorter.
    pub(crate) retick: Notify,
    /// Counts ticks that came late.
    pub(crate) stalls_seen: Option<Arc<Counter>>,
    load: AtomicUsize,
    next: AtomicU64,
    connections: Mutex<HashMap<u64, Arc<Watch>>>,
    stalls: Mutex<HashMap<u64, Weak<Stall>>>,
}

impl Worker {
    /// A worker with the queue of its commands, which counts in `metrics`. Must be made inside a runtime.
    pub(crate) fn new(index: usize, metrics: Option<&Arc<Metrics>>) -> (Arc<Self>, mpsc::Receiver<Command>) {
        let (commands, queue) = mpsc::channel(QUEUE);
        let worker = Self {
            index,
            ticks: Arc::new(Ticks::new()),
            kit: Kit::new(),
            tasks: Tasks::default(),
            commands,
            retick: Notify::new(),
            stalls_seen: metrics.map(|metrics| metrics.counter(&sweep::WORKER_STALLS, &[&index.to_string()])),
            load: AtomicUsize::new(0),
            next: AtomicU64::new(0),
            connections: Mutex::default(),
            stalls: Mutex::default(),
        };
        (Arc::new(worker), queue)
    }

    /// Connections given to it.
    pub(crate) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    /// The records of its connections.
    pub(crate) fn watches(&self) -> Vec<Arc<Watch>> {
        self.connections.lock().values().cloned().collect()
    }

    /// The streams that wait for their clients; those that have ended are forgotten.
    pub(crate) fn stalls(&self) -> Vec<Arc<Stall>> {
        let mut found = Vec::new();
        self.stalls.lock().retain(|_, stall| stall.upgrade().map(|stall| found.push(stall)).is_some());
        found
    }

    /// Has the sweeper look at `stall` from now on.
    pub(crate) fn add_stall(&self, stall: &Arc<Stall>) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.stalls.lock().insert(id, Arc::downgrade(stall));
    }
}

/// A connection's entry in its worker's table, taken out by its drop. It lives as long as the socket.
pub(crate) struct Registration {
    shared: Arc<Shared>,
    worker: usize,
    id: u64,
    slot: Option<Slot>,
}

impl Registration {
    pub(crate) fn new(shared: &Arc<Shared>, worker: &Worker, watch: &Arc<Watch>, slot: Slot) -> Self {
        let id = worker.next.fetch_add(1, Ordering::Relaxed);
        worker.connections.lock().insert(id, Arc::clone(watch));
        Self { shared: Arc::clone(shared), worker: worker.index, id, slot: Some(slot) }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let worker = &self.shared.workers[self.worker];
        worker.connections.lock().remove(&self.id);
        worker.load.fetch_sub(1, Ordering::Relaxed);
        drop(self.slot.take());
        self.shared.ended.notify_waiters();
    }
}

/// Runs worker `index` until the server stops.
pub(crate) async fn run(shared: Arc<Shared>, index: usize, mut queue: mpsc::Receiver<Command>) {
    let worker = Arc::clone(&shared.workers[index]);
    worker.tasks.spawn(Kind::Sweep, sweep::run(Arc::clone(&worker)));
    let mut stop = shared.stop.subscribe();
    loop {
        let command = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            command = queue.recv() => command,
        };
        match command {
            Some(Command::Listen(accepting, socket)) => accept::spawn(&shared, &worker, accepting, socket),
            Some(Command::Serve(socket)) => accept::take_over(&shared, &worker, socket),
            None => return,
        }
    }
}

/// A socket that accepts for a listener, or is about to; a drain waits for its drop.
pub(crate) struct Accepting {
    shared: Arc<Shared>,
    pub(crate) listener: Arc<Listener>,
}

impl Accepting {
    pub(crate) fn new(shared: &Arc<Shared>, listener: &Arc<Listener>) -> Self {
        listener.sockets.fetch_add(1, Ordering::AcqRel);
        Self { shared: Arc::clone(shared), listener: Arc::clone(listener) }
    }
}

impl Drop for Accepting {
    fn drop(&mut self) {
        self.listener.sockets.fetch_sub(1, Ordering::AcqRel);
        self.shared.ended.notify_waiters();
    }
}

/// Counts a connection for the worker that is to serve it: at once, so that a burst is spread.
pub(crate) fn assign(worker: &Worker) {
    worker.load.fetch_add(1, Ordering::Relaxed);
}

/// Takes back an [`assign`] that came to nothing.
pub(crate) fn unassign(worker: &Worker) {
    worker.load.fetch_sub(1, Ordering::Relaxed);
}
