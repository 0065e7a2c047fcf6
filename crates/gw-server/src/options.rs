//! What a server and its listeners are made of: plain values, already validated by whoever lowered the configuration.
//!
//! Nothing here opens a socket; an equal [`ListenAddress`] means the same socket across reloads.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use gw_telemetry::Metrics;
use gw_tls::CertificateInfo;
use ipnet::IpNet;

use crate::{Inherited, Observer};

/// What the whole server needs.
#[derive(Clone)]
pub struct ServerOptions {
    /// Worker threads, at least 1. Usually [`worker_count`](crate::worker_count).
    pub workers: usize,
    /// Told of what never reaches the handler. `Arc::new(())` does not listen.
    pub observer: Arc<dyn Observer>,
    /// Where it counts ticks of its workers that come late ([`WORKER_STALLS`](crate::WORKER_STALLS)). `None` counts nothing.
    pub metrics: Option<Arc<Metrics>>,
    /// Sockets of a predecessor, served in place of newly bound ones. Usually the default, which is empty.
    pub inherited: Inherited,
}

/// One listener.
#[derive(Clone, Debug)]
pub struct ListenerOptions {
    /// Its name in logs and metrics.
    pub name: Arc<str>,
    /// Where it listens.
    pub address: ListenAddress,
    /// The TLS side, its ALPN list included; none = plain TCP.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// What its TLS side serves, for [`CERTIFICATE_END`](crate::CERTIFICATE_END).
    pub certificates: Arc<[CertificateInfo]>,
    /// Whether HTTP/2 is served: by ALPN over TLS, by prior knowledge over TCP.
    pub http2: bool,
    /// Limits of its connections.
    pub limits: Limits,
    /// Networks whose forwarding fields are believed.
    pub trusted_proxies: Arc<[IpNet]>,
}

impl ListenerOptions {
    /// A plain listener with HTTP/2 and default limits that trusts nobody.
    pub fn new(name: impl Into<Arc<str>>, address: ListenAddress) -> Self {
        Self {
            name: name.into(),
            address,
            tls: None,
            certificates: Arc::from([]),
            http2: true,
            limits: Limits::default(),
            trusted_proxies: Arc::from([]),
        }
    }
}

/// Where a listener listens. Port 0 takes a free port, the same one on all workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListenAddress {
    /// One address. `[::]` means IPv6 alone, unlike [`DualStack`](Self::DualStack).
    Socket(SocketAddr),
    /// All IPv4 and IPv6 addresses with this port; only IPv4 where the system has no IPv6.
    DualStack(u16),
}

impl ListenAddress {
    /// The port asked for.
    pub fn port(self) -> u16 {
        match self {
            Self::Socket(address) => address.port(),
            Self::DualStack(port) => port,
        }
    }
}

impl std::fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Socket(address) => address.fmt(f),
            Self::DualStack(port) => write!(f, ":{port}"),
        }
    }
}

/// An address that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an address to listen on; write `:8080`, `127.0.0.1:8080` or `[::1]:8080`")]
pub struct AddressError(String);

impl std::str::FromStr for ListenAddress {
    type Err = AddressError;

    /// Reads `:port`, `ip:port`, `[ip]:port` or `localhost:port` (the IPv4 loopback address). Other names are
    /// refused: what a name means can change under a running listener.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Socket(address));
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(|| AddressError(text.to_owned()))?;
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        match (host, port.parse()) {
            ("", Ok(port)) if digits => Ok(Self::DualStack(port)),
            ("localhost", Ok(port)) if digits => {
                Ok(Self::Socket(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)))
            }
            _ => Err(AddressError(text.to_owned())),
        }
    }
}

/// What the connections of a listener may use. Changed limits of a kept listener hold for new connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once over all workers; further ones wait in the accept queue. Default 50,000.
    pub connections: usize,
    /// Bytes of a request head, request line included. Default 64 KiB, at least 8 KiB. Above: 431.
    pub header_bytes: usize,
    /// Fields of a request head. Default 100. Above: 431.
    pub header_count: usize,
    /// Bytes of a request target. Default 8 KiB. Above: 414.
    pub target_bytes: usize,
    /// Bytes of a request body. Default none. Above: 413.
    pub body_bytes: Option<u64>,
    /// Streams at once on an HTTP/2 connection. Default 200.
    pub http2_streams: u32,
    /// From accept to the end of the TLS handshake. Default 10 s.
    pub handshake_timeout: Duration,
    /// From the first byte of a request head to its end, and for the first head from accept. Default 10 s.
    pub header_timeout: Duration,
    /// How long a request body may stand still while it is waited for. Default 15 s.
    pub read_timeout: Duration,
    /// How long a client may take no byte of an answer, nor, over HTTP/1.1, send one of its request. Default 15 s.
    pub write_timeout: Duration,
    /// How long a connection may idle between requests. Default 120 s.
    pub idle_timeout: Duration,
    /// How old a connection may get, give or take a tenth that its client's address decides. Then HTTP/2 gets GOAWAY, and
    /// the next answer of HTTP/1 says `Connection: close`; nothing under way is cut, and tunnels go on. Default none.
    pub max_connection_age: Option<Duration>,
    /// Bytes per second that a client has to move over a [window](Self::body_rate_window) in which it is waited for, per
    /// body of a request (408 if not) and per answer (cut if not). gRPC and tunnels are spared. Default 0, which asks for
    /// none: no number suits both a phone in a tunnel and a log that trickles, and who stands still is cut anyway.
    pub min_body_rate: u64,
    /// What the rate is measured over. Default 10 s.
    pub body_rate_window: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 50_000,
            header_bytes: 64 << 10,
            header_count: 100,
            target_bytes: 8 << 10,
            body_bytes: None,
            http2_streams: 200,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(15),
            write_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(120),
            max_connection_age: None,
            min_body_rate: 0,
            body_rate_window: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// The shortest of the timeouts: what the sweeper's tick has to resolve.
    pub(crate) fn shortest(&self) -> Duration {
        [
            self.handshake_timeout,
            self.header_timeout,
            self.read_timeout,
            self.write_timeout,
            self.idle_timeout,
            self.body_rate_window,
        ]
        .into_iter()
        .chain(self.max_connection_age)
        .min()
        .unwrap_or(self.idle_timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expect: Option<&str>) {
        let parsed = input.parse::<ListenAddress>().ok().map(|address| address.to_string());
        assert_eq!(parsed.as_deref(), expect, "{input}");
    }

    #[test]
    fn addresses() {
        check(":8080", Some(":8080"));
        check(":0", Some(":0"));
        check("127.0.0.1:80", Some("127.0.0.1:80"));
        check("[::1]:80", Some("[::1]:80"));
        check("localhost:80", Some("127.0.0.1:80"));
        check("8080", None);
        check(":", None);
        check(":+80", None);
        check(":65536", None);
        check("example.com:80", None);
        check("::1:80:", None);
    }
}
