//! What listeners show as metrics: their connections, and when the certificates that they serve end.
//!
//! Invariant: the sources hold the server weakly, so that metrics keep no server alive.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::UNIX_EPOCH;

use gw_telemetry::{ConnectionCount, GaugeFamily, Metrics};

use crate::{ListenerInfo, ProxyServer};

/// When a certificate that new connections may get ends. `server_name` is the first of its names, empty without one; the
/// serial number tells a certificate from its successor.
pub const CERTIFICATE_END: GaugeFamily = GaugeFamily {
    name: "gateway_tls_certificate_not_after_timestamp_seconds",
    help: "When a served certificate ends, in seconds since the Unix epoch.",
    labels: &["listener", "server_name", "serial"],
};

impl ProxyServer {
    /// Shows in `metrics` the open connections and the ends of the certificates of every listener, for as long as the
    /// server lives.
    pub fn watch_listeners(self: &Arc<Self>, metrics: &Metrics) {
        let listeners = |server: &Arc<Self>| {
            let server = Arc::downgrade(server);
            move || server.upgrade().map(|server| server.listeners()).unwrap_or_default()
        };
        let read = listeners(self);
        metrics.watch_connections(move || read().iter().flat_map(connections).collect());
        let read = listeners(self);
        metrics.watch_gauges(&CERTIFICATE_END, move || {
            read().iter().filter(|listener| !listener.draining).flat_map(certificates).collect()
        });
    }
}

fn connections(listener: &ListenerInfo) -> [ConnectionCount; 2] {
    let (open, tunnels) = (listener.stats.open.load(Relaxed), listener.stats.tunnels.load(Relaxed));
    [("http", open.saturating_sub(tunnels)), ("tunnel", tunnels)].map(|(state, count)| ConnectionCount {
        listener: Arc::clone(&listener.name),
        state,
        count,
    })
}

fn certificates(listener: &ListenerInfo) -> Vec<(Vec<String>, f64)> {
    let sample = |certificate: &gw_tls::CertificateInfo| {
        let name = certificate.names.first().cloned().unwrap_or_default();
        let end = certificate.not_after.duration_since(UNIX_EPOCH).unwrap_or_default();
        (vec![listener.name.to_string(), name, certificate.serial.clone()], end.as_secs_f64())
    };
    listener.certificates.iter().map(sample).collect()
}
