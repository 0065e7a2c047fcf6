//! Defaults: those that differ by dialect, and those that stand for an absent key.
//!
//! The Go dialect has the Go gateway's, so that a file of it behaves as it did.

use std::time::Duration;

use gw_value::Dialect;

use super::{Backend, Client, Endpoint, Gateway, Listener, Middleware, Retry};

/// Attempts at most: more would hold a request for longer than a client waits.
pub const MAX_ATTEMPTS: u32 = 16;

const GO_CONNECT: Duration = Duration::from_millis(200);
const CONNECT: Duration = Duration::from_secs(1);
const GO_REQUEST: Duration = Duration::from_secs(1);
const REQUEST: Duration = Duration::from_secs(15);
const STREAM_IDLE: Duration = Duration::from_secs(300);
const UPSTREAM_IDLE: Duration = Duration::from_secs(56);

impl Gateway {
    /// The listeners; without any, one on `:8080`.
    pub fn listeners_or_default(&self) -> Vec<Listener> {
        match self.listeners.as_slice() {
            [] => vec![Listener::default()],
            some => some.iter().map(|listener| (**listener).clone()).collect(),
        }
    }
}

impl Client {
    /// To connect, TLS included. Default 1 s; Go dialect 200 ms. 0 is the default.
    pub fn connect_timeout_or_default(&self, dialect: Dialect) -> Duration {
        let default = match dialect {
            Dialect::Native => CONNECT,
            Dialect::Go => GO_CONNECT,
        };
        self.connect_timeout.filter(|timeout| !timeout.is_zero()).unwrap_or(default)
    }

    /// How long an unused upstream connection is kept. Default 56 s: a little less than the 60 s after which common
    /// servers close, so that it is us.
    pub fn idle_timeout_or_default(&self) -> Duration {
        self.idle_timeout.unwrap_or(UPSTREAM_IDLE)
    }

    /// Connections at once to one node, over all workers. Default 1,000.
    pub fn max_connections_or_default(&self) -> usize {
        self.max_connections.unwrap_or(1_000)
    }

    /// How many requests may wait for a connection to one node. Default 1,000.
    pub fn max_pending_or_default(&self) -> usize {
        self.max_pending.unwrap_or(1_000)
    }
}

impl Endpoint {
    /// Until the response headers, all attempts included. Default 15 s, and zero is none. Go dialect: default 1 s, also
    /// for zero, as in kratos; there it is over the whole body, here not.
    pub fn timeout_or_default(&self, dialect: Dialect) -> Duration {
        match dialect {
            Dialect::Native => self.timeout.unwrap_or(REQUEST),
            Dialect::Go => self.timeout.filter(|timeout| !timeout.is_zero()).unwrap_or(GO_REQUEST),
        }
    }

    /// How long an answer may stand still. Default 5 min in both dialects; zero is none.
    pub fn idle_timeout_or_default(&self, _dialect: Dialect) -> Duration {
        self.idle_timeout.unwrap_or(STREAM_IDLE)
    }

    /// Attempts in all, 1 to 16. Default 2, of which the second is only made where that is safe; 1 in the Go dialect
    /// and for streams.
    pub fn attempts_or_default(&self, dialect: Dialect) -> u32 {
        match &self.retry {
            _ if self.stream => 1,
            Some(retry) => retry.attempts_or_default(dialect),
            None => default_attempts(dialect),
        }
    }
}

impl Retry {
    /// Attempts in all, 1 to 16. Default 2; 1 in the Go dialect, also for 0.
    pub fn attempts_or_default(&self, dialect: Dialect) -> u32 {
        match self.attempts.as_deref() {
            None => default_attempts(dialect),
            Some(attempts) => (*attempts).clamp(1, MAX_ATTEMPTS),
        }
    }
}

fn default_attempts(dialect: Dialect) -> u32 {
    match dialect {
        Dialect::Native => 2,
        Dialect::Go => 1,
    }
}

impl Middleware {
    /// Whether a failing build fails the load. Default true in both dialects. Differs from kratos, where it is false.
    pub fn is_required(&self) -> bool {
        self.required.unwrap_or(true)
    }
}

impl Backend {
    /// Its share of requests, 0 to 65,535. Default 100.
    pub fn weight_or_default(&self) -> u32 {
        self.weight.as_ref().map_or(100, |weight| u32::try_from(**weight).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gw_value::Spanned;

    #[test]
    fn timeouts_by_dialect() {
        let (endpoint, client) = (Endpoint::default(), Client::default());
        let ms = Duration::from_millis;
        assert_eq!(endpoint.timeout_or_default(Dialect::Native), ms(15_000));
        assert_eq!(endpoint.timeout_or_default(Dialect::Go), ms(1_000));
        assert_eq!(client.connect_timeout_or_default(Dialect::Native), ms(1_000));
        assert_eq!(client.connect_timeout_or_default(Dialect::Go), ms(200));
        assert_eq!(endpoint.idle_timeout_or_default(Dialect::Go), ms(300_000));
        let zero = Endpoint { timeout: Some(Duration::ZERO), ..Endpoint::default() };
        assert_eq!(zero.timeout_or_default(Dialect::Native), Duration::ZERO);
        assert_eq!(zero.timeout_or_default(Dialect::Go), ms(1_000));
    }

    #[test]
    fn what_a_pool_has() {
        let client = Client::default();
        let most = (client.max_connections_or_default(), client.max_pending_or_default());
        assert_eq!((client.idle_timeout_or_default(), most), (Duration::from_secs(56), (1_000, 1_000)));
    }

    #[test]
    fn attempts_by_dialect() {
        #[track_caller]
        fn check(attempts: Option<u32>, native: u32, go: u32) {
            let retry = Retry { attempts: attempts.map(Spanned::unplaced), ..Retry::default() };
            let endpoint = Endpoint { retry: Some(Spanned::unplaced(retry)), ..Endpoint::default() };
            assert_eq!(endpoint.attempts_or_default(Dialect::Native), native);
            assert_eq!(endpoint.attempts_or_default(Dialect::Go), go);
        }
        check(None, 2, 1);
        check(Some(0), 1, 1);
        check(Some(3), 3, 3);
        check(Some(99), 16, 16);
        assert_eq!(Endpoint::default().attempts_or_default(Dialect::Native), 2);
        let stream = Endpoint { stream: true, ..Endpoint::default() };
        assert_eq!(stream.attempts_or_default(Dialect::Native), 1);
    }

    #[test]
    fn a_middleware_is_required_unless_it_says_no() {
        assert!(Middleware::default().is_required());
        assert!(!Middleware { required: Some(false), ..Middleware::default() }.is_required());
    }
}
