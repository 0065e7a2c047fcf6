//! Counters of a listener: plain atomics that the wiring reads when metrics are scraped.
//!
//! They are touched once per connection, never per request, so that sharing them between workers costs nothing.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a listener has seen. All counts are since it was bound; they outlive a reload that keeps the listener.
#[derive(Debug, Default)]
pub struct ListenerStats {
    /// Connections open now, tunnels included.
    pub open: AtomicU64,
    /// Connections accepted.
    pub accepted: AtomicU64,
    /// Failed accepts: no file descriptor or no memory left.
    pub refused: AtomicU64,
    /// Times that accepting paused because the connection limit was reached.
    pub paused: AtomicU64,
    /// TLS handshakes that failed or took too long.
    pub handshakes_failed: AtomicU64,
    /// Connections that a worker handed to a less loaded one.
    pub handed_over: AtomicU64,
    /// Connections cut by a timeout, idle ones apart.
    pub timed_out: AtomicU64,
    /// Tunnels open now.
    pub tunnels: AtomicU64,
}

impl ListenerStats {
    /// All counters by name.
    pub fn counters(&self) -> std::collections::BTreeMap<&'static str, u64> {
        let Self { open, accepted, refused, paused, handshakes_failed, handed_over, timed_out, tunnels } =
            self;
        let all = [
            ("open", open),
            ("accepted", accepted),
            ("refused", refused),
            ("paused", paused),
            ("handshakes_failed", handshakes_failed),
            ("handed_over", handed_over),
            ("timed_out", timed_out),
            ("tunnels", tunnels),
        ];
        all.into_iter().map(|(name, counter)| (name, counter.load(Ordering::Relaxed))).collect()
    }

    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn take(counter: &AtomicU64) {
        counter.fetch_sub(1, Ordering::Relaxed);
    }
}
