//! The state of a cluster, for the admin port.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::Protocol;

/// All clusters of a factory at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct ClientsState {
    /// How many addresses, protocols and TLS identities are in use.
    pub upstreams: usize,
    /// The clusters, oldest first; those of former configurations as long as requests use them.
    pub clusters: Vec<ClusterState>,
}

/// A cluster at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct ClusterState {
    /// Its name.
    pub name: String,
    /// The protocol spoken with its nodes.
    pub protocol: Protocol,
    /// How a node is chosen.
    pub policy: &'static str,
    /// What its backends name, in their order.
    pub targets: Vec<TargetState>,
    /// Its nodes.
    pub nodes: Vec<NodeState>,
}

/// A backend's target at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct TargetState {
    /// As configured.
    pub target: String,
    /// How many addresses it has.
    pub addresses: usize,
    /// Seconds since the last good answer about it; `None` for an address, or before the first.
    pub resolved_seconds_ago: Option<f64>,
    /// Why nothing newer can be known at the moment; `None` if it can.
    pub error: Option<String>,
}

/// A node at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct NodeState {
    /// The address.
    pub address: String,
    /// The target it comes from.
    pub target: String,
    /// The relative share.
    pub weight: u32,
    /// The failover level.
    pub priority: u32,
    /// Whether the source no longer lists it, and it is kept for a bounded time.
    pub held: bool,
    /// The forward proxy that leads to it, without credentials; `None` if it is reached directly.
    pub proxy: Option<String>,
    /// Why that proxy does not lead to it; `None` if it did the last time.
    pub proxy_error: Option<String>,
    /// Requests in flight from the whole gateway, bodies and tunnels included.
    pub in_flight: u64,
    /// The average time until the response head, in seconds; `None` before the first.
    #[serde(serialize_with = "seconds")]
    pub latency: Option<Duration>,
    /// The average share of good answers, 0..=1.
    pub success: f64,
    /// Its connections, by worker.
    pub workers: Vec<WorkerState>,
}

/// The connections of one worker to one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WorkerState {
    /// All of them, those being opened included.
    pub open: usize,
    /// Those that carry nothing.
    pub idle: usize,
    /// HTTP/2 streams.
    pub streams: usize,
    /// Requests waiting for a connection.
    pub waiting: usize,
}

fn seconds<S: Serializer>(latency: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    latency.map(|latency| latency.as_secs_f64()).serialize(serializer)
}
