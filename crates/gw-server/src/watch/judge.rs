//! What the stamps of a connection call for: the rules of the sweeper.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Phase, Verdict, Watch};
use crate::ticks::Stamp;

/// How long a peer may take to notice that we have closed our half.
const CLOSING: Duration = Duration::from_secs(2);
/// How long a connection may stay silent once its listener drains. Not at once: a client that sends request after
/// request learns from its next answer that it is the last, and loses none to a close that crosses it.
pub(super) const QUIET: Duration = Duration::from_millis(500);

impl Watch {
    /// What the stamps call for at `now`.
    pub(crate) fn judge(&self, now: Stamp) -> Verdict {
        let since = self.since.load(Ordering::Relaxed);
        let over = |timeout: Duration| self.ticks.expired(since, timeout, now);
        let phase = self.phase();
        let blocked = self.write_since.load(Ordering::Relaxed);
        if phase != Phase::Tunnel && self.ticks.expired(blocked, self.limits.write_timeout, now) {
            self.set_reset();
            return Verdict::Abort;
        }
        let paced = phase != Phase::Tunnel && !self.is_h2() && !self.unpaced.load(Ordering::Relaxed);
        if self.taking.sweep(paced && blocked != 0, now) {
            self.set_reset();
            return Verdict::Abort;
        }
        match phase {
            // HTTP/1 learns of it by its next answer, which loses no request.
            Phase::Idle | Phase::Busy if self.is_h2() && self.is_old_at(now) => Verdict::Close,
            Phase::Handshake if over(self.limits.handshake_timeout) => Verdict::Abort,
            Phase::First | Phase::Head if over(self.limits.header_timeout) => Verdict::HeadTimeout,
            Phase::First if !self.bytes_seen() && self.is_left_over(since, now) => Verdict::Close,
            Phase::Idle if blocked == 0 && !self.has_body() => {
                if self.is_left_over(since, now) || over(self.limits.idle_timeout) {
                    Verdict::Close
                } else {
                    Verdict::None
                }
            }
            Phase::Closing if over(CLOSING) => Verdict::Abort,
            _ => Verdict::None,
        }
    }

    /// Whether it has been silent for a while of the listener's drain. Counted from the drain's begin: the stamps from
    /// before are early by a longer tick than the drain's.
    fn is_left_over(&self, since: Stamp, now: Stamp) -> bool {
        if !self.listener.is_draining() {
            return false;
        }
        let begin = match self.draining_since.load(Ordering::Relaxed) {
            0 => {
                self.draining_since.store(now, Ordering::Relaxed);
                now
            }
            begin => begin,
        };
        self.ticks.expired(since.max(begin), QUIET, now)
    }
}
