//! The nodes of a cluster at one moment, with the selector over them.
//!
//! Both change together: a set is made new, selector included, and replaces the old one as a whole. What was
//! measured of a node is shared by its successors.

use std::sync::Arc;

use gw_core::Outcome;
use gw_selector::{Node, Pick, Picked, Selector};
use http::HeaderMap;

use crate::ClusterSpec;
use crate::backend::{Backend, Member};
use crate::factory::Shared;
use crate::lanes::Lanes;

/// The largest factor for weights: beyond it, the shares of a name's addresses are rounded.
const LARGEST_SCALE: u32 = 1000;

/// A set of members.
pub(crate) struct Members {
    selector: Arc<dyn Selector>,
    /// By colour, if a node has one.
    lanes: Option<Lanes>,
    /// Sorted by the node's place in memory, which is what a pick is found by.
    members: Vec<Arc<Member>>,
    /// Why there may be no node: `None` = it is not known yet.
    pub(crate) absent: Option<Outcome>,
}

impl Members {
    /// The members that the backends have now.
    pub(crate) fn build(backends: &[Backend], spec: &ClusterSpec, shared: &Shared) -> Self {
        let absent = match () {
            () if backends.iter().any(Backend::is_pending) => None,
            () if backends.iter().any(Backend::is_unresolved) => Some(Outcome::DnsError),
            () => Some(Outcome::NoHealthyUpstream),
        };
        let places = backends.iter().map(|backend| (backend, backend.places(&spec.versions, shared)));
        let places: Vec<_> = places.collect();
        let scale = places.iter().map(|(backend, places)| backend.shares(places)).fold(1, common_multiple);
        let members = places.into_iter().flat_map(|(backend, places)| {
            let zone = spec.zone.as_deref();
            backend.members(places, scale, zone, shared)
        });
        let mut members: Vec<_> = members.collect();
        let nodes: Vec<Arc<Node>> = members.iter().map(|member| Arc::clone(&member.node)).collect();
        let selector = spec.policy.build();
        selector.apply(&nodes);
        let lanes = Lanes::build(&nodes, spec.policy);
        members.sort_by_key(|member| key(&member.node));
        Self { selector, lanes, members, absent }
    }

    /// Picks a node for a request with these headers.
    pub(crate) fn select(&self, pick: &Pick<'_>, headers: &HeaderMap, spec: &ClusterSpec) -> Option<Picked> {
        let lanes = self.lanes.as_ref();
        let picked = lanes.and_then(|lanes| lanes.select(headers.get(&spec.color_header), pick));
        picked.or_else(|| self.selector.select(pick))
    }

    /// The member that owns `node`.
    pub(crate) fn find(&self, node: &Arc<Node>) -> Option<&Arc<Member>> {
        let index = self.members.binary_search_by_key(&key(node), |member| key(&member.node)).ok()?;
        self.members.get(index)
    }

    /// All of them, by backend and address.
    pub(crate) fn sorted(&self) -> Vec<&Arc<Member>> {
        let mut members: Vec<_> = self.members.iter().collect();
        members.sort_by_key(|member| (member.backend, member.upstream.connector.dialer.address()));
        members
    }
}

fn key(node: &Arc<Node>) -> usize {
    Arc::as_ptr(node).addr()
}

/// The smallest number that both divide, or [`LARGEST_SCALE`].
fn common_multiple(a: u32, b: u32) -> u32 {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    (a / x).saturating_mul(b).min(LARGEST_SCALE)
}
