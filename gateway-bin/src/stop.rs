//! Signals, which end, reload or replace the process, and what a stop says while it waits.

use std::convert::Infallible;
use std::time::Duration;

use gw_server::{InFlight, ProxyServer};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How often a stop says what it still waits for.
const SAY: Duration = Duration::from_secs(5);

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

/// Says what a drain of at most `grace` waits for: at its start, if there is anything, and then now and again.
pub(crate) async fn say_what_is_waited_for(server: &ProxyServer, grace: Duration) -> Infallible {
    let mut ticks = tokio::time::interval(SAY);
    let end = ticks.tick().await + grace;
    loop {
        let InFlight { requests, tunnels } = server.in_flight();
        if requests + tunnels > 0 {
            let left = end.saturating_duration_since(tokio::time::Instant::now());
            tracing::info!(
                requests,
                tunnels,
                at_most_seconds = left.as_secs(),
                "waiting for what is in flight"
            );
        }
        ticks.tick().await;
    }
}
