//! The route table: what a configuration became. Immutable; one generation of it serves until the next is published.

use std::sync::Arc;
use std::time::Duration;

use gw_config::v1::{ErrorFormat, PathPolicy};
use gw_core::EndpointInfo;
use gw_middleware::Chain;
use gw_router::Router;

use crate::exchange::Records;

/// All that a request needs of the configuration.
pub(crate) struct RouteTable {
    /// Counted up with each publication; the empty table is 0.
    pub(crate) generation: u64,
    /// Finds the index of a route.
    pub(crate) router: Router<usize>,
    /// Routes in configuration order.
    pub(crate) routes: Vec<Arc<Route>>,
    /// Route 0: the global chain around a refusal, for requests that no route takes.
    pub(crate) refusal: Arc<Route>,
    /// What happens to ambiguous targets.
    pub(crate) path_policy: PathPolicy,
    /// Whether the global chain turns the access log on.
    pub(crate) logs_all: bool,
    /// The format of our own answers.
    pub(crate) error_format: ErrorFormat,
}

/// A compiled endpoint.
pub(crate) struct Route {
    /// What names it.
    pub(crate) endpoint: Arc<EndpointInfo>,
    /// Its request-phase chain, the attempts at its end.
    pub(crate) chain: Arc<Chain>,
    /// Where its requests are recorded.
    pub(crate) records: Arc<Records>,
    /// How long a response body may stand still.
    pub(crate) idle_timeout: Option<Duration>,
}
