//! What a line of the access log says.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use gw_core::{Attempt, Outcome, Side};

use super::json;

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

/// What a route is called in the log. Made with the route, so that what is the same in all its lines is escaped once.
#[derive(Clone, Debug)]
pub struct RouteNames {
    pub(super) route: Box<str>,
    pub(super) endpoint: Box<str>,
    /// Both as fields of a line in JSON.
    pub(super) json: Box<[u8]>,
}

impl RouteNames {
    /// The names of a route: the pattern that matched, and the endpoint's name.
    pub fn new(route: &str, endpoint: &str) -> Self {
        Self { route: route.into(), endpoint: endpoint.into(), json: json::names(route, endpoint).into() }
    }
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
    /// The peer's address as text, if it is at hand: it is the same for all requests of a connection.
    pub peer_text: Option<&'a [u8]>,
    /// The listener's name.
    pub listener: &'a str,
    /// The method as received.
    pub method: &'a str,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// The authority as received; like all that is given in bytes it need not be UTF-8.
    pub host: Option<&'a [u8]>,
    /// The path as received, without the query; what follows a `?` is not logged.
    pub path: &'a str,
    /// The query as received; values of keys that sound secret are redacted.
    pub query: Option<&'a str>,
    /// The version of HTTP: `1.0`, `1.1`, `2` or `3`.
    pub protocol: &'static str,
    /// The route that it took.
    pub names: &'a RouteNames,
    /// The status of the answer, if one was begun.
    pub status: Option<u16>,
    /// What became of it.
    pub outcome: Outcome,
    /// Bytes of its body.
    pub request_bytes: u64,
    /// Bytes of the answer's body.
    pub response_bytes: u64,
    /// From its head to the end of its answer.
    pub total: Duration,
    /// From its head to the head of its answer.
    pub first_byte: Option<Duration>,
    /// The attempts at upstreams, in order.
    pub attempts: &'a [Attempt],
    /// `User-Agent`.
    pub user_agent: Option<&'a [u8]>,
    /// `X-Request-Id`.
    pub request_id: Option<&'a [u8]>,
    /// The trace it belongs to.
    pub trace_id: Option<&'a str>,
}

impl AccessRecord<'_> {
    /// The path alone, whatever was put into the field.
    pub(super) fn bare_path(&self) -> &str {
        let end = self.path.bytes().position(|byte| matches!(byte, b'?' | b'#'));
        end.map_or(self.path, |end| &self.path[..end])
    }

    /// The text of an address, if it is at hand.
    pub(super) fn text_of(&self, address: IpAddr) -> Option<&[u8]> {
        self.peer_text.filter(|_| self.peer.ip() == address)
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
