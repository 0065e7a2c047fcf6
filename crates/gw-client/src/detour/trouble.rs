//! What a forward proxy did wrong last: in the log once for each row of failures, and once when that is over.

use std::sync::atomic::{AtomicBool, Ordering};

use gw_core::Error;
use gw_egress::ForwardProxy;
use parking_lot::Mutex;

use crate::address::Address;

/// The failures since the proxy led to the upstream.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// Whether there are any: all that a request which fares well has to look at.
    any: AtomicBool,
    last: Mutex<Option<String>>,
}

impl Trouble {
    /// The last one.
    pub(super) fn last(&self) -> Option<String> {
        self.last.lock().clone()
    }

    pub(super) fn note(&self, proxy: &ForwardProxy, upstream: &Address, error: &Error) {
        // What the error says of itself is how it is counted; why it came to that is its source.
        let why = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
        let first = {
            let mut last = self.last.lock();
            self.any.store(true, Ordering::Release);
            last.replace(why.clone()).is_none()
        };
        if first {
            tracing::warn!(%proxy, %upstream, error = why, "a forward proxy does not lead to an upstream");
        }
    }

    pub(super) fn end(&self, proxy: &ForwardProxy, upstream: &Address) {
        if !self.any.load(Ordering::Acquire) {
            return;
        }
        let ended = {
            let mut last = self.last.lock();
            self.any.store(false, Ordering::Release);
            last.take().is_some()
        };
        if ended {
            tracing::info!(%proxy, %upstream, "a forward proxy leads to an upstream again");
        }
    }
}
