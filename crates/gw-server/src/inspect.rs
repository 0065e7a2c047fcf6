//! What operators see of a running server: snapshots, taken without stopping anything.

use std::net::SocketAddr;
use std::sync::Arc;

use gw_tls::CertificateInfo;

use crate::listener::Listener;
use crate::stats::ListenerStats;
use crate::watch::{Phase, Watch};

/// A listener that serves or drains.
#[derive(Clone, Debug)]
pub struct ListenerInfo {
    /// Its name.
    pub name: Arc<str>,
    /// Its address, with the real port.
    pub address: SocketAddr,
    /// Whether it speaks TLS.
    pub tls: bool,
    /// What its TLS side serves to new connections.
    pub certificates: Arc<[CertificateInfo]>,
    /// Whether it has stopped accepting.
    pub draining: bool,
    /// Its counters, live.
    pub stats: Arc<ListenerStats>,
}

impl ListenerInfo {
    pub(crate) fn of(listener: &Listener) -> Self {
        let settings = listener.settings();
        Self {
            name: Arc::clone(&settings.name),
            address: listener.local,
            tls: settings.tls.is_some(),
            certificates: Arc::clone(&settings.certificates),
            draining: listener.is_draining(),
            stats: Arc::clone(&listener.stats),
        }
    }
}

/// An open connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// The worker that serves it.
    pub worker: usize,
    /// The real address of its listener.
    pub listener: SocketAddr,
    /// The client's end.
    pub peer: SocketAddr,
    /// `handshake`, `first`, `idle`, `head`, `busy`, `closing` or `tunnel`.
    pub phase: &'static str,
    /// Whether it speaks HTTP/2.
    pub http2: bool,
    /// Requests begun on it.
    pub requests: u64,
    /// Milliseconds since it was accepted, to within a second.
    pub age_ms: u64,
}

impl ConnectionInfo {
    pub(crate) fn of(worker: usize, watch: &Watch) -> Self {
        Self {
            worker,
            listener: watch.listener.local,
            peer: watch.peer,
            phase: watch.phase().as_str(),
            http2: watch.is_h2(),
            requests: watch.requests(),
            age_ms: watch.ticks.now().saturating_sub(watch.accepted),
        }
    }
}

/// What a stop waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InFlight {
    /// Requests whose answers have not ended.
    pub requests: usize,
    /// Connections that were upgraded: WebSockets and their like.
    pub tunnels: usize,
}

impl InFlight {
    pub(crate) fn add(&mut self, watch: &Watch) {
        match watch.phase() {
            Phase::Tunnel => self.tunnels += 1,
            _ => self.requests += watch.exchanges(),
        }
    }
}

/// How many tasks of a kind live on a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskCount {
    /// The worker.
    pub worker: usize,
    /// What the tasks are for.
    pub name: &'static str,
    /// How many there are.
    pub live: usize,
}
