//! How long a request is waited for. The clock of a timeout starts anew while the client's upload makes progress: a slow
//! upload is no slow upstream. A gRPC call's own deadline never moves.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::upload::Progress;

/// In a request's context: when its gRPC call ends, body included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallDeadline(pub(crate) Instant);

/// What is left of a request's time until its response headers.
pub(crate) struct Patience {
    timeout: Option<Duration>,
    /// When the endpoint's timeout is over, unless the upload goes on.
    deadline: Option<Instant>,
    /// When the call is over, whatever goes on.
    hard: Option<Instant>,
    /// The time of one attempt, for its extension.
    attempt: Option<Duration>,
    upload: Arc<Progress>,
    /// The bytes uploaded when a deadline was last set.
    seen: u64,
}

impl Patience {
    /// The time of a request that begins `now`.
    pub(crate) fn new(
        now: Instant,
        timeout: Option<Duration>,
        hard: Option<Instant>,
        upload: Arc<Progress>,
    ) -> Self {
        let deadline = timeout.and_then(|timeout| now.checked_add(timeout));
        Self { timeout, deadline, hard, attempt: None, seen: upload.bytes(), upload }
    }

    /// When an attempt that begins `now` has to answer by.
    pub(crate) fn for_attempt(&mut self, now: Instant, per_try: Option<Duration>) -> Option<Instant> {
        self.attempt = per_try;
        let per_try = per_try.and_then(|timeout| now.checked_add(timeout));
        [per_try, self.deadline, self.hard].into_iter().flatten().min()
    }

    /// A later limit in place of `limit`, which has come; `None` when the wait is over.
    pub(crate) fn extend(&mut self, limit: Instant, now: Instant) -> Option<Instant> {
        let hard = self.hard.is_some_and(|hard| hard <= limit);
        let bytes = self.upload.bytes();
        if hard || self.seen == bytes {
            return None;
        }
        self.seen = bytes;
        self.deadline = self.timeout.and_then(|timeout| now.checked_add(timeout));
        self.for_attempt(now, self.attempt)
    }

    /// Whether nothing would be left at `then`.
    pub(crate) fn is_over(&self, then: Instant) -> bool {
        [self.deadline, self.hard].into_iter().flatten().any(|deadline| deadline <= then)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn without_an_upload_the_nearest_limit_holds() {
        let now = Instant::now();
        let mut patience = Patience::new(now, Some(3 * SECOND), Some(now + 2 * SECOND), Arc::default());
        assert_eq!(patience.for_attempt(now, Some(SECOND)), Some(now + SECOND));
        assert_eq!(patience.for_attempt(now, None), Some(now + 2 * SECOND));
        assert_eq!(patience.extend(now + 2 * SECOND, now + 2 * SECOND), None);
        assert!(!patience.is_over(now + SECOND));
        assert!(patience.is_over(now + 2 * SECOND));
        let mut forever = Patience::new(now, None, None, Arc::default());
        assert_eq!(forever.for_attempt(now, None), None);
    }
}
