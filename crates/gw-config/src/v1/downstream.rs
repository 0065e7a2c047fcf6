//! What faces clients and operators: listeners with their certificates and limits, and the admin listener.

use std::time::Duration;

use gw_value::Spanned;
use serde::{Deserialize, Serialize};

/// A downstream listener.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listener {
    /// Its name in logs and metrics. Default: its address.
    pub name: Option<String>,
    /// `host:port`, or `:port` for all IPv4 and IPv6 addresses. Port 0 takes a free one.
    pub address: Spanned<String>,
    /// Certificates: with any, the listener speaks TLS. The first is the default for unknown names.
    pub certificates: Vec<Spanned<Certificate>>,
    /// Whether HTTP/2 is served: by ALPN over TLS, by prior knowledge over TCP. Default true.
    pub http2: bool,
    /// Limits.
    pub limits: Limits,
    /// Networks whose forwarding fields are believed, `10.0.0.0/8` or an address. Default none.
    pub trusted_proxies: Vec<Spanned<String>>,
}

impl Default for Listener {
    fn default() -> Self {
        Self {
            name: None,
            address: Spanned::unplaced(":8080".to_owned()),
            certificates: Vec::new(),
            http2: true,
            limits: Limits::default(),
            trusted_proxies: Vec::new(),
        }
    }
}

/// A certificate with its key: inline PEM or a file's path each.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Certificate {
    /// The chain, leaf first.
    pub cert: String,
    /// The private key.
    pub key: String,
    /// Names it serves. Default: the names in the certificate.
    pub server_names: Vec<String>,
}

/// What a downstream connection may use.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Connections at once; further ones wait in the accept queue. Default 50,000.
    pub connections: usize,
    /// Bytes of a request head. Default 64 KiB. Above: 431.
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
    #[serde(with = "gw_value::duration")]
    pub handshake_timeout: Duration,
    /// From the first byte of a request head to its end, and for the first head from accept. Default 10 s.
    #[serde(with = "gw_value::duration")]
    pub header_timeout: Duration,
    /// How long a request body may stand still. Default 15 s.
    #[serde(with = "gw_value::duration")]
    pub read_timeout: Duration,
    /// How long a client may take no byte of an answer, nor, over HTTP/1.1, send one of its request. Default 15 s.
    #[serde(with = "gw_value::duration")]
    pub write_timeout: Duration,
    /// How long a connection may idle between requests. Default 120 s.
    #[serde(with = "gw_value::duration")]
    pub idle_timeout: Duration,
    /// How old a connection may get, give or take a tenth, before it is ended where that loses no request. Default none.
    #[serde(with = "gw_value::duration::option")]
    pub max_connection_age: Option<Duration>,
    /// Bytes per second that a client has to move, on average over 10 s in which it is waited for. Default 0: none.
    pub min_body_rate: u64,
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
        }
    }
}

/// The admin listener.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// Its address. Default `127.0.0.1:9901`; empty switches it off.
    pub address: Spanned<String>,
    /// Names by which it may be asked, beside addresses and `localhost`; `*` is any. Default none: a page in a browser
    /// could make its own name resolve to this port.
    pub hosts: Vec<String>,
}

impl Default for Admin {
    fn default() -> Self {
        Self { address: Spanned::unplaced("127.0.0.1:9901".to_owned()), hosts: Vec::new() }
    }
}
