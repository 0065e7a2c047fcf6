//! How many streams an HTTP/2 peer allows at once: its SETTINGS say so, after the connection is in use.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A peer's limit. What was seen last can be read at any time; a look at the connection itself takes its lock.
pub(crate) struct StreamLimit {
    seen: AtomicUsize,
    look: Box<dyn Fn() -> Option<usize> + Send + Sync>,
}

impl StreamLimit {
    /// `look` asks the connection, and gets `None` when it has ended.
    pub(crate) fn new(initial: usize, look: impl Fn() -> Option<usize> + Send + Sync + 'static) -> Self {
        Self { seen: AtomicUsize::new(initial), look: Box::new(look) }
    }

    /// The limit as it was seen last.
    pub(crate) fn get(&self) -> usize {
        self.seen.load(Ordering::Relaxed)
    }

    /// Notes the limit.
    pub(crate) fn set(&self, limit: usize) {
        self.seen.store(limit, Ordering::Relaxed);
    }

    /// Asks the connection.
    pub(crate) fn refresh(&self) {
        if let Some(limit) = (self.look)() {
            self.set(limit);
        }
    }
}
