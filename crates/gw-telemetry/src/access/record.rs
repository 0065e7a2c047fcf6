//! What a line of the access log says.

use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use gw_core::{Attempt, Outcome, Side};

/// The form of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object; OpenTelemetry's field names where they exist.
    #[default]
    Json,
    /// For people at a terminal.
    Text,
    /// The Go gateway's `LEVEL key=value …`.
    Kratos,
}

/// A request that has ended. What is not known of a request that was refused at its head is an empty text. Text fields longer than 4 KiB are cut.
#[derive(Clone, Copy, Debug)]
pub struct AccessRecord<'a> {
    /// When its head had been read.
    pub time: SystemTime,
    /// The client, as trusted proxies tell.
    pub client: IpAddr,
    /// The other end of the socket.
    pub peer: SocketAddr,
    /// The listener's name.
    pub listener: &'a str,
    /// The method as received.
    pub method: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// The authority as received.
    pub host: Option<&'a str>,
    /// The path as received, without the query; what follows a `?` is not logged.
    pub path: &'a str,
    /// The query as received; values of keys that sound secret are redacted.
    pub query: Option<&'a str>,
    /// The version of HTTP: `1.0`, `1.1`, `2` or `3`.
    pub protocol: &'static str,
    /// The pattern that matched.
    pub route: &'a str,
    /// The endpoint's name.
    pub endpoint: &'a str,
    /// The status of the answer, if one was begun.
    pub status: Option<u16>,
    /// What became of it.
    pub outcome: Outcome,
    /// Bytes of its body.
    pub request_bytes: u64,
    /// Bytes of the answer's body.
    pub response_bytes: u64,
    /// From its head to the end of its answer, in seconds.
    pub total_seconds: f64,
    /// From its head to the head of its answer, in seconds.
    pub first_byte_seconds: Option<f64>,
    /// The attempts at upstreams, in order.
    pub attempts: &'a [Attempt],
    /// `User-Agent`.
    pub user_agent: Option<&'a str>,
    /// `X-Request-Id`.
    pub request_id: Option<&'a str>,
    /// The trace it belongs to.
    pub trace_id: Option<&'a str>,
}

impl AccessRecord<'_> {
    /// The path alone, whatever was put into the field.
    pub(super) fn bare_path(&self) -> &str {
        self.path.split(['?', '#']).next().unwrap_or_default()
    }

    /// `error` = someone must act, `warn` = degraded, `info` = the client's doing or none.
    pub(super) fn severity(&self) -> &'static str {
        match (self.outcome, self.outcome.facts().side) {
            (Outcome::Internal, _) => "ERROR",
            (Outcome::Ok, _) | (_, Side::Downstream) => "INFO",
            (_, Side::Gateway | Side::Upstream) => "WARN",
        }
    }
}
