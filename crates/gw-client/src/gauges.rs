//! What the watches of names and services know, as metrics.
//!
//! Invariant: the sources hold the watches weakly, so that metrics keep no watch alive. `service` is what the
//! configuration names, a service or a name with its port, so that its values are bounded.

use std::sync::{Arc, Weak};

use gw_telemetry::{GaugeFamily, Metrics};

use crate::{ClientFactory, ServiceState, ServiceWatcher};

/// Seconds since the last good answer about a service. Not shown before the first.
pub const DISCOVERY_AGE: GaugeFamily = GaugeFamily {
    name: "gateway_discovery_last_success_age_seconds",
    help: "Time since the last good answer about a service; a source that is quiet has told no change.",
    labels: &["service"],
};

/// How many instances a service has. Not shown before the first answer.
pub const DISCOVERY_INSTANCES: GaugeFamily = GaugeFamily {
    name: "gateway_discovery_instances",
    help: "Instances of a service: present, or held although the source no longer lists them.",
    labels: &["service", "state"],
};

/// Whether the source cannot tell at the moment.
pub const DISCOVERY_FAILING: GaugeFamily = GaugeFamily {
    name: "gateway_discovery_failing",
    help: "Whether nothing newer can be known about a service at the moment, 0 or 1.",
    labels: &["service"],
};

type Samples = Vec<(Vec<String>, f64)>;
type Of = fn(&ServiceState) -> Samples;

impl ClientFactory {
    /// Shows in `metrics` how fresh the answers about names and services are and how many instances they have, for as
    /// long as the factory lives.
    pub fn watch_discovery(&self, metrics: &Metrics) {
        let families: [(_, Of); 3] =
            [(&DISCOVERY_AGE, age), (&DISCOVERY_INSTANCES, instances), (&DISCOVERY_FAILING, failing)];
        for (family, samples) in families {
            let watchers: Vec<Weak<ServiceWatcher>> = self.watchers().iter().map(Arc::downgrade).collect();
            metrics.watch_gauges(family, move || {
                let living = watchers.iter().filter_map(Weak::upgrade);
                living.flat_map(|watcher| watcher.inspect()).flat_map(|state| samples(&state)).collect()
            });
        }
    }
}

fn age(state: &ServiceState) -> Samples {
    let age = state.answered.map(|age| (vec![state.service.clone()], age.as_secs_f64()));
    age.into_iter().collect()
}

fn instances(state: &ServiceState) -> Samples {
    let Some(instances) = &state.instances else { return Vec::new() };
    let held = state.held();
    [("present", instances.len() - held), ("held", held)]
        .map(|(word, count)| (vec![state.service.clone(), word.to_owned()], count as f64))
        .into()
}

fn failing(state: &ServiceState) -> Samples {
    vec![(vec![state.service.clone()], f64::from(u8::from(state.failing.is_some())))]
}
