//! The configuration, version 1: plain serde data as written by the operator, nothing resolved.
//!
//! It is lowered once, by `gw-proxy`, to runtime types that cannot be wrong. What lowering can reject is
//! [`Spanned`], so that the complaint points at it. What has another default in each dialect is an `Option` with a
//! method that knows the default. It serializes as it would be written, without places.

mod defaults;
mod discovery;
mod downstream;
mod retry;

pub use defaults::MAX_ATTEMPTS;
pub use discovery::{Discovery, Guard};
pub use downstream::{Admin, Certificate, Limits, Listener};
pub use retry::{Condition, HeaderCondition, Retry};

use std::collections::BTreeMap;
use std::time::Duration;

use gw_value::{Spanned, Value};
use serde::{Deserialize, Serialize};

/// A whole document.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gateway {
    /// The gateway's name, for people. Default empty.
    pub name: String,
    /// The configuration's version, shown by `/debug/config/version`. Default empty.
    pub version: String,
    /// Whether an unknown key of a Go-dialect document is an error. TOML documents always are strict.
    pub strict: bool,
    /// Deprecated in the original and ignored there: a warning here.
    pub hosts: Vec<Spanned<String>>,
    /// Listeners. Default: one on `:8080`. The `-addr` flag replaces them.
    pub listeners: Vec<Spanned<Listener>>,
    /// The admin listener. Default `127.0.0.1:9901`.
    pub admin: Admin,
    /// Where and how the access log is written.
    pub access_log: AccessLog,
    /// Other names under which `/metrics` shows the same counts. Default none.
    pub compat_metrics: Vec<CompatMetrics>,
    /// Upstream defaults.
    pub client: Client,
    /// Where the gateway runs: nodes whose metadata has the same `zone` are preferred. Default empty: none are.
    pub zone: String,
    /// Who knows the instances of `discovery:///` targets.
    pub discovery: Discovery,
    /// How nodes are chosen where an endpoint does not say.
    pub balancer: Option<Spanned<Balancer>>,
    /// What happens to targets that two parsers may read differently.
    pub path_policy: PathPolicy,
    /// The format of the answers that the gateway makes itself. Default `default`.
    pub error_format: ErrorFormat,
    /// The global chain, outermost first.
    pub middlewares: Vec<Spanned<Middleware>>,
    /// Named TLS profiles for upstreams.
    pub tls_store: BTreeMap<String, Spanned<Tls>>,
    /// Endpoints; their order is the order of matching.
    pub endpoints: Vec<Spanned<Endpoint>>,
}

/// A priority file: endpoints that stand before those of the document, or in the place of those with the same key.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Priority {
    /// For people. Default empty.
    pub name: String,
    /// For people. Default empty.
    pub version: String,
    /// The endpoints.
    pub endpoints: Vec<Spanned<Endpoint>>,
}

/// The access log. What is in it is the `logging` middleware's business.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessLog {
    /// The form of a line. Default: JSON, or text on a terminal.
    pub format: Option<AccessLogFormat>,
    /// A file, appended to and opened anew at each reload. Default: standard output.
    pub path: Option<Spanned<String>>,
}

/// The form of a line of the access log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessLogFormat {
    /// One JSON object; OpenTelemetry's field names.
    Json,
    /// For people.
    Text,
    /// The Go gateway's `LEVEL key=value …`.
    Kratos,
}

/// Names of metrics that dashboards of other gateways ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CompatMetrics {
    /// The Go gateway's `go_gateway_…`.
    Kratos,
    /// Blademaster's `http_server_requests_…` and `http_client_requests_…`.
    Blademaster,
}

/// Defaults for upstream connections.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Client {
    /// To connect, TLS included. Default 1 s; Go dialect 200 ms.
    #[serde(with = "gw_value::duration::option")]
    pub connect_timeout: Option<Duration>,
    /// How long an unused upstream connection is kept. Default 4 s less than a common server's 60 s: 56 s.
    #[serde(with = "gw_value::duration::option")]
    pub idle_timeout: Option<Duration>,
    /// Connections at once to one node, over all workers. Default 1,000.
    pub max_connections: Option<usize>,
    /// How many requests may wait for a connection to one node. Default 1,000.
    pub max_pending: Option<usize>,
}

/// How nodes are chosen.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Balancer {
    /// `p2c` (default), `wrr`, `random`, `round_robin`, `least_request` or `hash`.
    pub policy: Option<Spanned<String>>,
    /// For `hash`: `header:<name>`, `cookie:<name>` or `source` (default).
    pub key: Option<Spanned<String>>,
}

/// Which nodes may be chosen.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Nodes {
    /// Only nodes of these versions. Default: of any.
    pub versions: Vec<String>,
    /// The request field that asks for nodes of a colour. Default `x-md-global-color`.
    pub color_header: Option<Spanned<String>>,
}

/// What happens to targets with dot segments or control bytes, and to other ambiguous ones. What is matched is always
/// what is forwarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PathPolicy {
    /// Dot segments and control bytes are refused (400); `//`, `%2F` and `\` are kept.
    #[default]
    Default,
    /// All of them are refused.
    Strict,
    /// All but control bytes are matched and forwarded unchanged.
    Keep,
}

/// The format of the answers that the gateway makes itself, but for gRPC, which has its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorFormat {
    /// `application/problem+json` (RFC 9457) for clients that accept JSON, else text.
    #[default]
    Default,
    /// JSON for all, as kratos has it: `{code, reason, message, metadata}`; the reason is the outcome in capitals.
    Kratos,
}

/// A TLS profile for upstreams; PEM inline or by path.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Takes any certificate.
    pub insecure: bool,
    /// Trusted roots. Default: the system's.
    pub cacert: String,
    /// Our certificate.
    pub cert: String,
    /// Its key.
    pub key: String,
    /// The name sent (SNI) and verified. Default: the target's host.
    pub server_name: String,
}

/// A middleware of a chain.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Middleware {
    /// Its registered name, any case.
    pub name: Spanned<String>,
    /// Whether a failing build fails the load. Default true; an unknown name always does.
    pub required: Option<bool>,
    /// Its own options, decoded by its factory.
    pub options: Option<Value>,
}

/// One rule: what it matches and where that goes.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Endpoint {
    /// Its identity across reloads. Default: derived from host, methods and path.
    #[serde(alias = "name")]
    pub id: Option<String>,
    /// The path pattern.
    pub path: Spanned<String>,
    /// The host template. Default: any.
    pub host: Option<Spanned<String>>,
    /// Further host templates.
    pub hosts: Vec<Spanned<String>>,
    /// One method; empty or `*` is any.
    pub method: Option<Spanned<String>>,
    /// Methods; none is any.
    pub methods: Vec<Spanned<String>>,
    /// For people.
    pub description: String,
    /// What the upstream speaks. Default `http`.
    pub protocol: Protocol,
    /// Until the response headers, all attempts included; for gRPC over the whole call. Default 15 s, 0 is none; Go
    /// dialect 1 s, also for 0.
    #[serde(with = "gw_value::duration::option")]
    pub timeout: Option<Duration>,
    /// How long an answer may stand still. Default 5 min.
    #[serde(with = "gw_value::duration::option")]
    pub idle_timeout: Option<Duration>,
    /// The endpoint's chain, inside the global one.
    pub middlewares: Vec<Spanned<Middleware>>,
    /// Where requests go.
    pub backends: Vec<Spanned<Backend>>,
    /// Retries. Default: see [`attempts_or_default`](Self::attempts_or_default).
    pub retry: Option<Spanned<Retry>>,
    /// `service` and `basePath` are metric labels in the original's metrics.
    pub metadata: BTreeMap<String, String>,
    /// How nodes are chosen here.
    pub balancer: Option<Spanned<Balancer>>,
    /// Which nodes may be chosen here. Default: all.
    pub nodes: Option<Spanned<Nodes>>,
    /// A long-lived exchange: no timeout but the idle one, and no retries.
    pub stream: bool,
}

/// What an upstream speaks. Names in any case. The order is that of the original's numbers: 2 is gRPC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// HTTP/1.1; over TLS, HTTP/2 if the upstream agrees.
    #[default]
    #[serde(alias = "unspecified")]
    Http,
    /// gRPC: HTTP/2, with its own errors and deadlines.
    Grpc,
    /// HTTP/2 by prior knowledge, or by ALPN over TLS.
    Http2,
}

/// A target of requests.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Backend {
    /// `host:port`, `direct:///host:port` or `discovery:///service`.
    pub target: Spanned<String>,
    /// Its share of requests, 0 to 65,535. Default 100.
    pub weight: Option<Spanned<i64>>,
    /// Its failover level. Default 0.
    pub priority: u32,
    /// Accepted for the original's documents, with a warning: it has no effect there either.
    pub health_check: Option<Value>,
    /// Whether the upstream speaks TLS.
    pub tls: bool,
    /// The name of a profile in `tls_store`.
    pub tls_config_name: Option<Spanned<String>>,
    /// `host` replaces the request's Host.
    pub metadata: BTreeMap<String, String>,
}
