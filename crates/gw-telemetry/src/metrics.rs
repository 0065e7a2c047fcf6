//! The metrics: handles to record with, and their text for Prometheus.
//!
//! Invariants: to record is a few relaxed additions in the worker's own cache lines; a handle is made once, outside
//! the request path; a series lives as long as someone holds its handle. Differs from kratos: methods, statuses and
//! paths are bounded, histograms reach 10 s, configuration and connections are covered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

use gw_core::Outcome;
use parking_lot::Mutex;
use prometheus::{Registry, TextEncoder};

use crate::AccessLog;

mod cells;
mod compat;
mod counter;
mod families;
mod gauges;
mod histogram;
mod interned;
mod labels;
mod route;
mod scrape;
mod shards;
#[cfg(test)]
mod tests;
mod upstream;

pub use compat::Compat;
pub use counter::{Counter, CounterFamily};
pub use gauges::GaugeFamily;
pub use route::{Finished, InFlight, RouteSeries};
pub use upstream::{RetryResult, UpstreamSeries};

use interned::Interned;
pub(crate) use shards::Shards;

/// The content type of [`Metrics::encode`]: the Prometheus text format, version 0.0.4.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What was built: the labels of `gateway_build_info`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BuildInfo {
    /// The release, e.g. `0.1.0`.
    pub version: &'static str,
    /// The commit, empty if unknown.
    pub revision: &'static str,
}

/// One sample of `gateway_connections`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionCount {
    /// The listener's name.
    pub listener: Arc<str>,
    /// What the connections are doing: `active`, `idle`, `tunnel` …
    pub state: &'static str,
    /// How many.
    pub count: u64,
}

/// All metrics of a gateway.
pub struct Metrics {
    registry: Registry,
    state: Arc<State>,
}

type Connections = Box<dyn Fn() -> Vec<ConnectionCount> + Send + Sync>;

/// What a scrape reads.
pub(crate) struct State {
    workers: usize,
    build: BuildInfo,
    routes: Interned<(Arc<str>, Arc<str>), RouteSeries>,
    upstreams: Interned<Arc<str>, UpstreamSeries>,
    rejected: Shards<[AtomicU64; Outcome::ALL.len()]>,
    config: Config,
    failed_builds: Mutex<BTreeMap<String, u64>>,
    connections: Mutex<Option<Connections>>,
    access_log_dropped: Mutex<Option<Arc<AtomicU64>>>,
    counters: counter::Counters,
    gauges: gauges::Gauges,
    /// The other names that are shown, as bits.
    compat: AtomicU8,
}

#[derive(Default)]
struct Config {
    generation: AtomicU64,
    loaded: AtomicU64,
    rejected: AtomicU64,
    /// The result of the last reload.
    failed: AtomicU64,
    /// Milliseconds since the Unix epoch, 0 = never.
    last_success: AtomicU64,
}

impl Metrics {
    /// Metrics for `workers` workers, at least 1.
    pub fn new(workers: usize, build: BuildInfo) -> Arc<Self> {
        let state = Arc::new(State {
            workers,
            build,
            routes: Interned::default(),
            upstreams: Interned::default(),
            rejected: Shards::new(workers, || std::array::from_fn(|_| AtomicU64::new(0))),
            config: Config::default(),
            failed_builds: Mutex::default(),
            connections: Mutex::new(None),
            access_log_dropped: Mutex::new(None),
            counters: counter::Counters::default(),
            gauges: gauges::Gauges::default(),
            compat: AtomicU8::new(0),
        });
        let registry = Registry::new();
        scrape::register(&registry, &state);
        Arc::new(Self { registry, state })
    }

    /// The text that `/metrics` answers with; its type is [`CONTENT_TYPE`].
    pub fn encode(&self) -> String {
        let mut text = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "metrics could not be encoded in full");
        }
        text
    }

    /// The registry, for collectors of other crates. Its own `*Vec` types merge label values that read the same when
    /// joined (`ab`, `c` and `a`, `bc`): build the families by hand, as this crate does.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The series of a route. The same labels give the same series for as long as one of its handles lives, so that
    /// counters outlive a reload that keeps the route, and leave the scrape with the last request of a removed one.
    ///
    /// Takes a lock: call it when the route is built, not per request.
    pub fn route(&self, route: &str, endpoint: &str) -> Arc<RouteSeries> {
        let (route, endpoint): (Arc<str>, Arc<str>) = (route.into(), endpoint.into());
        self.state.routes.get((Arc::clone(&route), Arc::clone(&endpoint)), || {
            RouteSeries::new(self.state.workers, route, endpoint)
        })
    }

    /// The series of an endpoint's attempts; what is said of [`route`](Self::route) holds here too.
    pub fn upstream(&self, endpoint: &str) -> Arc<UpstreamSeries> {
        let endpoint: Arc<str> = endpoint.into();
        self.state.upstreams.get(Arc::clone(&endpoint), || UpstreamSeries::new(self.state.workers, endpoint))
    }

    /// A series of a counter that another crate owns. The same labels give the same series for as long as one of its
    /// handles lives; it leaves the scrape with the last. `labels` are the values in the order of the family's labels;
    /// they must come from a bounded set (configuration, fixed words), never from clients. Beyond 10,000 series the rest
    /// share one whose labels are all `_OTHER`.
    ///
    /// Takes a lock: call it when a middleware is built, not per request.
    pub fn counter(&self, family: &'static CounterFamily, labels: &[&str]) -> Arc<Counter> {
        self.state.counters.get(self.state.workers, family, labels)
    }

    /// Shows the same counts under these other names too, and no longer under others.
    pub fn set_compat(&self, names: impl IntoIterator<Item = Compat>) {
        self.state.compat.store(names.into_iter().fold(0, |bits, names| bits | names.bit()), Relaxed);
    }

    /// Whether other names are shown.
    pub fn has_compat(&self) -> bool {
        self.state.compat.load(Relaxed) != 0
    }

    /// Gives a gauge that another crate owns its source, asked at each scrape; a later one replaces it. The source
    /// returns label values, in the order of the family's labels, with their value; 10,000 of them at most are shown.
    pub fn watch_gauges(
        &self,
        family: &'static GaugeFamily,
        source: impl Fn() -> Vec<(Vec<String>, f64)> + Send + Sync + 'static,
    ) {
        self.state.gauges.watch(family, Arc::new(source));
    }

    /// Counts a request that the server refused before it could be routed.
    pub fn rejected(&self, worker: usize, outcome: Outcome) {
        self.state.rejected.of(worker)[outcome as usize].fetch_add(1, Relaxed);
    }

    /// Notes that the configuration `generation` went live at `at`.
    pub fn config_loaded(&self, generation: u64, at: SystemTime) {
        let config = &self.state.config;
        let since_epoch = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        config.generation.store(generation, Relaxed);
        config.last_success.store(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX), Relaxed);
        config.loaded.fetch_add(1, Relaxed);
        config.failed.store(0, Relaxed);
    }

    /// Notes that a configuration was refused; the last good one still serves.
    pub fn config_rejected(&self) {
        self.state.config.rejected.fetch_add(1, Relaxed);
        self.state.config.failed.store(1, Relaxed);
    }

    /// Counts a middleware that could not be built and that the configuration lets go missing.
    pub fn middleware_build_failed(&self, name: &str) {
        *self.state.failed_builds.lock().entry(name.to_owned()).or_default() += 1;
    }

    /// Gives `gateway_connections` its source, asked at each scrape; a later one replaces it.
    pub fn watch_connections(&self, source: impl Fn() -> Vec<ConnectionCount> + Send + Sync + 'static) {
        *self.state.connections.lock() = Some(Box::new(source));
    }

    /// Gives `gateway_access_log_dropped_total` its source; a later log replaces it.
    pub fn watch_access_log(&self, log: &AccessLog) {
        *self.state.access_log_dropped.lock() = Some(log.drop_counter());
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").field("build", &self.state.build).finish_non_exhaustive()
    }
}
