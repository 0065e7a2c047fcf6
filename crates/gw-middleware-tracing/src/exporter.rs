//! What sends spans to one collector: a queue, and a task on the control runtime that empties it.

use std::sync::{Arc, Weak};

use gw_middleware::{BuildContext, TaskGuard};
use parking_lot::Mutex;
use prost::Message;

use crate::collector::{Collector, CollectorError, ExportError};
use crate::options::Target;
use crate::otlp;
use crate::queue::{Batches, Flush, Lost, Queue, queue};
use crate::span::Span;

/// Where an instance's spans go. When the last instance and the last span let go of it, what waits is sent, and its task
/// ends.
pub(crate) struct Exporter {
    target: Target,
    queue: Queue,
}

impl Exporter {
    /// Has a span sent, or loses it.
    pub(crate) fn push(&self, worker: usize, span: Span) {
        self.queue.push(worker, span);
    }
}

/// The exporters of a gateway: one for each target. As many as configurations in use have.
#[derive(Default)]
pub(crate) struct Exporters(Mutex<Vec<Weak<Exporter>>>);

impl Exporters {
    /// The exporter of a target, with its task if it is a new one.
    ///
    /// # Errors
    /// When the collector cannot be asked.
    pub(crate) fn get(
        &self,
        target: &Target,
        cx: &BuildContext,
    ) -> Result<(Arc<Exporter>, Option<Task>), CollectorError> {
        let mut exporters = self.0.lock();
        exporters.retain(|exporter| exporter.strong_count() > 0);
        let same = |exporter: &Arc<Exporter>| exporter.target == *target;
        if let Some(exporter) = exporters.iter().filter_map(Weak::upgrade).find(same) {
            return Ok((exporter, None));
        }
        let lost = Lost::new(cx.metrics());
        let (queue, flush, batches) = queue(lost.clone());
        let exporter = Arc::new(Exporter { target: target.clone(), queue });
        exporters.push(Arc::downgrade(&exporter));
        let sender =
            Sender { collector: Collector::new(target)?, target: target.clone(), lost, outage: None };
        let guard = cx.spawn("traces", sender.run(batches));
        Ok((exporter, Some(Task { flush, _guard: guard })))
    }
}

/// The task of an exporter, which outlives it by what it still has to send.
pub(crate) struct Task {
    /// Has it send what waits.
    pub(crate) flush: Flush,
    _guard: TaskGuard,
}

/// Sends batches, one after the other.
struct Sender {
    collector: Collector,
    target: Target,
    lost: Lost,
    /// The spans lost since the collector failed; none while it does not.
    outage: Option<usize>,
}

impl Sender {
    async fn run(mut self, mut batches: Batches) {
        // Empty, which is allowed: what is wrong with the collector is said now and not after the first requests.
        let greeting = otlp::request(&self.target.service, &[]).encode_to_vec();
        let greeted = self.collector.post(greeting.into()).await;
        self.note(0, greeted.map(drop));
        while let Some(batch) = batches.next().await {
            let request = otlp::request(&self.target.service, &batch).encode_to_vec();
            let count = batch.len();
            drop(batch);
            let sent = self.collector.export(request.into()).await;
            // It cannot have refused more than there were.
            self.note(count, sent.map(|rejected| self.lost.rejected(rejected.min(count as u64))));
        }
    }

    /// Says once that a collector fails, and once that it does no more.
    fn note(&mut self, count: usize, sent: Result<(), ExportError>) {
        let collector = self.target.url.host_str().unwrap_or_default();
        match (sent, &mut self.outage) {
            (Ok(()), None) => {}
            (Ok(()), Some(lost)) => {
                tracing::info!(collector, lost, "the trace collector takes spans again");
                self.outage = None;
            }
            (Err(error), Some(lost)) => {
                *lost += count;
                self.lost.failed(count);
                tracing::debug!(collector, %error, count, "spans were lost");
            }
            (Err(error), None) => {
                self.outage = Some(count);
                self.lost.failed(count);
                let help = self.help(&error);
                tracing::warn!(collector, %error, help, "the trace collector fails: spans are lost until it takes them");
            }
        }
    }

    /// What may be the reason.
    fn help(&self, error: &ExportError) -> &'static str {
        match (self.target.url.scheme(), error) {
            ("https", ExportError::Unreachable(error)) if error.is_connect() => {
                "it is asked over TLS; for one that speaks plain HTTP, set `insecure = true`"
            }
            _ => "",
        }
    }
}
