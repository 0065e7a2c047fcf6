//! What is known of one request while it is served, shared by the layers through its extensions.

use std::any::Any;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::{ConnContext, NodeFilter, NodeInfo, Outcome, Request};

/// What names an endpoint in logs, metrics and for middleware.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointInfo {
    /// The configured id, else derived from methods, host and path.
    pub name: Arc<str>,
    /// The path pattern: the `http.route` label, never the path itself.
    pub route: Arc<str>,
    /// The configured methods, joined by `,`; empty for any.
    pub methods: Arc<str>,
    /// Whether the upstream speaks gRPC.
    pub grpc: bool,
    /// The endpoint's own metadata.
    pub metadata: std::collections::BTreeMap<String, String>,
}

/// The form of the answers that the gateway makes itself for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerForm {
    /// `text/plain`.
    Text,
    /// `application/problem+json` (RFC 9457), for clients that accept JSON.
    Problem,
    /// JSON as kratos writes its errors.
    Kratos,
    /// A trailers-only gRPC answer, for requests whose content type is `application/grpc*`.
    Grpc,
}

/// One attempt at an upstream.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The node's address.
    pub node: Arc<str>,
    /// The status of the answer, if one came.
    pub status: Option<u16>,
    /// What became of it.
    pub outcome: Outcome,
    /// Until the response headers, or the failure.
    pub elapsed: Duration,
}

/// The context of a request. Its fixed part is read without a lock; what changes on the way stands behind one
/// mutex, which only this request's own layers take, one after another.
pub struct RequestContext {
    /// The connection it came over.
    pub conn: Arc<ConnContext>,
    /// The client's address: the peer, or what trusted proxies say of it.
    pub client: IpAddr,
    /// The endpoint that was matched.
    pub endpoint: Arc<EndpointInfo>,
    /// The form of an answer that the gateway makes itself.
    pub form: AnswerForm,
    /// When its head had been read.
    pub received: Instant,
    /// The variables of the path and host templates, in pattern order.
    pub vars: Vec<(Arc<str>, String)>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    filters: Vec<NodeFilter>,
    tried: Vec<Arc<str>>,
    attempts: Vec<Attempt>,
    current: Option<Arc<NodeInfo>>,
    last_attempt: bool,
    body_fault: Option<Outcome>,
    abandoned: Option<Outcome>,
    /// So few that to look at each costs less than to hash.
    values: Vec<Box<dyn Any + Send + Sync>>,
}

impl RequestContext {
    /// A context at the start of a request, to be completed by setting `form` and `vars`.
    pub fn new(
        conn: Arc<ConnContext>,
        client: IpAddr,
        endpoint: Arc<EndpointInfo>,
        received: Instant,
    ) -> Self {
        Self {
            conn,
            client,
            endpoint,
            form: AnswerForm::Text,
            received,
            vars: Vec::new(),
            state: Mutex::default(),
        }
    }

    /// The context that travels with `req`.
    pub fn of(req: &Request) -> Option<&Arc<Self>> {
        req.extensions().get::<Arc<Self>>()
    }

    /// The value of a template variable.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars.iter().find(|(key, _)| **key == *name).map(|(_, value)| value.as_str())
    }

    /// Narrows the nodes of every later attempt.
    pub fn push_filter(&self, filter: NodeFilter) {
        self.state.lock().filters.push(filter);
    }

    /// The filters pushed so far.
    pub fn filters(&self) -> Vec<NodeFilter> {
        self.state.lock().filters.clone()
    }

    /// Notes the node that the attempt at hand uses, and that it has been tried.
    pub fn note_node(&self, node: Arc<NodeInfo>) {
        let mut state = self.state.lock();
        state.tried.push(Arc::clone(&node.address));
        state.current = Some(node);
    }

    /// The addresses tried so far.
    pub fn tried(&self) -> Vec<Arc<str>> {
        self.state.lock().tried.clone()
    }

    /// The node of the attempt at hand.
    pub fn current_node(&self) -> Option<Arc<NodeInfo>> {
        self.state.lock().current.clone()
    }

    /// Notes how an attempt ended.
    pub fn note_attempt(&self, attempt: Attempt) {
        self.state.lock().attempts.push(attempt);
    }

    /// The attempts so far.
    pub fn attempts(&self) -> Vec<Attempt> {
        self.state.lock().attempts.clone()
    }

    /// Shows each attempt so far, in order, without copying them.
    pub fn each_attempt(&self, see: impl FnMut(&Attempt)) {
        self.state.lock().attempts.iter().for_each(see);
    }

    /// Says whether the attempt at hand is the last.
    pub fn set_last_attempt(&self, last: bool) {
        self.state.lock().last_attempt = last;
    }

    /// Whether the attempt at hand is the last.
    pub fn is_last_attempt(&self) -> bool {
        self.state.lock().last_attempt
    }

    /// Notes that the client's own body failed: whatever the upstream made of it is the client's fault.
    pub fn note_body_fault(&self, outcome: Outcome) {
        self.state.lock().body_fault.get_or_insert(outcome);
    }

    /// The failure of the client's body, if it failed.
    pub fn body_fault(&self) -> Option<Outcome> {
        self.state.lock().body_fault
    }

    /// Says why the attempt at hand is about to be dropped without an answer, so that the client can tell a node that
    /// was too slow from a client that went away. `None` at the start of an attempt.
    pub fn set_abandoned(&self, why: Option<Outcome>) {
        self.state.lock().abandoned = why;
    }

    /// Why the attempt at hand is dropped; [`Outcome::ClientClosed`] if nobody said.
    pub fn abandoned(&self) -> Outcome {
        self.state.lock().abandoned.unwrap_or(Outcome::ClientClosed)
    }

    /// Keeps a typed value for a later layer.
    pub fn insert<T: Clone + Send + Sync + 'static>(&self, value: T) {
        let mut state = self.state.lock();
        state.values.retain(|kept| !kept.is::<T>());
        state.values.push(Box::new(value));
    }

    /// A typed value that an earlier layer kept.
    pub fn get<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.state.lock().values.iter().find_map(|kept| kept.downcast_ref::<T>()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_value_replaces_that_of_its_type_and_no_other() {
        let any = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
        let conn = ConnContext {
            worker: 0,
            listener: "".into(),
            peer: any,
            local: any,
            tls: None,
            trusted_proxies: [].into(),
        };
        let cx = RequestContext::new(Arc::new(conn), any.ip(), Arc::default(), Instant::now());
        assert_eq!(cx.get::<u8>(), None);
        cx.insert(1_u8);
        cx.insert("one");
        cx.insert(2_u8);
        assert_eq!((cx.get::<u8>(), cx.get::<&str>(), cx.get::<u16>()), (Some(2), Some("one"), None));
    }
}
