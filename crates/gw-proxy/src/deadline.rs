//! How long a request is waited for. The time of a timeout counts from the last byte of the client's upload: a slow upload
//! is no slow upstream. A gRPC call's own deadline never moves, and a gRPC stream that the client still writes is
//! bounded by the idle timeout, since the upstream may answer when it has ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gw_core::{Outcome, Request, RequestContext};

use crate::grpc;

/// The times that bound a route's requests until their response headers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timeouts {
    /// All attempts together.
    pub(crate) request: Option<Duration>,
    /// One attempt.
    pub(crate) per_try: Option<Duration>,
    /// How long a gRPC client may pause within its stream.
    pub(crate) stream_idle: Option<Duration>,
}

/// What is left of a request's time until its response headers.
pub(crate) struct Patience {
    timeouts: Timeouts,
    begin: Instant,
    /// When the attempt at hand began.
    attempt: Instant,
    /// When the call is over, whatever goes on.
    hard: Option<Instant>,
    /// What an embedding program decided for the attempt at hand.
    decided: Option<Option<Instant>>,
    /// Whose request it is.
    pub(crate) cx: Arc<RequestContext>,
}

impl Patience {
    /// The time of a request that begins `now`, whose context is `cx`.
    pub(crate) fn new(
        now: Instant,
        timeouts: Timeouts,
        hard: Option<Instant>,
        cx: Arc<RequestContext>,
    ) -> Self {
        Self { timeouts, begin: now, attempt: now, hard, decided: None, cx }
    }

    /// When to look again at the attempt that begins `now`; `None` if there is no limit to its time.
    pub(crate) fn begin_attempt(&mut self, now: Instant) -> Option<Instant> {
        (self.attempt, self.decided) = (now, None);
        self.next_look(now, self.limit())
    }

    /// Ends the attempt at hand at `limit` instead, whatever the client still uploads; the end of a gRPC call stands.
    /// When to look again.
    pub(crate) fn decide(&mut self, limit: Option<Instant>) -> Option<Instant> {
        let limit = [limit, self.hard].into_iter().flatten().min();
        self.decided = Some(limit);
        limit
    }

    /// Tells the upstream how long the call has from `now` on, if it ends some time.
    pub(crate) fn set_remaining(&self, req: &mut Request, now: Instant) {
        if let Some(deadline) = self.hard {
            grpc::set_timeout(req.headers_mut(), deadline.saturating_duration_since(now));
        }
    }

    /// When to look again after `looked`, which has come; `None` when the wait is over.
    pub(crate) fn extend(&self, looked: Instant) -> Option<Instant> {
        if let Some(decided) = self.decided {
            return decided.filter(|limit| *limit > looked);
        }
        let later = self.limit().filter(|limit| *limit > looked);
        later.and_then(|limit| self.next_look(looked, Some(limit)))
    }

    /// The limit itself; but a client that still writes its stream may end it any moment, from which on the shorter
    /// timeouts count, so that is looked after as often as they last.
    fn next_look(&self, now: Instant, limit: Option<Instant>) -> Option<Instant> {
        let shorter = [self.timeouts.per_try, self.timeouts.request].into_iter().flatten().min();
        let look = shorter.filter(|_| self.streams()).and_then(|timeout| now.checked_add(timeout));
        [limit, look].into_iter().flatten().min()
    }

    /// Whether nothing would be left at `then`.
    pub(crate) fn is_over(&self, then: Instant) -> bool {
        self.deadline().into_iter().chain(self.hard).any(|deadline| deadline <= then)
    }

    /// Whose fault it is that the wait is over at `limit`. The client's, if it was waited for; nobody's, if its own deadline has
    /// come: else callers with short deadlines could talk nodes down.
    pub(crate) fn blame(&self, limit: Instant) -> Outcome {
        if self.hard.is_some_and(|hard| hard <= limit) {
            Outcome::Discarded
        } else if self.cx.upload.waits() && !self.cx.upload.has_ended() {
            Outcome::ClientTimeout
        } else {
            Outcome::UpstreamTimeout
        }
    }

    fn limit(&self) -> Option<Instant> {
        let per_try = if self.streams() { None } else { self.timeouts.per_try };
        let per_try =
            per_try.and_then(|timeout| self.cx.upload.last().max(self.attempt).checked_add(timeout));
        [per_try, self.deadline(), self.hard].into_iter().flatten().min()
    }

    fn deadline(&self) -> Option<Instant> {
        let timeout = if self.streams() { self.timeouts.stream_idle } else { self.timeouts.request };
        timeout.and_then(|timeout| self.cx.upload.last().max(self.begin).checked_add(timeout))
    }

    /// A gRPC client that still writes, and gave no deadline.
    fn streams(&self) -> bool {
        self.cx.endpoint.grpc && self.hard.is_none() && !self.cx.upload.has_ended()
    }
}

#[cfg(test)]
mod tests {
    use gw_core::{AnswerForm, EndpointInfo};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn timeouts(request: u32, per_try: Option<u32>) -> Timeouts {
        Timeouts {
            request: Some(request * SECOND),
            per_try: per_try.map(|seconds| seconds * SECOND),
            stream_idle: Some(300 * SECOND),
        }
    }

    fn context(now: Instant, grpc: bool) -> Arc<RequestContext> {
        let endpoint = EndpointInfo { grpc, ..EndpointInfo::default() };
        Arc::new(crate::testing::context(endpoint, AnswerForm::Text, now))
    }

    #[test]
    fn the_nearest_limit_holds_and_does_not_move_by_itself() {
        let now = Instant::now();
        let hard = Some(now + 2 * SECOND);
        let mut patience = Patience::new(now, timeouts(3, Some(1)), hard, context(now, false));
        assert_eq!(patience.begin_attempt(now), Some(now + SECOND));
        assert_eq!(patience.extend(now + SECOND), None);
        assert_eq!(patience.begin_attempt(now + 3 * SECOND / 2), Some(now + 2 * SECOND));
        assert!(!patience.is_over(now + SECOND) && patience.is_over(now + 2 * SECOND));
        assert_eq!(patience.blame(now + SECOND), Outcome::UpstreamTimeout);
        assert_eq!(patience.blame(now + 2 * SECOND), Outcome::Discarded);
        let mut forever = Patience::new(now, Timeouts::default(), None, context(now, true));
        assert_eq!(forever.begin_attempt(now), None);
    }

    #[test]
    fn an_upload_that_moves_is_waited_for_from_its_last_byte() {
        let now = Instant::now();
        let cx = context(now, false);
        cx.upload.begin();
        let mut patience = Patience::new(now, timeouts(3, None), None, Arc::clone(&cx));
        assert_eq!(patience.begin_attempt(now), Some(now + 3 * SECOND));
        cx.upload.note(1, now + 2 * SECOND);
        assert_eq!(patience.extend(now + 3 * SECOND), Some(now + 5 * SECOND));
        assert_eq!(patience.extend(now + 5 * SECOND), None, "no longer than the timeout");
        cx.upload.set_waits(true);
        assert_eq!(patience.blame(now + 5 * SECOND), Outcome::ClientTimeout);
    }

    #[test]
    fn a_grpc_stream_without_a_deadline_is_bounded_by_the_idle_timeout_until_the_client_has_ended_it() {
        let now = Instant::now();
        let cx = context(now, true);
        cx.upload.begin();
        let mut patience = Patience::new(now, timeouts(3, Some(1)), None, Arc::clone(&cx));
        assert_eq!(patience.begin_attempt(now), Some(now + SECOND), "looked after each second");
        assert_eq!(patience.extend(now + SECOND), Some(now + 2 * SECOND));
        assert_eq!(patience.extend(now + 300 * SECOND), None);
        cx.upload.note(1, now + 100 * SECOND);
        assert_eq!(patience.extend(now + 300 * SECOND), Some(now + 301 * SECOND));
        cx.upload.end();
        assert_eq!(patience.extend(now + 100 * SECOND), Some(now + 101 * SECOND));
        assert_eq!(patience.extend(now + 101 * SECOND), None);
    }
}
