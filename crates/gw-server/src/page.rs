//! `/debug/server/…`: the listeners and the connections of a running server.

use std::sync::{Arc, OnceLock, Weak};

use gw_core::{BoxFuture, DebugRequest, DebugResponse, Debuggable, json_page};
use serde_json::{Value, json};

use crate::{ProxyServer, TaskCount};

/// How many connections are shown at most.
const SHOWN: usize = 10_000;

/// Shows a server on the admin port. It is made before the server, since that serves it: pages are there once
/// [`show`](Self::show) was called. Clones are one and the same.
///
/// - `listeners`: name, address, and counters.
/// - `connections`: the peer, phase, age and requests of each, 10,000 at most.
#[derive(Clone, Debug, Default)]
pub struct ServerDebug(Arc<OnceLock<Weak<ProxyServer>>>);

impl ServerDebug {
    /// Shows `server` from now on; a second one is not shown.
    pub fn show(&self, server: &Arc<ProxyServer>) {
        self.0.get_or_init(|| Arc::downgrade(server));
    }

    /// The live tasks by name, all workers together.
    pub fn tasks(&self) -> Vec<TaskCount> {
        self.server().map(|server| server.tasks()).unwrap_or_default()
    }

    fn server(&self) -> Option<Arc<ProxyServer>> {
        self.0.get().and_then(Weak::upgrade)
    }
}

impl Debuggable for ServerDebug {
    fn name(&self) -> &'static str {
        "server"
    }

    fn pages(&self) -> &'static [&'static str] {
        &["connections", "listeners"]
    }

    fn handle<'a>(&'a self, tail: &'a str, _: DebugRequest) -> BoxFuture<'a, Option<DebugResponse>> {
        let page = self.server().and_then(|server| match tail {
            "listeners" => Some(listeners(&server)),
            "connections" => Some(connections(&server)),
            _ => None,
        });
        Box::pin(std::future::ready(page.map(|page| json_page(&page))))
    }
}

fn listeners(server: &ProxyServer) -> Value {
    let listener = |listener: &crate::ListenerInfo| {
        json!({
            "name": &*listener.name,
            "address": listener.address,
            "tls": listener.tls,
            "draining": listener.draining,
            "counters": listener.stats.counters(),
        })
    };
    server.listeners().iter().map(listener).collect()
}

fn connections(server: &ProxyServer) -> Value {
    let all = server.connections();
    let connection = |connection: &crate::ConnectionInfo| {
        json!({
            "worker": connection.worker,
            "listener": connection.listener,
            "peer": connection.peer,
            "phase": connection.phase,
            "http2": connection.http2,
            "requests": connection.requests,
            "age_seconds": connection.age_ms as f64 / 1e3,
        })
    };
    let shown: Vec<_> = all.iter().take(SHOWN).map(connection).collect();
    json!({ "open": all.len(), "connections": shown })
}
