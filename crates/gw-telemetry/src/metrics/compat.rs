//! The names under which other gateways show the same: derived at scrape from our own series, counted nowhere else.
//!
//! Invariants: labels are as bounded as ours; series of ours whose labels read the same there are added up, since
//! Prometheus refuses a scrape that has a sample twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use gw_core::{EndpointInfo, Outcome};
use prometheus::proto::{Metric, MetricFamily, MetricType};

use super::families::Family;
use super::histogram::Merged;
use super::labels::MethodLabel;
use super::{RetryResult, RouteSeries, State, UpstreamSeries};

mod blademaster;
mod kratos;

/// The upper bounds of both, in seconds: each is one of ours.
pub(super) const BOUNDS: [f64; 8] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];

/// Whose names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compat {
    /// The Go gateway's: `go_gateway_…`.
    Kratos,
    /// Blademaster's: `http_server_requests_…`, `http_client_requests_…`.
    Blademaster,
}

impl Compat {
    pub(super) const fn bit(self) -> u8 {
        match self {
            Self::Kratos => 1,
            Self::Blademaster => 2,
        }
    }
}

/// Adds the families that are asked for.
pub(super) fn collect(
    state: &State,
    routes: &[Arc<RouteSeries>],
    upstreams: &[Arc<UpstreamSeries>],
    families: &mut Vec<MetricFamily>,
) {
    let asked = state.compat.load(Relaxed);
    if asked & Compat::Kratos.bit() != 0 {
        kratos::collect(state, routes, upstreams, families);
    }
    if asked & Compat::Blademaster.bit() != 0 {
        blademaster::collect(state, routes, upstreams, families);
    }
}

const fn family(
    kind: MetricType,
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Family {
    Family { name, kind, help, labels }
}

/// What other crates count for each endpoint under the name `counted`, by the labels that `of` gives the endpoint.
/// An endpoint for which nothing counts has no sample.
fn by_endpoint(
    state: &State,
    counted: &str,
    routes: &[Arc<RouteSeries>],
    of: impl Fn(&EndpointInfo) -> Vec<String>,
) -> Counts {
    let mut by_name = state.counters.by_endpoint(counted);
    let mut counts = Counts::new();
    for info in routes.iter().filter_map(|series| series.info()) {
        // Taken out: while a reload drains, two routes may have one name.
        if let Some(count) = by_name.remove(&*info.name) {
            *counts.entry(of(&info)).or_default() += count;
        }
    }
    counts
}

/// The configured methods as label: `*` for any.
fn methods(info: &EndpointInfo) -> &str {
    if info.methods.is_empty() { "*" } else { &info.methods }
}

/// Counts by label values.
type Counts = BTreeMap<Vec<String>, u64>;
/// Durations by label values.
type Durations = BTreeMap<Vec<String>, Merged>;

fn values(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

fn counters(family: &Family, counts: &Counts) -> MetricFamily {
    let sample = |(labels, count): (&Vec<String>, &u64)| family.sample(&borrowed(labels), *count as f64);
    family.with(counts.iter().map(sample).collect())
}

fn histograms(family: &Family, durations: &Durations, per_second: f64) -> MetricFamily {
    let sample = |(labels, merged): (&Vec<String>, &Merged)| -> Metric {
        family.with_histogram(&borrowed(labels), merged.coarse(&BOUNDS, per_second))
    };
    family.with(durations.iter().map(sample).collect())
}

fn borrowed(labels: &[String]) -> Vec<&str> {
    labels.iter().map(String::as_str).collect()
}
