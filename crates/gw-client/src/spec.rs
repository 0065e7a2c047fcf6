//! What a cluster is made from: plain data, lowered from the configuration by gw-proxy.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gw_selector::Policy;
use gw_tls::ClientProfile;
use http::HeaderName;

use crate::Target;

/// By default, the field by which a request asks for a colour: Kratos hands on what begins with `x-md-global-`.
pub const COLOR_HEADER: HeaderName = HeaderName::from_static("x-md-global-color");

/// The protocol spoken with the upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// HTTP/1.1; over TLS what ALPN agrees on, `h2` offered before `http/1.1`.
    #[default]
    Http,
    /// HTTP/2: by prior knowledge over TCP, by ALPN over TLS.
    Http2,
    /// gRPC: as [`Http2`](Self::Http2), and a `grpc-status` of 14 in the head counts as a failure of the node.
    Grpc,
}

/// What the `hash` policy hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum HashKey {
    /// The client's address.
    #[default]
    Source,
    /// The first value of a field.
    Header(HeaderName),
    /// The value of a cookie.
    Cookie(String),
}

/// A cluster: backends that serve the same requests.
///
/// Clusters of one factory that differ in their name alone share all but that, unless their nodes take turns.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClusterSpec {
    /// Its name in logs and for inspection.
    pub name: Arc<str>,
    /// The protocol of all its backends.
    pub protocol: Protocol,
    /// Its backends; their nodes add up. Differs from kratos (B8), where they overwrite each other.
    pub backends: Vec<BackendSpec>,
    /// How a node is chosen. Default p2c.
    pub policy: Policy,
    /// What the `hash` policy hashes. Default: the client's address.
    pub hash_key: HashKey,
    /// Only nodes of these versions are used. Default none: all are.
    ///
    /// A node's version is its instance's, else its metadata's `version`.
    pub versions: Vec<String>,
    /// The field by which a request asks for nodes of a colour, the `color` of their metadata: those of that colour,
    /// else those without one, else any. Default [`COLOR_HEADER`]. It is only looked at if a node has a colour.
    pub color_header: HeaderName,
    /// The gateway's own zone: of one failover level, nodes of this `zone` in their metadata are used while there is
    /// one. Default none: the zone does not count.
    pub zone: Option<Arc<str>>,
    /// From the first SYN to a usable connection: TCP, TLS and the HTTP/2 preface; also how long a request waits for
    /// the first answer about a name or service, after which it fails as `dns_error` or `no_healthy_upstream`.
    /// Default 1 s.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept. Default 56 s.
    pub idle_timeout: Duration,
    /// Connections at once to one node, over all workers, of which each has its share, at least one.
    /// Default 1,000.
    pub max_connections: usize,
    /// Requests that may wait at once for a connection to one node, over all workers; more are refused as
    /// `overloaded`. They wait in order, until the caller gives up. Default 1,000.
    pub max_pending: usize,
}

impl ClusterSpec {
    /// A cluster with the defaults.
    pub fn new(name: impl Into<Arc<str>>, protocol: Protocol, backends: Vec<BackendSpec>) -> Self {
        Self {
            name: name.into(),
            protocol,
            backends,
            policy: Policy::default(),
            hash_key: HashKey::default(),
            versions: Vec::new(),
            color_header: COLOR_HEADER,
            zone: None,
            connect_timeout: Duration::from_secs(1),
            idle_timeout: Duration::from_secs(56),
            max_connections: 1000,
            max_pending: 1000,
        }
    }
}

/// One backend of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BackendSpec {
    /// Where its requests go.
    pub target: Target,
    /// Its share of requests. Default 100.
    ///
    /// The addresses of a name split it evenly, so that a name with two addresses weighs what a single address of
    /// the same weight does. Instances of a service weigh what their metadata says (`weight`, else 10, as in
    /// kratos), and this has no effect on them.
    pub weight: u32,
    /// The failover level. Default 0.
    pub priority: u32,
    /// TLS, if it is spoken. Default none. Of a service's instances, the endpoints that say `isSecure=true` are
    /// passed over either way, as in kratos.
    ///
    /// The name sent (SNI) and verified is the profile's `server_name`; else the target's host name; else, for an
    /// address or a service, the name in `host`; else the address.
    pub tls: Option<Arc<ClientProfile>>,
    /// Replaces the request's Host. Default: it is kept.
    ///
    /// Differs from kratos, where TLS also replaces it by the node's address. Without TLS and behind a forward proxy it
    /// has no effect, since the proxy replaces it by the target.
    pub host: Option<String>,
    /// The metadata of its nodes; an instance's own wins key by key.
    pub metadata: BTreeMap<String, String>,
}

impl BackendSpec {
    /// A backend with the defaults.
    pub fn new(target: Target) -> Self {
        Self { target, weight: 100, priority: 0, tls: None, host: None, metadata: BTreeMap::new() }
    }
}
