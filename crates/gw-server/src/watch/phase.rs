//! What a connection is doing, and what is to become of it.

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Phase {
    /// The TLS handshake.
    Handshake,
    /// Waiting for the first request.
    First,
    /// Between requests.
    Idle,
    /// In the middle of a request head (HTTP/1).
    Head,
    /// At least one request is served.
    Busy,
    /// Our half is closed or about to be.
    Closing,
    /// Upgraded: no longer HTTP.
    Tunnel,
}

impl Phase {
    pub(super) const ALL: [Self; 7] =
        [Self::Handshake, Self::First, Self::Idle, Self::Head, Self::Busy, Self::Closing, Self::Tunnel];

    /// The word shown to operators.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::First => "first",
            Self::Idle => "idle",
            Self::Head => "head",
            Self::Busy => "busy",
            Self::Closing => "closing",
            Self::Tunnel => "tunnel",
        }
    }
}

/// What is to become of a connection. Ordered by severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Verdict {
    /// It goes on.
    None,
    /// End it where no request is lost.
    Close,
    /// Tell the other end that we go away, then end it (tunnels).
    GoAway,
    /// The head took too long: 408 and close.
    HeadTimeout,
    /// Drop it now.
    Abort,
}

impl Verdict {
    pub(super) const ALL: [Self; 5] = [Self::None, Self::Close, Self::GoAway, Self::HeadTimeout, Self::Abort];
}
