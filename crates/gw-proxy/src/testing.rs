//! What unit tests of this crate share: a connection and a context.

use std::sync::Arc;
use std::time::Instant;

use gw_core::{AnswerForm, ConnContext, EndpointInfo, RequestContext};

/// A plain connection from `peer`, an address, that trusts these networks.
pub(crate) fn conn(peer: &str, trusted: &[&str]) -> Arc<ConnContext> {
    let peer = format!("{peer}:1000").parse().unwrap();
    let conn = ConnContext::new(0, "test", peer, "192.0.2.2:80".parse().unwrap());
    Arc::new(conn.trusting(trusted.iter().map(|net| net.parse().unwrap()).collect()))
}

/// The context of a request that came at `received`.
pub(crate) fn context(endpoint: EndpointInfo, form: AnswerForm, received: Instant) -> RequestContext {
    let conn = conn("192.0.2.1", &[]);
    let client = conn.peer_ip();
    let mut cx = RequestContext::new(conn, client, Arc::new(endpoint), received);
    cx.form = form;
    cx
}
