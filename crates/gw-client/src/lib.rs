//! Clusters of nodes and the connections to them: what sends one attempt of a request upstream.
//!
//! A [`ClientFactory`] makes a [`Cluster`] from a [`ClusterSpec`]. As a [`gw_core::Client`], a cluster picks a node,
//! takes a connection from the worker's own pool, sends the request and returns the answer, whose body holds both
//! until its end. It retries nothing, follows no redirects and knows no deadlines but that of connecting: the
//! layers above do.
//!
//! Invariants:
//! - a failure is `Unsent` only if no byte of the request left, or the upstream said that it did not touch it;
//! - a connection serves again only if the answer before ended in order; cancelled means closed (HTTP/1.1) or reset
//!   (HTTP/2);
//! - upstreams, connections and statistics belong to the factory and outlive clusters as long as any uses them;
//! - a cluster is there at once: names are resolved on the control runtime, and a request that comes before the
//!   first answer waits for it, at most the connect timeout.

mod address;
mod answer;
mod attempt;
mod backend;
mod blame;
mod cluster;
mod connect;
mod detour;
mod dialer;
mod factory;
mod form;
mod gauges;
#[cfg(not(feature = "hyper-h1"))]
mod h1;
#[cfg(feature = "hyper-h1")]
mod hyper_h1;
mod inspect;
mod lanes;
mod members;
mod nodes;
mod pool;
mod seen;
mod spec;
mod stream;
mod stream_limit;
mod target;
mod tasks;
mod transport;
mod upstream;

#[cfg(test)]
mod tests;

#[cfg(feature = "hyper-h1")]
use hyper_h1 as h1;

pub use cluster::Cluster;
pub use factory::{ClientFactory, ClientOptions, ClusterError, MakeClient};
pub use gauges::{DISCOVERY_AGE, DISCOVERY_FAILING, DISCOVERY_INSTANCES};
/// Sources of addresses: part of [`ClientOptions`].
pub use gw_discovery::{Discovery, Static};
/// What a factory's watches know: part of its inspection.
pub use gw_discovery::{ServiceState, ServiceWatcher, WatcherDebug};
/// Which forward proxy leads to an upstream: part of [`ClientOptions`].
pub use gw_egress::ForwardProxies;
/// How a node is chosen: part of a [`ClusterSpec`].
pub use gw_selector::Policy;
pub use inspect::{ClientsState, ClusterState, NodeState, TargetState, WorkerState};
pub use spec::{BackendSpec, COLOR_HEADER, ClusterSpec, HashKey, Protocol};
pub use target::{Target, TargetError};
