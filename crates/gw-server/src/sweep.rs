//! The sweeper: one task per worker that moves the coarse clock and passes the verdicts that are due.
//!
//! Its cost is one pass over the worker's connections per tick, whatever their number of requests.

use std::sync::Arc;
use std::time::Duration;

use gw_telemetry::CounterFamily;
use tokio::time::Instant;

use crate::listener::Listener;
use crate::stats::ListenerStats;
use crate::watch::{Phase, Verdict, Watch};
use crate::worker::Worker;

/// Ticks that came more than 50 ms late.
pub const WORKER_STALLS: CounterFamily = CounterFamily {
    name: "gateway_worker_stalls_total",
    help: "Ticks of a worker that came more than 50 ms late: something blocked its thread.",
    labels: &["worker"],
};

/// How late a tick may come: above what a busy worker needs for what is ready at the time.
const LATE: Duration = Duration::from_millis(50);

/// Sweeps for as long as the worker's runtime lives.
pub(crate) async fn run(worker: Arc<Worker>) {
    loop {
        let due = Instant::now() + worker.ticks.tick();
        tokio::select! {
            () = tokio::time::sleep_until(due) => note_late(&worker, due.elapsed()),
            // The tick became shorter.
            () = worker.retick.notified() => {}
        }
        let now = worker.ticks.advance();
        worker.kit.tick();
        for watch in worker.watches() {
            sweep(&watch, now);
            watch.look_if_deaf(now);
        }
        for stall in worker.stalls() {
            stall.sweep(now);
        }
    }
}

/// A tick that comes late means that something kept the thread from its runtime: a middleware that blocks or computes,
/// or a machine that has no time for it.
fn note_late(worker: &Worker, late: Duration) {
    if late <= LATE {
        return;
    }
    if let Some(stalls) = &worker.stalls_seen {
        stalls.add(worker.index, 1);
    }
    tracing::debug!(worker = worker.index, late_seconds = late.as_secs_f64(), "the worker was stalled");
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

#[cfg(test)]
mod tests {
    use gw_telemetry::{BuildInfo, Metrics};
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_tick_that_comes_late_is_a_stall() {
        let metrics = Metrics::new(1, BuildInfo::default());
        let (worker, _queue) = Worker::new(0, Some(&metrics));
        let stalls = metrics.counter(&WORKER_STALLS, &["0"]);
        tokio::spawn(run(Arc::clone(&worker)));
        tokio::task::yield_now().await;
        for (late, expect) in [(0, 0), (40, 0), (60, 1), (0, 1), (2000, 2)] {
            // The next sleep begins where this one ended, so that each is late by its own.
            advance(worker.ticks.tick() + Duration::from_millis(late)).await;
            tokio::task::yield_now().await;
            assert_eq!(stalls.value(), expect, "{late} ms");
        }
    }
}
