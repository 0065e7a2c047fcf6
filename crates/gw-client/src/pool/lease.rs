//! What a request holds of a pool. Each guard gives back what it holds when it is dropped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gw_core::{Body, Outcome, Request};
use gw_h1::{BufferPool, Noted};
use http::Response;
use hyper::client::conn::http2;

use super::shard::H1;
use super::{Pool, Want};
use crate::h1;
use crate::stream_limit::StreamLimit;
use crate::transport::{Failed, Incoming, TransportError};

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

    /// Whether a request that failed still has its head.
    pub(crate) fn keeps_head(&self) -> bool {
        matches!(self, Self::H1(_)) && h1::Conn::KEEPS_HEAD
    }

    /// Sends a request whose fields are `noted`; the protocol takes of it what it needs.
    ///
    /// # Errors
    /// With the request as it was, if no byte of it left.
    pub(crate) async fn send(
        &mut self,
        request: &mut Request,
        noted: Noted,
    ) -> Result<Response<Incoming>, Failed> {
        match self {
            Self::H1(lease) => lease.send(request, noted).await,
            // Boxed: it would make the future of every attempt larger.
            Self::H2(lease) => Box::pin(lease.send(request)).await,
        }
    }

    /// The answer has ended in order `now`, and its connection may serve again.
    pub(crate) fn finish(self, conn: Box<h1::Conn>, now: Instant) {
        if let Self::H1(lease) = self
            && lease.pooled
        {
            conn.settle(lease, now);
        }
    }
}

/// A whole HTTP/1.1 connection, and its place in the pool. The connection leaves with the request and is in the answer's
/// body until that has ended; dropped earlier, it is closed at once, which is how an upstream sees that a request was
/// cancelled.
pub(crate) struct H1Lease {
    /// None once a request was sent.
    conn: Option<Box<h1::Conn>>,
    reused: bool,
    /// Whether it may serve another request.
    pooled: bool,
    busy: Busy,
}

/// The place of a connection in use: free when dropped.
struct Busy {
    place: Place,
    id: u64,
    armed: bool,
}

impl H1Lease {
    pub(super) fn reused(place: Place, h1: H1) -> Self {
        let busy = Busy { place, id: h1.id, armed: true };
        Self { conn: Some(h1.conn), reused: true, pooled: true, busy }
    }

    async fn send(&mut self, request: &mut Request, noted: Noted) -> Result<Response<Incoming>, Failed> {
        let Some(conn) = self.conn.take() else {
            return Err(Failed { error: TransportError::Spent, unsent: true });
        };
        match conn.send(request, noted).await {
            Ok(answer) => Ok(answer.map(Incoming::H1)),
            Err(h1::Failed { error, unsent }) => Err(Failed { error: TransportError::H1(error), unsent }),
        }
    }

    /// Gives the connection back to its pool, to be kept from `now` on.
    pub(crate) fn give_back(mut self, conn: Box<h1::Conn>, now: Instant) {
        self.busy.armed = false;
        let Busy { place: Place { pool, worker, idle }, id, .. } = &self.busy;
        let h1 = H1 { id: *id, conn };
        let (start, claimed) = {
            let mut shard = pool.shards[*worker].lock();
            (shard.put_h1(h1, now + *idle), !shard.is_unclaimed())
        };
        if claimed {
            pool.serve(*worker);
        }
        if start {
            pool.start_sweeper(*worker);
        }
    }

    #[cfg(feature = "hyper-h1")]
    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.busy.place.pool
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if self.armed {
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

    async fn send(&mut self, request: &mut Request) -> Result<Response<Incoming>, Failed> {
        let answer = self.sender.try_send_request(std::mem::take(request)).await;
        if let Some(limit) = &self.first {
            limit.refresh();
        }
        match answer {
            Ok(answer) => Ok(answer.map(Incoming::H2)),
            Err(mut failed) => {
                let message = failed.take_message();
                let unsent = message.is_some();
                *request = message.unwrap_or_default();
                Err(Failed { error: TransportError::H2(failed.into_error()), unsent })
            }
        }
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

    /// The buffers of the worker.
    #[cfg_attr(feature = "hyper-h1", expect(dead_code, reason = "hyper has its own"))]
    pub(crate) fn buffers(&self) -> &Arc<BufferPool> {
        &self.place.pool.buffers[self.place.worker]
    }

    /// An HTTP/1.1 connection was opened.
    pub(crate) fn into_h1(self, conn: Box<h1::Conn>) -> Lease {
        let pooled = !self.is_upgrade();
        let (place, id) = self.succeed(|_, _| ());
        let busy = Busy { place, id, armed: true };
        Lease::H1(H1Lease { conn: Some(conn), reused: false, pooled, busy })
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
