//! A selectable address: its fixed fields, and a share in what was measured of it.

use std::sync::Arc;

use gw_core::NodeInfo;

use crate::NodeStats;

/// One address that requests can be sent to.
///
/// The fixed fields never change; a reload that changes them makes another node with the same statistics.
#[derive(Debug)]
pub struct Node {
    /// Address, weight, priority, version and metadata.
    pub info: Arc<NodeInfo>,
    stats: Arc<NodeStats>,
}

impl Node {
    /// A node of which nothing is known yet.
    pub fn new(info: impl Into<Arc<NodeInfo>>) -> Arc<Self> {
        Arc::new(Self { info: info.into(), stats: Arc::default() })
    }

    /// The same address with other fixed fields, such as a new weight. Both share the statistics.
    pub fn with_info(&self, info: impl Into<Arc<NodeInfo>>) -> Arc<Self> {
        Arc::new(Self { info: info.into(), stats: Arc::clone(&self.stats) })
    }

    /// What was measured of it.
    pub fn stats(&self) -> &NodeStats {
        &self.stats
    }
}
