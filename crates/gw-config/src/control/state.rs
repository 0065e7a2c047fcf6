//! What a client knows, for its next request and for `/debug/ctrl/inspect`.

use std::collections::BTreeMap;

use serde::Serialize;

/// Where a client stands. The names are the original's, and ours behind them.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct State {
    /// The services, without credentials.
    pub(super) ctrl_service: Vec<String>,
    /// Which one is asked.
    pub(super) ctrl_service_idx: usize,
    /// The same by name.
    pub(super) next_ctrl_service: String,
    /// The configuration file.
    pub(super) dst_path: String,
    /// The gateway's name.
    pub(super) hostname: String,
    /// The gateway's address.
    pub(super) advertise_addr: String,
    /// The version of the release that was taken last; empty before the first since the start.
    pub(super) version: String,
    /// The versions of its priority items, by key.
    pub(super) priority_versions: BTreeMap<String, String>,
    /// Failures in a row.
    pub(super) failures: u32,
    /// The last one, if nothing went well since.
    pub(super) last_error: Option<String>,
    /// Feature gates that the service set and that there are not.
    pub(super) unknown_features: Vec<String>,
}
