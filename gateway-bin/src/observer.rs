//! What the server refuses by itself is counted with everything else.

use std::sync::Arc;

use gw_core::ConnContext;
use gw_server::{Observer, Rejection};
use gw_telemetry::Metrics;

/// Counts refused requests.
pub(crate) struct CountRejections(pub(crate) Arc<Metrics>);

impl Observer for CountRejections {
    fn on_rejected(&self, rejection: &Rejection, conn: &ConnContext) {
        self.0.rejected(conn.worker, rejection.outcome);
        tracing::debug!(
            outcome = rejection.outcome.as_str(),
            status = rejection.status.as_u16(),
            client.address = %conn.peer,
            "{}", rejection.detail
        );
    }
}
