//! Signals: what ends, reloads or replaces the process.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals the process listens to.
pub(crate) struct Signals {
    term: Signal,
    interrupt: Signal,
    quit: Signal,
    hangup: Signal,
    user2: Signal,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Read the configuration again.
    Reload,
    /// Give the sockets to a new process and drain.
    HandOver,
    /// Stop, with (`TERM`) or without (`INT`) the drain delay.
    Stop { delay: bool },
    /// End at once.
    Quit,
}

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hangup: signal(SignalKind::hangup())?,
            user2: signal(SignalKind::user_defined2())?,
        })
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.term.recv() => Asked::Stop { delay: true },
            _ = self.interrupt.recv() => Asked::Stop { delay: false },
            _ = self.quit.recv() => Asked::Quit,
            _ = self.hangup.recv() => Asked::Reload,
            _ = self.user2.recv() => Asked::HandOver,
        }
    }

    /// Returns after `delay`, or sooner and true when another stop signal came.
    pub(crate) async fn stop_within(&mut self, delay: Duration) -> bool {
        tokio::time::timeout(delay, self.second()).await.is_ok()
    }

    /// Returns when a second stop signal comes.
    pub(crate) async fn second(&mut self) {
        while matches!(self.next().await, Asked::Reload | Asked::HandOver) {}
    }
}
