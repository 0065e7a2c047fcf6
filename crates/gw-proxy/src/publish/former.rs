//! What a new table takes over from the one at hand: the routes of endpoints that have not changed, state and all.

use std::collections::HashMap;
use std::sync::Arc;

use gw_client::ClusterSpec;
use gw_config::{Loaded, v1};
use gw_value::Spanned;
use serde::Serialize;

use crate::lower::CompiledEndpoint;
use crate::table::{Route, RouteTable};

/// Looks for an endpoint of the table at hand that need not be made anew.
pub(super) struct Former {
    loaded: Option<Arc<Loaded>>,
    pub(super) table: Arc<RouteTable>,
    places: HashMap<Arc<str>, usize>,
    /// Whether what surrounds the endpoints is unchanged.
    same_around: bool,
}

impl Former {
    pub(super) fn new(loaded: Option<Arc<Loaded>>, table: Arc<RouteTable>, new: &Loaded) -> Self {
        let same_around = loaded.as_ref().is_some_and(|old| {
            old.dialect == new.dialect
                && is_same(&old.gateway.middlewares, &new.gateway.middlewares)
                && is_same(&old.gateway.balancer, &new.gateway.balancer)
                && is_same(&old.gateway.client, &new.gateway.client)
        });
        let names = table.routes.iter().map(|route| Arc::clone(&route.endpoint.name));
        let places = names.enumerate().map(|(place, name)| (name, place)).collect();
        Self { loaded, table, places, same_around }
    }

    /// The route of an unchanged endpoint.
    pub(super) fn route(
        &self,
        new: &Loaded,
        index: usize,
        endpoint: &CompiledEndpoint,
    ) -> (Change, Option<Arc<Route>>) {
        let Some(old) = &self.loaded else { return (Change::Added, None) };
        let Some(&place) = self.places.get(&endpoint.info.name) else { return (Change::Added, None) };
        let plain = |cluster: &ClusterSpec| cluster.backends.iter().all(|backend| backend.tls.is_none());
        let (was, is) = (old.gateway.endpoints.get(place), new.gateway.endpoints.get(index));
        let dialect = |loaded: &Loaded, endpoint: Option<&Spanned<v1::Endpoint>>| {
            endpoint.map(|endpoint| loaded.dialect_at(endpoint.span()))
        };
        let same = self.same_around
            && dialect(old, was) == dialect(new, is)
            && is_same(&was, &is)
            // A certificate may have been replaced under the same path.
            && plain(&endpoint.cluster)
            && endpoint.chains.deferred.iter().all(|client| plain(&client.spec));
        let kept = same.then(|| self.table.routes.get(place).cloned()).flatten();
        (if kept.is_some() { Change::Kept } else { Change::Changed }, kept)
    }
}

/// Whether two parts of documents say the same; where they stand does not matter.
fn is_same(old: &impl Serialize, new: &impl Serialize) -> bool {
    serde_json::to_value(old).ok() == serde_json::to_value(new).ok()
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Added,
    Changed,
    Kept,
}
