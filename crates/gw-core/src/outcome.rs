//! The one table of outcomes: what can become of a request or an attempt, and all that follows from it.
//!
//! Status, gRPC status, `Proxy-Status` type, blame, retries, node health, log words and metric labels derive
//! from the rows here and nowhere else.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// Where a failure arose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The client's doing.
    Downstream,
    /// Our own decision or fault.
    Gateway,
    /// The upstream's doing.
    Upstream,
}

impl Side {
    /// The word used in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Downstream => "downstream",
            Self::Gateway => "gateway",
            Self::Upstream => "upstream",
        }
    }
}

/// What an [`Outcome`] implies.
#[derive(Debug)]
pub struct Facts {
    /// The word in logs, metric labels and answers.
    pub word: &'static str,
    /// The HTTP status of an answer that the gateway makes.
    pub status: u16,
    /// The `grpc-status` of such an answer.
    pub grpc_status: u8,
    /// The `Proxy-Status` error type (RFC 9209 §2.3), if one is registered for this.
    pub proxy_status: Option<&'static str>,
    /// Who is to blame.
    pub side: Side,
    /// Whether another node may do better.
    pub retryable: bool,
    /// Whether it counts against the node.
    pub hurts_node: bool,
    /// One sentence for people.
    pub title: &'static str,
}

macro_rules! outcomes {
    ($($name:ident $word:literal $status:literal $grpc:literal $proxy:expr, $side:ident $retry:literal $hurts:literal $title:literal;)*) => {
        /// What became of a request or of one attempt.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Outcome { $(#[doc = $title] $name,)* }

        impl Outcome {
            /// Every outcome, in table order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// What this outcome implies.
            pub const fn facts(self) -> &'static Facts {
                match self { $(Self::$name => &Facts {
                    word: $word, status: $status, grpc_status: $grpc, proxy_status: $proxy,
                    side: Side::$side, retryable: $retry, hurts_node: $hurts, title: $title,
                },)* }
            }
        }
    };
}

outcomes! {
    // name              word                 http grpc Proxy-Status                              side    retry hurts
    Ok                  "ok"                  200  0  None,                                      Upstream   false false "The answer was delivered";
    NoRoute             "no_route"            404 12  Some("destination_not_found"),             Gateway    false false "No route matches the request";
    MethodNotAllowed    "method_not_allowed"  405 12  Some("http_request_denied"),               Downstream false false "No route at this path takes the method";
    NoHealthyUpstream   "no_healthy_upstream" 503 14  Some("destination_unavailable"),           Upstream   false false "No upstream node is available";
    ConnectRefused      "connect_refused"     502 14  Some("connection_refused"),                Upstream   true  true  "The upstream refused the connection";
    ConnectTimeout      "connect_timeout"     504 14  Some("connection_timeout"),                Upstream   true  true  "The upstream did not accept the connection in time";
    DnsError            "dns_error"           503 14  Some("dns_error"),                         Upstream   false false "The upstream's name could not be resolved";
    TlsError            "tls_error"           502 14  Some("tls_protocol_error"),                Upstream   true  true  "The TLS handshake with the upstream failed";
    UpstreamReset       "upstream_reset"      502 14  Some("connection_terminated"),             Upstream   true  true  "The upstream closed the connection before it answered in full";
    UpstreamMalformed   "upstream_malformed"  502 13  Some("http_protocol_error"),               Upstream   true  true  "The upstream's answer is not valid HTTP";
    UpstreamTimeout     "upstream_timeout"    504  4  Some("http_response_timeout"),             Upstream   true  true  "The upstream did not answer in time";
    UpstreamStatus      "upstream_status"     502 14  None,                                      Upstream   true  true  "The upstream answered with a failure of its own";
    Discarded           "discarded"           502 14  None,                                      Gateway    false false "The answer was set aside for another attempt";
    ClientClosed        "client_closed"       499  1  None,                                      Downstream false false "The client went away before the answer was complete";
    ClientMalformed     "client_malformed"    400 13  Some("http_request_error"),                Downstream false false "The request is not valid HTTP";
    ClientTimeout       "client_timeout"      408  4  Some("http_request_error"),                Downstream false false "The client did not send the request in time";
    TooLarge            "too_large"           413  8  Some("http_request_error"),                Downstream false false "The request body is larger than allowed";
    TargetTooLong       "target_too_long"     414  8  Some("http_request_error"),                Downstream false false "The request target is longer than allowed";
    HeadersTooLarge     "headers_too_large"   431  8  Some("http_request_error"),                Downstream false false "The request headers are larger than allowed";
    UnsupportedMedia    "unsupported_media"   415  3  Some("http_request_error"),                Downstream false false "The request body is of a type that is not taken here";
    RateLimited         "rate_limited"        429  8  Some("http_request_denied"),               Gateway    false false "Too many requests";
    Unauthenticated     "unauthenticated"     401 16  Some("http_request_denied"),               Downstream false false "The request carries no valid credentials";
    Denied              "denied"              403  7  Some("http_request_denied"),               Gateway    false false "The request is not allowed";
    BreakerOpen         "breaker_open"        503 14  Some("destination_unavailable"),           Gateway    false false "The circuit breaker is open";
    Overloaded          "overloaded"          503 14  Some("connection_limit_reached"),          Gateway    false false "The gateway is at its limit";
    IdleTimeout         "idle_timeout"        504  4  None,                                      Gateway    false false "Neither side of the connection sent anything in time";
    Shutdown            "shutdown"            503 14  None,                                      Gateway    false false "The gateway stopped before it ended";
    Internal            "internal"            500 13  Some("proxy_internal_error"),              Gateway    false false "The gateway failed";
}

impl Outcome {
    /// The word in logs, metric labels and answers.
    pub const fn as_str(self) -> &'static str {
        self.facts().word
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An outcome that several layers may write and read, or none yet. It orders nothing else in memory.
#[derive(Debug, Default)]
pub(crate) struct OutcomeCell(
    /// The place in the table, from 1; 0 for none.
    AtomicU8,
);

impl OutcomeCell {
    /// What was written last.
    pub(crate) fn get(&self) -> Option<Outcome> {
        let place = usize::from(self.0.load(Relaxed)).checked_sub(1)?;
        Outcome::ALL.get(place).copied()
    }

    /// Writes, whatever was written before.
    pub(crate) fn set(&self, outcome: Option<Outcome>) {
        self.0.store(place(outcome), Relaxed);
    }

    /// Writes if nothing was written before.
    pub(crate) fn set_first(&self, outcome: Outcome) {
        // Another was first, which is as well.
        let _ = self.0.compare_exchange(0, place(Some(outcome)), Relaxed, Relaxed);
    }
}

const fn place(outcome: Option<Outcome>) -> u8 {
    match outcome {
        Some(outcome) => outcome as u8 + 1,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_gives_back_every_outcome_and_none() {
        let cell = OutcomeCell::default();
        assert_eq!(cell.get(), None);
        for outcome in Outcome::ALL {
            cell.set(Some(*outcome));
            assert_eq!(cell.get(), Some(*outcome));
        }
        cell.set(None);
        assert_eq!(cell.get(), None);
    }

    #[test]
    fn the_first_may_stand() {
        let cell = OutcomeCell::default();
        cell.set_first(Outcome::TooLarge);
        cell.set_first(Outcome::Internal);
        assert_eq!(cell.get(), Some(Outcome::TooLarge));
    }
}
