//! What is fixed about a selectable address.

use std::collections::BTreeMap;
use std::sync::Arc;

/// The fixed fields of a node: one address a request can be sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeInfo {
    /// The address as configured or discovered, `host:port`. It names the node in logs and among the tried.
    pub address: Arc<str>,
    /// The relative share of requests, ≥ 0. Default 100. 0 takes none unless all are 0.
    pub weight: u32,
    /// The failover level: nodes of level 1 are used only when level 0 has none left. Default 0.
    pub priority: u32,
    /// The instance's version, empty if unknown.
    pub version: String,
    /// The instance's metadata.
    pub metadata: BTreeMap<String, String>,
}

impl NodeInfo {
    /// A node with the defaults.
    pub fn new(address: impl Into<Arc<str>>) -> Self {
        let (version, metadata) = Default::default();
        Self { address: address.into(), weight: 100, priority: 0, version, metadata }
    }
}

/// Narrows the nodes that a request may use; a middleware may push one into the request's context.
pub type NodeFilter = Arc<dyn Fn(&NodeInfo) -> bool + Send + Sync>;
