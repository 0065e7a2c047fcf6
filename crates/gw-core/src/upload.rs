//! How far the body of a request has got on its way up.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How far the upload of a request has got: a part of its context. `gw-proxy` notes it as the body passes, and at once
/// where the body came with its head; timeouts, the access log and the metrics read it.
#[derive(Debug)]
pub struct Upload {
    begin: Instant,
    bytes: AtomicU64,
    /// Nanoseconds from the beginning to the last byte.
    last: AtomicU64,
    ended: AtomicBool,
    waits: AtomicBool,
}

impl Upload {
    /// An upload of nothing, which has ended already: what a request without a body has.
    pub(crate) fn none(now: Instant) -> Self {
        let (bytes, last, waits) = Default::default();
        Self { begin: now, bytes, last, ended: AtomicBool::new(true), waits }
    }

    /// Notes that there is something to send.
    pub fn begin(&self) {
        self.ended.store(false, Relaxed);
    }

    /// Bytes that went up so far; all of a body that came with its head.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// When the last byte went up; when the request was received, if none did or all came with its head.
    pub fn last(&self) -> Instant {
        self.begin + Duration::from_nanos(self.last.load(Relaxed))
    }

    /// Whether the client has sent all of it.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Relaxed)
    }

    /// Whether more was asked for and the client has not sent it yet.
    pub fn waits(&self) -> bool {
        self.waits.load(Relaxed)
    }

    /// Notes bytes that went up.
    pub fn note(&self, bytes: usize, now: Instant) {
        self.bytes.fetch_add(bytes as u64, Relaxed);
        let since = now.saturating_duration_since(self.begin).as_nanos();
        self.last.store(u64::try_from(since).unwrap_or(u64::MAX), Relaxed);
    }

    /// Notes whether the client is waited for.
    pub fn set_waits(&self, waits: bool) {
        self.waits.store(waits, Relaxed);
    }

    /// Notes that the client has sent all.
    pub fn end(&self) {
        self.ended.store(true, Relaxed);
    }
}
