//! `/debug/lifecycle`: what the process has been through, and what state it is in.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use gw_core::{BoxFuture, Clock, DebugRequest, DebugResponse, Debuggable};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::{Readiness, json};

/// How many events are remembered; the oldest are forgotten first, but for the start.
const REMEMBERED: usize = 128;

/// The events of a process's life. Clones are one and the same.
#[derive(Clone, Debug)]
pub struct Lifecycle(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    started: (Instant, SystemTime),
    readiness: Readiness,
    events: Mutex<VecDeque<Event>>,
}

#[derive(Debug)]
struct Event {
    at: SystemTime,
    what: String,
}

impl Lifecycle {
    /// A life that begins now.
    pub fn new(clock: Clock, readiness: Readiness) -> Self {
        let started = (clock.now(), clock.wall());
        Self(Arc::new(Inner { clock, started, readiness, events: Mutex::default() }))
    }

    /// Notes an event: one clause without a full stop.
    pub fn note(&self, what: impl Into<String>) {
        let event = Event { at: self.0.clock.wall(), what: what.into() };
        let mut events = self.0.events.lock();
        if events.len() == REMEMBERED {
            events.remove(1);
        }
        events.push_back(event);
    }

    fn page(&self) -> Value {
        let Inner { clock, started, readiness, events } = &*self.0;
        let event = |event: &Event| json!({ "at": seconds(event.at), "event": event.what });
        json!({
            "started": seconds(started.1),
            "uptime_seconds": clock.now().saturating_duration_since(started.0).as_secs_f64(),
            "ready": readiness.is_ready(),
            "not_ready": readiness.reasons(),
            "events": events.lock().iter().map(event).collect::<Vec<_>>(),
        })
    }
}

/// Seconds since the Unix epoch.
fn seconds(at: SystemTime) -> f64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

impl Debuggable for Lifecycle {
    fn name(&self) -> &'static str {
        "lifecycle"
    }

    fn pages(&self) -> &'static [&'static str] {
        &[""]
    }

    fn handle<'a>(&'a self, tail: &'a str, _: DebugRequest) -> BoxFuture<'a, Option<DebugResponse>> {
        Box::pin(std::future::ready(tail.is_empty().then(|| json(&self.page()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_and_the_latest_events_are_remembered() {
        let life = Lifecycle::new(Clock::system(), Readiness::new());
        life.note("start");
        for number in 0..1000 {
            life.note(format!("reload {number}"));
        }
        let page = life.page();
        let events = page["events"].as_array().unwrap();
        assert_eq!(events.len(), REMEMBERED);
        assert_eq!(events[0]["event"], "start");
        assert_eq!(events[REMEMBERED - 1]["event"], "reload 999");
        assert_eq!((&page["ready"], page["not_ready"].as_array().unwrap().len()), (&false.into(), 1));
    }
}
