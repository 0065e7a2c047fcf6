//! The collector: merges all shards when Prometheus asks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use gw_core::Outcome;
use prometheus::Registry;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

use super::compat;
use super::families::{self as f, ALL, Family};
use super::{RetryResult, RouteSeries, State, UpstreamSeries};

struct Scrape {
    state: Arc<State>,
    descs: Vec<Desc>,
}

/// Puts our families, and those of the process where the platform has them, into `registry`.
pub(super) fn register(registry: &Registry, state: &Arc<State>) {
    let descs = ALL.iter().map(|family| family.desc()).collect::<prometheus::Result<_>>();
    let own = descs.and_then(|descs| registry.register(Box::new(Scrape { state: Arc::clone(state), descs })));
    report(own);
    #[cfg(target_os = "linux")]
    report(registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self())));
}

/// The table of families is constant and the registry new, so this is for a table that a change broke; its test fails.
fn report(registered: prometheus::Result<()>) {
    if let Err(error) = registered {
        tracing::error!(%error, "a metrics collector could not be registered");
    }
}

impl Collector for Scrape {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut families = Vec::with_capacity(ALL.len());
        let (living, attempts) = (self.state.routes.living(), self.state.upstreams.living());
        routes(&living, &mut families);
        upstreams(&attempts, &mut families);
        compat::collect(&self.state, &living, &attempts, &mut families);
        server(&self.state, &mut families);
        config(&self.state, &mut families);
        own(&self.state, &mut families);
        self.state.counters.collect(&mut families);
        self.state.gauges.collect(&mut families);
        families
    }
}

fn routes(living: &[Arc<RouteSeries>], families: &mut Vec<MetricFamily>) {
    let mut durations = Vec::new();
    for series in living {
        for (key, merged) in series.durations() {
            let labels = [
                key.method.as_str(),
                &key.status.text(),
                &series.route,
                &series.endpoint,
                key.outcome.error_type(),
                key.protocol.as_str(),
            ];
            durations.push(f::SERVER_DURATION.histogram(&labels, &merged));
        }
    }
    families.push(f::SERVER_DURATION.with(durations));
    let mut each = |family: &Family, value: fn(&RouteSeries) -> f64| {
        let sample =
            |series: &Arc<RouteSeries>| family.sample(&[&series.route, &series.endpoint], value(series));
        families.push(family.with(living.iter().map(sample).collect()));
    };
    each(&f::SERVER_ACTIVE, |series| series.in_flight() as f64);
    each(&f::SERVER_REQUEST_BYTES, |series| series.request_bytes() as f64);
    each(&f::SERVER_RESPONSE_BYTES, |series| series.response_bytes() as f64);
}

fn upstreams(living: &[Arc<UpstreamSeries>], families: &mut Vec<MetricFamily>) {
    let (mut durations, mut retries) = (Vec::new(), Vec::new());
    for series in living {
        for (outcome, merged) in series.durations() {
            durations.push(f::CLIENT_DURATION.histogram(&[&series.endpoint, outcome.error_type()], &merged));
        }
        for result in RetryResult::ALL {
            let labels = [&*series.endpoint, result.as_str()];
            retries.push(f::RETRIES.sample(&labels, series.retries(result) as f64));
        }
    }
    families.push(f::CLIENT_DURATION.with(durations));
    families.push(f::RETRIES.with(retries));
}

fn server(state: &State, families: &mut Vec<MetricFamily>) {
    let refused = |outcome: &Outcome| -> u64 {
        state.rejected.iter().map(|shard| shard[*outcome as usize].load(Relaxed)).sum()
    };
    let rejected = Outcome::ALL.iter().filter_map(|outcome| match refused(outcome) {
        0 => None,
        count => Some(f::REJECTED.sample(&[outcome.as_str()], count as f64)),
    });
    families.push(f::REJECTED.with(rejected.collect()));
    // A sample that occurs twice makes Prometheus refuse the whole scrape, so the source's counts are added up.
    let mut connections = BTreeMap::new();
    for count in state.connections.lock().as_ref().map(|source| source()).unwrap_or_default() {
        *connections.entry((count.listener, count.state)).or_insert(0) += count.count;
    }
    let sample = |((listener, state), count): (&(Arc<str>, &str), &u64)| {
        f::CONNECTIONS.sample(&[listener, state], *count as f64)
    };
    families.push(f::CONNECTIONS.with(connections.iter().map(sample).collect()));
}

fn config(state: &State, families: &mut Vec<MetricFamily>) {
    let config = &state.config;
    let (loaded, rejected) = (config.loaded.load(Relaxed), config.rejected.load(Relaxed));
    families.push(f::CONFIG_RELOADS.with(vec![
        f::CONFIG_RELOADS.sample(&["success"], loaded as f64),
        f::CONFIG_RELOADS.sample(&["failure"], rejected as f64),
    ]));
    let last_ok = loaded > 0 && config.failed.load(Relaxed) == 0;
    for (family, value) in [
        (&f::CONFIG_GENERATION, config.generation.load(Relaxed) as f64),
        (&f::CONFIG_LAST_OK, f64::from(u8::from(last_ok))),
        (&f::CONFIG_LAST_SUCCESS, config.last_success.load(Relaxed) as f64 / 1e3),
    ] {
        families.push(family.with(vec![family.sample(&[], value)]));
    }
}

fn own(state: &State, families: &mut Vec<MetricFamily>) {
    let failures = state
        .failed_builds
        .lock()
        .iter()
        .map(|(name, count)| f::MIDDLEWARE_FAILURES.sample(&[name], *count as f64))
        .collect();
    families.push(f::MIDDLEWARE_FAILURES.with(failures));
    let dropped = state.access_log_dropped.lock().as_ref().map_or(0, |counter| counter.load(Relaxed));
    families.push(f::ACCESS_LOG_DROPPED.with(vec![f::ACCESS_LOG_DROPPED.sample(&[], dropped as f64)]));
    let labels = [state.build.version, state.build.revision];
    families.push(f::BUILD_INFO.with(vec![f::BUILD_INFO.sample(&labels, 1.0)]));
}
