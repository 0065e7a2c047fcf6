//! What the metrics show of the breakers: how much each refuses at the moment.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use gw_telemetry::GaugeFamily;
use parking_lot::Mutex;

use crate::BuildContext;
use crate::success_ratio::SuccessRatioBreaker;

/// How much a breaker refuses; of several of one endpoint, the one that refuses most.
pub const BREAKER_REFUSED_SHARE: GaugeFamily = GaugeFamily {
    name: "gateway_circuit_breaker_refused_ratio",
    help: "Share of requests that a circuit breaker refuses at the moment: 0 while it is closed, and less than 1.",
    labels: &["endpoint"],
};

type Entry = (Arc<str>, Weak<SuccessRatioBreaker>);

/// The breakers of the gateway. As many as live: those that are gone are forgotten when one is added.
#[derive(Debug, Default)]
pub(super) struct Shown(Arc<Mutex<Vec<Entry>>>);

impl Shown {
    /// Shows a breaker for as long as it lives.
    pub(super) fn add(&self, breaker: &Arc<SuccessRatioBreaker>, cx: &BuildContext) {
        let mut entries = self.0.lock();
        entries.retain(|(_, breaker)| breaker.strong_count() > 0);
        entries.push((Arc::clone(&cx.endpoint().name), Arc::downgrade(breaker)));
        drop(entries);
        let (entries, clock) = (Arc::clone(&self.0), cx.clock().clone());
        cx.metrics().watch_gauges(&BREAKER_REFUSED_SHARE, move || {
            let now = clock.now();
            let mut shares = BTreeMap::<String, f64>::new();
            for (endpoint, breaker) in entries.lock().iter() {
                let Some(breaker) = breaker.upgrade() else { continue };
                let share = shares.entry(endpoint.to_string()).or_default();
                *share = share.max(breaker.refused_share(now));
            }
            shares.into_iter().map(|(endpoint, share)| (vec![endpoint], share)).collect()
        });
    }
}
