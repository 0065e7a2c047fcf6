//! How busy the CPU is, in thousandths of what this process may use: sampled by one task for the whole gateway.
//!
//! A smoothed value, so that a short burst is no overload: each sample moves it by a twentieth (aegis' decay of 0.95).

mod meter;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
use std::time::Duration;

use gw_core::Clock;
use gw_telemetry::GaugeFamily;
use parking_lot::Mutex;

use crate::BuildContext;
use crate::build::TaskGuard;
use meter::Meter;

/// The CPU load as `bbr` sees it.
pub const CPU_LOAD: GaugeFamily = GaugeFamily {
    name: "gateway_cpu_load_ratio",
    help: "Smoothed CPU load, 0 to 1 of what the gateway's control group may use; shown while a bbr middleware runs.",
    labels: &[],
};

/// How often it is sampled.
const PERIOD: Duration = Duration::from_millis(500);
const DECAY: f64 = 0.95;

/// The load of the CPU, 0 until the first sample, and for ever where it cannot be told.
#[derive(Debug, Default)]
pub(crate) struct Load {
    permille: Arc<AtomicU16>,
    sampler: Mutex<Option<TaskGuard>>,
}

impl Load {
    /// The load that the whole gateway shares; whoever asks first starts the sampling.
    pub(crate) fn shared(cx: &BuildContext) -> Arc<Self> {
        let load = cx.shared(Self::default);
        let mut sampler = load.sampler.lock();
        if sampler.is_none() {
            *sampler = Some(load.sample(cx, Path::new("/")));
        }
        drop(sampler);
        load
    }

    /// The load, 0 to 1000.
    pub(crate) fn permille(&self) -> u16 {
        self.permille.load(Relaxed)
    }

    /// Sets the load, and keeps it: nothing is sampled.
    #[cfg(test)]
    pub(crate) fn set(&self, permille: u16) {
        self.permille.store(permille, Relaxed);
        *self.sampler.lock() = Some(crate::Tasks::none().spawn("none", async {}));
    }

    fn sample(&self, cx: &BuildContext, root: &Path) -> TaskGuard {
        let Some(meter) = Meter::find(root) else {
            tracing::warn!("the CPU load cannot be told on this system: bbr refuses nothing");
            return cx.spawn("cpu load", async {});
        };
        let shown = Arc::downgrade(&self.permille);
        cx.metrics().watch_gauges(&CPU_LOAD, move || {
            let load = shown.upgrade().map(|load| f64::from(load.load(Relaxed)) / 1000.0);
            load.map(|load| (Vec::new(), load)).into_iter().collect()
        });
        cx.spawn("cpu load", sample(meter, cx.clock().clone(), Arc::clone(&self.permille)))
    }
}

/// Samples for ever. The files are the kernel's: to read them does not block.
async fn sample(mut meter: Meter, clock: Clock, load: Arc<AtomicU16>) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut smooth = 0.0;
    loop {
        ticks.tick().await;
        if let Some(share) = meter.share(clock.now()) {
            smooth = smooth * DECAY + share * (1.0 - DECAY);
            load.store((smooth * 1000.0) as u16, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
