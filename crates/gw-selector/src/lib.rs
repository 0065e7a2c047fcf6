//! Load balancing: which node gets the next request.
//!
//! A [`Selector`] holds a set of nodes and picks one of them by its [`Policy`]. Everything here is pure and
//! synchronous: no tasks, no sockets, no clock and no source of randomness; [`Pick`] brings the time and one random
//! number. No lock is taken on the way of a request, and without filters and retries nothing is allocated.
//!
//! What is measured of a node ([`NodeStats`]) belongs to the [`Node`], not to the selector: it outlives every
//! [`Selector::apply`] for as long as somebody keeps the `Arc<Node>`.
//!
//! ```
//! use std::time::{Duration, Instant};
//!
//! use gw_core::{NodeInfo, Outcome};
//! use gw_selector::{Node, Pick, Policy};
//!
//! let selector = Policy::P2c.build();
//! selector.apply(&[Node::new(NodeInfo::new("10.0.0.1:80")), Node::new(NodeInfo::new("10.0.0.2:80"))]);
//!
//! let now = Instant::now();
//! let mut picked = selector.select(&Pick::new(now, 42)).expect("two nodes are eligible");
//! assert_eq!(picked.node().stats().in_flight(), 1);
//! picked.respond(now + Duration::from_millis(20), Outcome::Ok);
//! ```

mod balancer;
mod eligible;
mod hash;
mod least_request;
mod maglev;
mod node;
mod p2c;
mod pick;
mod policy;
mod random;
mod round_robin;
mod stats;
pub mod testing;
mod tier;
mod weights;
mod wrr;

use std::sync::Arc;

pub use node::Node;
pub use pick::{Pick, Picked};
pub use policy::Policy;
pub use stats::{NodeSnapshot, NodeStats};

/// Picks a node for each attempt. Made by [`Policy::build`].
///
/// All implementations agree on who is eligible, and differ only in whom they prefer:
/// 1. a node that a filter of the pick refuses is never taken;
/// 2. a node of weight 0 is taken only if no node of another weight passes the filters;
/// 3. a node that was tried already is taken only if all that are left were;
/// 4. among those, a node is taken only if there is none of a lower [`priority`](gw_core::NodeInfo::priority).
///
/// Differs from kratos: weights count under every policy but `round_robin`, which says so; kratos' default ignores
/// them. `testing::contract` checks these rules.
pub trait Selector: Send + Sync + 'static {
    /// Replaces the nodes. Meant for the control thread: it sorts and builds tables.
    ///
    /// Concurrent picks see either the old or the new set. To keep what was measured of a node, pass the same
    /// `Arc<Node>` again, or one made by [`Node::with_info`].
    fn apply(&self, nodes: &[Arc<Node>]);

    /// Picks a node; `None` if no node is eligible.
    fn select(&self, pick: &Pick<'_>) -> Option<Picked>;
}
