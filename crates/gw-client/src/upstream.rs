//! One upstream address as the whole gateway knows it: statistics, connections, and how to reach it.

use std::sync::Arc;

use gw_core::NodeInfo;
use gw_selector::Node;
use gw_tls::ProfileId;

use crate::address::Way;
use crate::connect::{Connector, TlsTarget, Wire};
use crate::dialer::Dialer;
use crate::pool::Pool;

/// What makes two nodes the same upstream. Connections are shared only where all of it is equal: a TLS connection
/// that was verified for one name never serves another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct UpstreamKey {
    pub(crate) wire: Wire,
    pub(crate) way: Way,
    pub(crate) tls: Option<(ProfileId, String)>,
}

/// An upstream. Clusters share it; without one it is dropped, and its idle connections are closed.
#[derive(Debug)]
pub(crate) struct Upstream {
    /// Holds the statistics. Clusters derive nodes with their own weight from it.
    pub(crate) node: Arc<Node>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) connector: Connector,
}

impl Upstream {
    pub(crate) fn new(dialer: Dialer, wire: Wire, tls: Option<TlsTarget>, pool: Arc<Pool>) -> Arc<Self> {
        let node = Node::new(NodeInfo::new(dialer.address().to_string()));
        Arc::new(Self { node, pool, connector: Connector { dialer, wire, tls } })
    }

    pub(crate) fn scheme(&self) -> http::uri::Scheme {
        if self.connector.tls.is_some() { http::uri::Scheme::HTTPS } else { http::uri::Scheme::HTTP }
    }
}
