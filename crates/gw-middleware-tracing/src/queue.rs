//! The spans that wait to be sent. A full queue loses the newest, counted: nothing waits for a collector.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use gw_telemetry::{Counter, CounterFamily, Metrics};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use crate::span::Span;

/// How many spans wait at most.
const CAPACITY: usize = 2048;
/// How many are sent at once at most.
pub(crate) const BATCH: usize = 512;
/// How long the first of a batch waits for the others.
const DELAY: Duration = Duration::from_secs(5);

const DROPPED: CounterFamily = CounterFamily {
    name: "gateway_trace_spans_dropped_total",
    help: "Spans that were lost: the queue was full, or the collector took them not.",
    labels: &["reason"],
};

/// Counts lost spans, by reason.
#[derive(Clone)]
pub(crate) struct Lost {
    full: Arc<Counter>,
    failed: Arc<Counter>,
    rejected: Arc<Counter>,
}

impl Lost {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let [full, failed, rejected] =
            ["queue_full", "export_failed", "rejected"].map(|reason| metrics.counter(&DROPPED, &[reason]));
        Self { full, failed, rejected }
    }

    /// The collector did not get them. Counted by the control thread, in the first worker's place.
    pub(crate) fn failed(&self, spans: usize) {
        self.failed.add(0, spans as u64);
    }

    /// The collector did not want them.
    pub(crate) fn rejected(&self, spans: u64) {
        self.rejected.add(0, spans);
    }
}

/// The end of the queue where spans come in. Batches end when it is dropped.
pub(crate) struct Queue {
    spans: mpsc::Sender<Span>,
    lost: Lost,
}

impl Queue {
    /// Adds a span, or loses it; at once in either case.
    pub(crate) fn push(&self, worker: usize, span: Span) {
        if let Err(TrySendError::Full(_)) = self.spans.try_send(span) {
            self.lost.full.add(worker, 1);
        }
    }
}

/// Asks for what waits to be sent now.
#[derive(Clone)]
pub(crate) struct Flush(mpsc::Sender<oneshot::Sender<()>>);

impl Flush {
    /// Returns when all that waited has been sent or lost.
    pub(crate) async fn flush(&self) {
        let (done, sent) = oneshot::channel();
        if self.0.send(done).await.is_ok() {
            // Dropped when there is nobody left who sends.
            let _ = sent.await;
        }
    }

    /// Whether there is nobody left who sends.
    pub(crate) fn is_over(&self) -> bool {
        self.0.is_closed()
    }
}

/// The other end.
pub(crate) struct Batches {
    spans: mpsc::Receiver<Span>,
    flush: mpsc::Receiver<oneshot::Sender<()>>,
    /// Those whose flush is under way.
    flushing: Vec<oneshot::Sender<()>>,
}

/// A queue and who takes from it.
pub(crate) fn queue(lost: Lost) -> (Queue, Flush, Batches) {
    let (push, spans) = mpsc::channel(CAPACITY);
    let (ask, flush) = mpsc::channel(1);
    (Queue { spans: push, lost }, Flush(ask), Batches { spans, flush, flushing: Vec::new() })
}

impl Batches {
    /// The next batch: when it is full, when its first span has waited long enough, or when somebody asks. The former
    /// one must have been sent by now. None when nothing will come any more.
    pub(crate) async fn next(&mut self) -> Option<Vec<Span>> {
        let mut batch = Vec::new();
        let mut due = None;
        loop {
            if !self.flushing.is_empty() {
                self.take_waiting(&mut batch);
                if !batch.is_empty() {
                    return Some(batch);
                }
                self.flushing.drain(..).for_each(|done| _ = done.send(()));
            }
            let overdue = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            let room = BATCH - batch.len();
            tokio::select! {
                taken = self.spans.recv_many(&mut batch, room) => {
                    if taken == 0 {
                        return (!batch.is_empty()).then_some(batch);
                    }
                    if batch.len() == BATCH {
                        return Some(batch);
                    }
                    due.get_or_insert_with(|| Instant::now() + DELAY);
                }
                () = overdue => return Some(batch),
                Some(done) = self.flush.recv() => self.flushing.push(done),
            }
        }
    }

    fn take_waiting(&mut self, batch: &mut Vec<Span>) {
        while batch.len() < BATCH {
            match self.spans.try_recv() {
                Ok(span) => batch.push(span),
                Err(_) => return,
            }
        }
    }
}
