//! Gauges that other crates own: asked for at each scrape.
//!
//! Invariants: a family has one source; of samples with the same labels the last counts, since Prometheus refuses a scrape
//! that has two; no lock is held while a source runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus::proto::MetricFamily;

use super::counter::MAX_SERIES;
use super::families::Family;

/// What is measured. A constant in the crate that knows it; `docs/observability.md` has a row for it.
#[derive(Debug, PartialEq, Eq)]
pub struct GaugeFamily {
    /// The name, by Prometheus' rules: `gateway_…`, with a base unit if it has one.
    pub name: &'static str,
    /// One sentence, with its full stop.
    pub help: &'static str,
    /// The names of the labels.
    pub labels: &'static [&'static str],
}

/// Label values in the order of the family's labels, and the value.
type Samples = Vec<(Vec<String>, f64)>;
type Source = Arc<dyn Fn() -> Samples + Send + Sync>;

/// All gauges of other crates. Its size is bounded by the number of constants in the program.
#[derive(Default)]
pub(super) struct Gauges(Mutex<BTreeMap<&'static str, (&'static GaugeFamily, Source)>>);

impl Gauges {
    /// Sets the source of a family, in place of a former one.
    pub(super) fn watch(&self, family: &'static GaugeFamily, source: Source) {
        let mut gauges = self.0.lock();
        let known = gauges.get(family.name).is_some_and(|(known, _)| *known != family);
        if known || Family::is_ours(family.name) {
            tracing::error!(name = family.name, "two definitions of one metric; this one is not shown");
            return;
        }
        gauges.insert(family.name, (family, source));
    }

    pub(super) fn collect(&self, families: &mut Vec<MetricFamily>) {
        let sources: Vec<_> = self.0.lock().values().cloned().collect();
        for (of, source) in sources {
            let family = Family::gauge(of);
            let fits = |(labels, _): &(Vec<String>, f64)| labels.len() == of.labels.len();
            let samples: BTreeMap<Vec<String>, f64> =
                source().into_iter().filter(fits).take(MAX_SERIES).collect();
            let sample = |(labels, value): (&Vec<String>, &f64)| {
                let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
                family.sample(&labels, *value)
            };
            families.push(family.with(samples.iter().map(sample).collect()));
        }
    }
}
