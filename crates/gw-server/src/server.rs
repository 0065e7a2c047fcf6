//! The server as the wiring sees it: start, prepare and commit listeners, look, drain.
//!
//! A reload cannot fail half-way: whatever can fail happens in [`ProxyServer::prepare`], which touches nothing that
//! serves. Dropping the server stops its workers at once, without a drain.

mod end;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gw_core::Handler;
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;

use crate::bind::bind;
use crate::error::{BindError, StartError, WorkerFailed};
use crate::inherit::Inherited;
use crate::inspect::{ConnectionInfo, InFlight, ListenerInfo, TaskCount};
use crate::listener::{Listener, Settings};
use crate::options::{ListenerOptions, ServerOptions};
use crate::watch::{Phase, Verdict, Watch};
use crate::worker::{self, Accepting, Command, Shared, Worker};
use end::End;

/// How long tunnels have to take leave at the end of a drain, and the aborted to vanish.
const LEAVE: Duration = Duration::from_millis(500);

/// Serves HTTP/1.1 and HTTP/2 on any number of listeners with a fixed number of workers.
pub struct ProxyServer {
    shared: Arc<Shared>,
    listeners: Mutex<Listeners>,
    inherited: Inherited,
    /// The first worker that ended unasked.
    failed: watch::Receiver<Option<WorkerFailed>>,
    /// Dropped by each worker's thread at its end.
    ended: Mutex<Option<mpsc::Receiver<()>>>,
}

#[derive(Default)]
struct Listeners {
    serving: Vec<Arc<Listener>>,
    /// Those that drain; they are forgotten once their connections have ended.
    removed: Vec<Arc<Listener>>,
    stopping: bool,
}

/// Listeners that are bound and not yet served. Dropping it closes the new sockets and changes nothing else.
pub struct Prepared(Vec<Planned>);

struct Planned {
    listener: Arc<Listener>,
    settings: Settings,
    /// One per worker, or as many as were inherited; empty where the listener is kept.
    sockets: Vec<std::net::TcpListener>,
}

/// Where a listener listens in fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The listener's name.
    pub name: Arc<str>,
    /// Its address, with the real port.
    pub address: SocketAddr,
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Whether every connection ended in order.
    pub complete: bool,
    /// Connections that were cut.
    pub aborted: usize,
}

impl ProxyServer {
    /// Starts the workers; they serve `handler` once listeners are committed.
    ///
    /// # Errors
    /// When a thread or its runtime cannot be made.
    pub fn new(options: ServerOptions, handler: Arc<dyn Handler>) -> Result<Self, StartError> {
        if options.workers == 0 {
            return Err(StartError::NoWorkers);
        }
        let mut runtimes = Vec::with_capacity(options.workers);
        let mut workers = Vec::with_capacity(options.workers);
        for index in 0..options.workers {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|source| StartError::Runtime { worker: index, source })?;
            let (worker, queue) = {
                let _inside = runtime.enter();
                Worker::new(index, options.metrics.as_ref())
            };
            workers.push(worker);
            runtimes.push((runtime, queue));
        }
        let (stop, _) = watch::channel(false);
        let observer = options.observer;
        let shared = Arc::new(Shared { handler, observer, workers, ended: Notify::new(), stop });
        let (fail, failed) = watch::channel(None);
        let (alive, ended) = mpsc::channel(1);
        for (index, (runtime, queue)) in runtimes.into_iter().enumerate() {
            let end = End { shared: Arc::clone(&shared), index, fail: fail.clone(), _alive: alive.clone() };
            std::thread::Builder::new()
                .name(format!("gw-worker-{index}"))
                .spawn(move || {
                    let end = end;
                    runtime.block_on(worker::run(Arc::clone(&end.shared), index, queue));
                    // Every connection is gone before the end is told.
                    drop(runtime);
                })
                .map_err(|source| {
                    shared.stop.send_replace(true);
                    StartError::Thread { worker: index, source }
                })?;
        }
        let inherited = options.inherited;
        let ended = Mutex::new(Some(ended));
        Ok(Self { shared, listeners: Mutex::default(), inherited, failed, ended })
    }

    /// Binds the listeners that are new and keeps the sockets of those whose address is served already (for port
    /// 0: whose name is the same, too). Inherited sockets are taken in place of new ones. Nothing changes for anyone until [`commit`](Self::commit).
    ///
    /// # Errors
    /// When an address cannot be bound or is asked for twice, or the server is stopping.
    pub fn prepare(&self, listeners: Vec<ListenerOptions>) -> Result<Prepared, BindError> {
        let (serving, stopping) = {
            let held = self.listeners.lock();
            (held.serving.clone(), held.stopping)
        };
        if stopping {
            return Err(BindError::Stopping);
        }
        let own: Vec<_> = serving.iter().map(|listener| listener.local).collect();
        let mut planned: Vec<Planned> = Vec::with_capacity(listeners.len());
        for options in listeners {
            let same = |listener: &Listener, name: &str| {
                listener.address == options.address && (options.address.port() != 0 || name == &*options.name)
            };
            if planned.iter().any(|plan| same(&plan.listener, &plan.settings.name)) {
                return Err(BindError::Duplicate { address: options.address });
            }
            let kept = serving.iter().find(|listener| same(listener, &listener.settings().name));
            planned.push(match kept {
                Some(listener) => {
                    Planned { listener: Arc::clone(listener), settings: options.into(), sockets: Vec::new() }
                }
                None => {
                    let address = options.address;
                    let inherited = self.inherited.take(address, &options.name);
                    let (local, sockets) =
                        inherited.map_or_else(|| bind(address, self.shared.workers.len(), &own), Ok)?;
                    let listener = Arc::new(Listener::new(address, local, options.clone().into()));
                    let refused = |source| BindError::Refused { address, source };
                    listener.keep_copies(&sockets).map_err(refused)?;
                    Planned { listener, settings: options.into(), sockets }
                }
            });
        }
        Ok(Prepared(planned))
    }

    /// Serves what was prepared: new listeners accept, kept ones use their new settings for new connections,
    /// those no longer named stop accepting and drain without a deadline. Cannot fail.
    pub fn commit(&self, prepared: Prepared) -> Vec<Bound> {
        let mut held = self.listeners.lock();
        let before = std::mem::take(&mut held.serving);
        let mut bound = Vec::with_capacity(prepared.0.len());
        for Planned { listener, settings, sockets } in prepared.0 {
            if !sockets.is_empty() {
                tracing::info!(listener = %settings.name, address = %listener.local, "listening");
            }
            bound.push(Bound { name: Arc::clone(&settings.name), address: listener.local });
            listener.set_settings(settings);
            for (worker, socket) in self.shared.workers.iter().cycle().zip(sockets) {
                let accepting = Accepting::new(&self.shared, &listener);
                // Full would take a thousand unread commands; the sibling sockets serve on even so.
                if worker.commands.try_send(Command::Listen(accepting, socket)).is_err() {
                    tracing::error!(worker = worker.index, "the worker takes no listener");
                }
            }
            held.serving.push(listener);
        }
        for listener in before {
            if !held.serving.iter().any(|kept| Arc::ptr_eq(kept, &listener)) {
                let name = Arc::clone(&listener.settings().name);
                tracing::info!(listener = %name, address = %listener.local, "no longer listening");
                listener.drain();
                self.nudge(&listener);
                held.removed.push(listener);
            }
        }
        held.removed.retain(|listener| listener.open() + listener.accepting() > 0);
        let shortest = held.serving.iter().map(|listener| listener.settings().limits.shortest()).min();
        self.retick(shortest.unwrap_or(Duration::MAX));
        bound
    }

    /// The listeners that serve.
    pub(crate) fn serving(&self) -> Vec<Arc<Listener>> {
        self.listeners.lock().serving.clone()
    }

    /// Has the sweepers resolve timeouts down to `shortest`.
    fn retick(&self, shortest: Duration) {
        for worker in &self.shared.workers {
            worker.ticks.resolve(shortest);
            worker.retick.notify_one();
        }
    }

    fn nudge(&self, listener: &Arc<Listener>) {
        self.each_watch(|watch| {
            if Arc::ptr_eq(&watch.listener, listener) {
                watch.nudge();
            }
        });
    }

    fn each_watch(&self, mut visit: impl FnMut(&Watch)) {
        for worker in &self.shared.workers {
            for watch in worker.watches() {
                visit(&watch);
            }
        }
    }

    /// Open connections, and sockets that still accept.
    fn open(&self) -> (usize, usize) {
        let held = self.listeners.lock();
        let all = || held.serving.iter().chain(&held.removed);
        (all().map(|listener| listener.open()).sum(), all().map(|listener| listener.accepting()).sum())
    }

    /// Waits until no connection is left and none can come, or `deadline` has passed; returns how many are left.
    async fn emptied(&self, deadline: Instant) -> usize {
        loop {
            let ended = self.shared.ended.notified();
            let mut ended = std::pin::pin!(ended);
            ended.as_mut().enable();
            let (open, accepting) = self.open();
            if open + accepting == 0 || tokio::time::timeout_at(deadline, ended).await.is_err() {
                return open;
            }
        }
    }

    /// Ends the service: accepting stops once the accept queues are empty, HTTP/1 connections close after their
    /// answers (`Connection: close`) or once idle for half a second, HTTP/2 ones get GOAWAY, tunnels go on. After `grace`, WebSockets get
    /// Close(1001) between two frames and half a second to leave; what is left is cut. Then the workers end.
    ///
    /// A second call finds nothing left.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the server draining; another call goes on with it.
    pub async fn drain(&self, grace: Duration) -> Drained {
        let deadline = Instant::now() + grace;
        let serving = {
            let mut held = self.listeners.lock();
            held.stopping = true;
            held.serving.clone()
        };
        for listener in &serving {
            listener.drain();
        }
        self.each_watch(Watch::nudge);
        self.retick(Duration::ZERO);
        let mut left = self.emptied(deadline).await;
        let mut tunnels = 0;
        if left > 0 {
            self.each_watch(|watch| {
                if watch.phase() == Phase::Tunnel {
                    watch.sentence(Verdict::GoAway);
                    tunnels += 1;
                }
            });
        }
        if tunnels > 0 {
            left = self.emptied(Instant::now() + LEAVE).await;
        }
        if left > 0 {
            self.each_watch(|watch| watch.sentence(Verdict::Abort));
            self.emptied(Instant::now() + LEAVE).await;
        }
        self.shared.stop.send_replace(true);
        let ended = self.ended.lock().take();
        if let Some(mut ended) = ended {
            // Closed when the last worker has dropped its end; bounded, lest a handler that blocks hold us.
            let _ = tokio::time::timeout(LEAVE, ended.recv()).await;
        }
        Drained { complete: left == 0, aborted: left }
    }

    /// Which worker ended though nobody asked it to; never resolves while all is well.
    ///
    /// # Cancel safety
    /// Nothing is lost by dropping the future.
    pub async fn failed(&self) -> WorkerFailed {
        let mut failed = self.failed.clone();
        let found = failed.wait_for(Option::is_some).await.ok().and_then(|failed| *failed);
        match found {
            Some(failed) => failed,
            None => std::future::pending().await,
        }
    }

    /// The listeners, with their counters.
    pub fn listeners(&self) -> Vec<ListenerInfo> {
        let held = self.listeners.lock();
        held.serving.iter().chain(&held.removed).map(|listener| ListenerInfo::of(listener)).collect()
    }

    /// What is under way now.
    pub fn in_flight(&self) -> InFlight {
        let mut found = InFlight::default();
        self.each_watch(|watch| found.add(watch));
        found
    }

    /// The connections that are open now.
    pub fn connections(&self) -> Vec<ConnectionInfo> {
        let mut found = Vec::new();
        for worker in &self.shared.workers {
            found.extend(worker.watches().iter().map(|watch| ConnectionInfo::of(worker.index, watch)));
        }
        found
    }

    /// The live tasks by worker and name.
    pub fn tasks(&self) -> Vec<TaskCount> {
        let mut found = Vec::new();
        for worker in &self.shared.workers {
            let counts = worker.tasks.counts();
            found.extend(counts.into_iter().map(|(name, live)| TaskCount {
                worker: worker.index,
                name,
                live,
            }));
        }
        found
    }
}

impl Drop for ProxyServer {
    fn drop(&mut self) {
        self.shared.stop.send_replace(true);
    }
}
