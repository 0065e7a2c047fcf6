//! A connection whose answer has begun before its request has ended: a task writes the rest of the request.
//!
//! It does so at the upstream's pace, whether or not anybody asks for the answer: a client may send all of its request
//! before it reads. The task ends with the answer, and the connection closes in that moment if the request has not ended.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use gw_core::Outcome;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::incoming::Polled;
use super::{Conn, Error, Upload};

/// The answer's part of it.
pub(super) struct Duplex {
    exchange: Arc<Mutex<Option<Exchange>>>,
    /// None once it has ended.
    task: Option<AbortOnDropHandle<Result<(), Error>>>,
}

/// What both share. The lock is contended only if the answer is read on another thread.
struct Exchange {
    conn: Box<Conn>,
    upload: Upload,
}

impl Duplex {
    pub(super) fn start(conn: Box<Conn>, upload: Upload) -> Self {
        let tasks = conn.tasks.clone();
        let exchange = Arc::new(Mutex::new(Some(Exchange { conn, upload })));
        let driven = Arc::clone(&exchange);
        let drive = poll_fn(move |cx| {
            let Some(Exchange { conn, upload }) = &mut *driven.lock() else { return Poll::Ready(Ok(())) };
            ready!(upload.poll_send(conn, cx))?;
            conn.write.release();
            Poll::Ready(Ok(()))
        });
        let task = tasks.spawn_on(drive.in_current_span(), &Handle::current());
        Self { exchange, task: Some(task) }
    }

    /// Reads a piece of the answer, unless the request's body has failed.
    pub(super) fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
        read: impl FnOnce(&mut Conn, &mut Context<'_>) -> Polled,
    ) -> Polled {
        self.check(cx)?;
        let mut exchange = self.exchange.lock();
        exchange.as_mut().map_or(Poll::Ready(None), |exchange| read(&mut exchange.conn, cx))
    }

    fn check(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        let Some(task) = &mut self.task else { return Ok(()) };
        let Poll::Ready(ended) = Pin::new(task).poll(cx) else { return Ok(()) };
        self.task = None;
        match ended {
            // An upstream that takes no more of the request may still end its answer.
            Ok(Ok(()) | Err(Error::Silent(_))) => Ok(()),
            Ok(Err(error)) => Err(error),
            Err(lost) => Err(Error::Upload(gw_core::Error::new(Outcome::Internal).with_source(lost))),
        }
    }

    /// The connection, if the request has ended in order.
    pub(super) fn into_conn(self) -> Option<Box<Conn>> {
        let Exchange { conn, upload } = self.exchange.lock().take()?;
        (upload.is_done() && conn.write.is_empty()).then_some(conn)
    }
}

impl Drop for Duplex {
    fn drop(&mut self) {
        // Not when the task's turn comes. Nobody knows what dropping a body does, so that is done without the lock.
        let exchange = self.exchange.lock().take();
        drop(exchange);
    }
}
