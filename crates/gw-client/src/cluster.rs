//! A cluster: the set of nodes that serves an endpoint.

use std::sync::Arc;

use gw_core::{BoxFuture, Client, Request, Response, Result};
use gw_discovery::Subscription;

use crate::attempt::Sending;
use crate::inspect::ClusterState;
use crate::nodes::Nodes;

/// Backends that serve the same requests. As a [`Client`] it makes one attempt at one node.
///
/// All that a request needs is in what it shares with clusters of the same specification: of 10,000 endpoints of one
/// service, each request would else find nodes, selector and limits of its own, which no cache holds.
pub struct Cluster {
    pub(crate) nodes: Arc<Nodes>,
    name: Arc<str>,
    /// Shows it among those who use its services.
    _shares: Vec<Subscription>,
}

impl Cluster {
    pub(crate) fn new(name: Arc<str>, nodes: Arc<Nodes>) -> Arc<Self> {
        let subscriptions = nodes.backends.iter().filter_map(|backend| backend.subscription.as_ref());
        let shares = subscriptions.map(|subscription| subscription.share(Arc::clone(&name))).collect();
        Arc::new(Self { nodes, name, _shares: shares })
    }

    /// Its state at the moment.
    pub fn inspect(&self) -> ClusterState {
        self.nodes.inspect(&self.name)
    }
}

impl Client for Cluster {
    fn call(&self, mut req: Request) -> BoxFuture<'_, Result<Response>> {
        // All else borrows the request from here: it is large, and would be moved from future to future.
        Box::pin(async move { self.nodes.attempt(&mut Sending::new(&mut req)).await })
    }

    fn call_lent<'a>(&'a self, req: &'a mut Request) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move { self.nodes.attempt(&mut Sending::lent(req)).await })
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("name", &self.name).finish_non_exhaustive()
    }
}
