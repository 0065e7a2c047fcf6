//! What a request holds of a pool. Each guard gives back what it holds when it is dropped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gw_core::{Body, Outcome};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use tokio::task::AbortHandle;

use super::shard::H1;
use super::{Pool, Want};
use crate::stream_limit::StreamLimit;

/// How long a connection may take to become ready after its answer has ended, the request body still being sent.
const SETTLE: Duration = Duration::from_secs(1);

/// Whose shard a guard belongs to.
pub(super) struct Place {
    pub(super) pool: Arc<Pool>,
    pub(super) worker: usize,
    /// How long what is given back may idle.
    pub(super) idle: Duration,
}

impl Place {
    fn until(&self) -> Instant {
        self.pool.clock.now() + self.idle
    }
}

/// A connection, or a stream of one.
pub(crate) enum Lease {
    /// A whole HTTP/1.1 connection.
    H1(H1Lease),
    /// A stream of an HTTP/2 connection.
    H2(H2Lease),
}

impl Lease {
    /// Whether the connection came from the pool, so that it may have been closed meanwhile.
    pub(crate) fn is_reused(&self) -> bool {
        match self {
            Self::H1(lease) => lease.reused,
            Self::H2(lease) => lease.first.is_none(),
        }
    }

    pub(crate) fn is_h2(&self) -> bool {
        matches!(self, Self::H2(_))
    }

    pub(crate) async fn send(
        &mut self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Body>>> {
        match self {
            Self::H1(lease) => lease.sender.try_send_request(request).await,
            Self::H2(lease) => lease.send(request).await,
        }
    }

    /// The answer has ended in order: the connection may serve again.
    pub(crate) fn finish(self) {
        if let Self::H1(lease) = self {
            lease.finish();
        }
    }
}

/// A whole HTTP/1.1 connection. Dropped before its answer has ended, it is closed at once, which is how an upstream
/// sees that a request was cancelled.
pub(crate) struct H1Lease {
    sender: http1::SendRequest<Body>,
    reused: bool,
    /// Whether it may serve another request.
    pooled: bool,
    busy: Busy,
}

/// A connection in use: closed when dropped.
struct Busy {
    place: Place,
    id: u64,
    driver: AbortHandle,
    armed: bool,
}

impl H1Lease {
    pub(super) fn reused(place: Place, h1: H1) -> Self {
        let busy = Busy { place, id: h1.id, driver: h1.driver, armed: true };
        Self { sender: h1.sender, reused: true, pooled: true, busy }
    }

    fn finish(mut self) {
        if !self.pooled || self.sender.is_closed() {
            return;
        }
        if self.sender.is_ready() {
            return self.give_back();
        }
        let tasks = self.busy.place.pool.tasks.clone();
        tasks.spawn(async move {
            let ready = tokio::time::timeout(SETTLE, self.sender.ready()).await;
            if matches!(ready, Ok(Ok(()))) {
                self.give_back();
            }
        });
    }

    fn give_back(self) {
        let Self { sender, mut busy, .. } = self;
        busy.armed = false;
        let h1 = H1 { id: busy.id, sender, driver: busy.driver.clone() };
        let Place { pool, worker, .. } = &busy.place;
        let start = pool.shards[*worker].lock().put_h1(h1, busy.place.until());
        pool.serve(*worker);
        if start {
            pool.start_sweeper(*worker);
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if self.armed {
            self.driver.abort();
            self.place.pool.shards[self.place.worker].lock().close();
            self.place.pool.serve(self.place.worker);
        }
    }
}

/// A stream of an HTTP/2 connection.
pub(crate) struct H2Lease {
    sender: http2::SendRequest<Body>,
    /// The connection's limit, to be looked at with the first answer: the peer's SETTINGS came before that.
    first: Option<Arc<StreamLimit>>,
    place: Place,
    id: u64,
}

impl H2Lease {
    pub(super) fn reused(place: Place, id: u64, sender: http2::SendRequest<Body>) -> Self {
        Self { sender, first: None, place, id }
    }

    async fn send(
        &mut self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Body>>> {
        let answer = self.sender.try_send_request(request).await;
        if let Some(limit) = &self.first {
            limit.refresh();
        }
        answer
    }
}

impl Drop for H2Lease {
    fn drop(&mut self) {
        let Place { pool, worker, .. } = &self.place;
        let start = pool.shards[*worker].lock().end_stream(self.id, self.place.until());
        pool.serve(*worker);
        if start {
            pool.start_sweeper(*worker);
        }
    }
}

/// The right to open a connection; dropped without one, it is the next one's.
pub(crate) struct Opening {
    place: Place,
    id: u64,
    want: Want,
    ended: bool,
}

impl Opening {
    pub(super) fn new(place: Place, id: u64, want: Want) -> Self {
        Self { place, id, want, ended: false }
    }

    pub(crate) fn is_upgrade(&self) -> bool {
        self.want == Want::Upgrade
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.place.pool
    }

    pub(crate) fn worker(&self) -> usize {
        self.place.worker
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// An HTTP/1.1 connection was opened; `driver` runs it.
    pub(crate) fn into_h1(self, sender: http1::SendRequest<Body>, driver: AbortHandle) -> Lease {
        let pooled = !self.is_upgrade();
        let (place, id) = self.succeed(|_, _| ());
        let busy = Busy { place, id, driver, armed: true };
        Lease::H1(H1Lease { sender, reused: false, pooled, busy })
    }

    /// An HTTP/2 connection was opened, for this request and others.
    /// `most` is how many streams the peer allows at once.
    pub(crate) fn into_h2(self, sender: http2::SendRequest<Body>, most: Arc<StreamLimit>) -> Lease {
        let until = self.place.until();
        let (kept, first) = (sender.clone(), Some(Arc::clone(&most)));
        let (place, id) = self.succeed(move |shard, id| shard.put_h2(id, kept, most, until));
        Lease::H2(H2Lease { sender, first, place, id })
    }

    /// No connection could be opened. Those in line hear of it if no other could serve them.
    pub(crate) fn fail(mut self, outcome: Outcome) {
        self.ended = true;
        let Place { pool, worker, .. } = &self.place;
        pool.shards[*worker].lock().end_opening(self.want, false);
        pool.refuse_waiting(*worker, outcome);
        pool.serve(*worker);
    }

    fn succeed(mut self, keep: impl FnOnce(&mut super::shard::Shard, u64)) -> (Place, u64) {
        self.ended = true;
        let place =
            Place { pool: Arc::clone(&self.place.pool), worker: self.place.worker, idle: self.place.idle };
        {
            let mut shard = place.pool.shards[place.worker].lock();
            shard.end_opening(self.want, true);
            keep(&mut shard, self.id);
        }
        place.pool.serve(place.worker);
        (place, self.id)
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        if !self.ended {
            let Place { pool, worker, .. } = &self.place;
            pool.shards[*worker].lock().end_opening(self.want, false);
            pool.serve(*worker);
        }
    }
}
