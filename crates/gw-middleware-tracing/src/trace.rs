//! What the spans of one sampled request share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Instant, SystemTime};

use gw_core::Clock;

use crate::exporter::{Exporter, Exporters};
use crate::parent::Parent;
use crate::ratio::Ratio;
use crate::span::{Of, Span};

/// One instance of the middleware: both of its parts have it.
pub(crate) struct Tracer {
    pub(crate) ratio: Ratio,
    pub(crate) clock: Clock,
    pub(crate) exporter: Arc<Exporter>,
    /// Kept, so that other instances find the exporter.
    pub(crate) _exporters: Arc<Exporters>,
}

/// A sampled request.
pub(crate) struct Trace {
    pub(crate) tracer: Arc<Tracer>,
    /// The request's own span.
    pub(crate) own: Parent,
    /// What other tracing systems say of the trace; empty if nothing.
    pub(crate) state: Box<str>,
    worker: usize,
    began: Instant,
    /// `began` by the wall clock, which is read once: a clock that is set in between makes no span odd.
    began_wall: SystemTime,
    attempts: AtomicU32,
}

impl Trace {
    /// A request that came at `began` and is served by `worker`.
    pub(crate) fn new(
        tracer: &Arc<Tracer>,
        own: Parent,
        state: Box<str>,
        worker: usize,
        began: Instant,
    ) -> Arc<Self> {
        let (tracer, attempts) = (Arc::clone(tracer), AtomicU32::new(0));
        let began_wall = tracer.clock.wall();
        Arc::new(Self { tracer, own, state, worker, began, began_wall, attempts })
    }

    /// The number of the next attempt, from 1.
    pub(crate) fn next_attempt(&self) -> u32 {
        self.attempts.fetch_add(1, Relaxed) + 1
    }

    /// When the request came.
    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// Has a finished span sent.
    pub(crate) fn finish(self: &Arc<Self>, started: Instant, ended: Instant, of: Of) {
        let (started, ended) = (self.wall(started), self.wall(ended));
        let span = Span { trace: Arc::clone(self), started, ended, of };
        self.tracer.exporter.push(self.worker, span);
    }

    fn wall(&self, then: Instant) -> SystemTime {
        self.began_wall + then.saturating_duration_since(self.began)
    }
}
