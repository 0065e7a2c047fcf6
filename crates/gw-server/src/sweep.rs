//! The sweeper: one task per worker that moves the coarse clock and passes the verdicts that are due.
//!
//! Its cost is one pass over the worker's connections per tick, whatever their number of requests.

use std::sync::Arc;

use crate::listener::Listener;
use crate::stats::ListenerStats;
use crate::watch::{Phase, Verdict, Watch};
use crate::worker::Worker;

/// Sweeps for as long as the worker's runtime lives.
pub(crate) async fn run(worker: Arc<Worker>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(worker.ticks.tick()) => {}
            // The tick became shorter.
            () = worker.retick.notified() => {}
        }
        let now = worker.ticks.advance();
        for watch in worker.watches() {
            sweep(&watch, now);
        }
        for stall in worker.stalls() {
            stall.sweep(now);
        }
    }
}

fn sweep(watch: &Watch, now: u64) {
    let verdict = watch.judge(now);
    if verdict == Verdict::None || verdict <= watch.verdict() {
        return;
    }
    if verdict != Verdict::Close && watch.phase() != Phase::Closing {
        count(&watch.listener, watch.phase());
    }
    tracing::debug!(
        client.addr = %watch.peer,
        phase = watch.phase().as_str(),
        verdict = ?verdict,
        "connection timed out"
    );
    watch.sentence(verdict);
}

fn count(listener: &Listener, phase: Phase) {
    ListenerStats::add(&listener.stats.timed_out);
    if phase == Phase::Handshake {
        ListenerStats::add(&listener.stats.handshakes_failed);
    }
}
