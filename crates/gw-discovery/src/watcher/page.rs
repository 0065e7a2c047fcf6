//! `/debug/watcher/…`: what is known of services, and who uses it.

use std::collections::BTreeMap;
use std::sync::Arc;

use gw_core::{BoxFuture, DebugRequest, DebugResponse, Debuggable, json_page};
use serde_json::{Value, json};

use super::{ServiceState, ServiceWatcher};
use crate::{Instance, SourceStatus};

/// Shows watchers on the admin port. `?service=` names one service, of which the last watcher that has it tells;
/// without it all are shown, by name.
///
/// - `nodes`: the instances, as kratos has them (`id`, `name`, `version`, `metadata`, `endpoints`) and `held`; `null`
///   for a service that is not watched or has not answered yet.
/// - `appliers`: who uses the service, by a number that names it; `null` for a service that is not watched. Differs
///   from kratos, where the objects are empty.
/// - `source`: how the source itself stands with each service that it is asked for, whether or not its answers are believed:
///   who was asked last, the index of the last good answer and how long ago it came, the last error, how many entries of
///   answers made no sense, how many requests were sent. Sources that keep no such record show nothing.
/// - `services`: how fresh it is: seconds since the last good answer, the outage and its error, and how many
///   instances are held.
pub struct WatcherDebug(pub Vec<Arc<ServiceWatcher>>);

impl Debuggable for WatcherDebug {
    fn name(&self) -> &'static str {
        "watcher"
    }

    fn pages(&self) -> &'static [&'static str] {
        &["nodes", "appliers", "services", "source"]
    }

    fn handle<'a>(&'a self, tail: &'a str, req: DebugRequest) -> BoxFuture<'a, Option<DebugResponse>> {
        let all = match tail {
            "nodes" => self.states(nodes),
            "appliers" => self.states(appliers),
            "services" => self.states(freshness),
            "source" => self.sources(),
            _ => return Box::pin(std::future::ready(None)),
        };
        let page = wanted(all, service(req.uri().query().unwrap_or_default()).as_deref());
        Box::pin(std::future::ready(Some(json_page(&page))))
    }
}

/// What is shown of each service.
type Shown = BTreeMap<String, Value>;

impl WatcherDebug {
    fn states(&self, show: fn(&ServiceState) -> Value) -> Shown {
        let states = self.0.iter().flat_map(|watcher| watcher.inspect());
        states.map(|state| (state.service.clone(), show(&state))).collect()
    }

    fn sources(&self) -> Shown {
        let all = self.0.iter().flat_map(|watcher| watcher.source.inspect());
        all.map(|status| (status.service.clone(), source(&status))).collect()
    }
}

fn wanted(mut all: Shown, service: Option<&str>) -> Value {
    match service {
        Some(service) => all.remove(service).unwrap_or(Value::Null),
        None => all.into_iter().collect(),
    }
}

/// The wanted service; none and an empty one are the same, as in Go.
fn service(query: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("service="))?;
    let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned();
    (!value.is_empty()).then_some(value)
}

fn nodes(state: &ServiceState) -> Value {
    state.instances.as_ref().map_or(Value::Null, |instances| instances.iter().map(node).collect())
}

fn node(instance: &Instance) -> Value {
    let Instance { id, name, version, metadata, endpoints, held } = instance;
    json!({
        "id": id,
        "name": name,
        "version": version,
        "metadata": metadata,
        "endpoints": endpoints,
        "held": held,
    })
}

fn appliers(state: &ServiceState) -> Value {
    let entry = |applier: &super::Applier| (applier.id.to_string(), json!({ "name": &*applier.name }));
    state.appliers.iter().map(entry).collect()
}

fn freshness(state: &ServiceState) -> Value {
    json!({
        "instances": state.instances.as_ref().map(|instances| instances.len()),
        "held": state.held(),
        "answered_seconds_ago": state.answered.map(|ago| ago.as_secs_f64()),
        "failing_seconds": state.failing.map(|since| since.as_secs_f64()),
        "error": state.error.as_deref(),
    })
}

fn source(status: &SourceStatus) -> Value {
    let SourceStatus { service: _, asked, index, last_success, last_error, skipped, requests } = status;
    json!({
        "asked": asked,
        "index": index,
        "answered_seconds_ago": last_success.map(|ago| ago.as_secs_f64()),
        "error": last_error,
        "skipped": skipped,
        "requests": requests,
    })
}
