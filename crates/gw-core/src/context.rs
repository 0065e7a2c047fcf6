//! What is known of one request while it is served, shared by the layers through its extensions.

use std::any::Any;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use http::HeaderValue;
use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::outcome::OutcomeCell;
use crate::{ConnContext, NodeFilter, NodeInfo, Outcome, Request, Upload};

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

/// What was noted of a request, as [`RequestContext::with_notes`] lends it.
#[derive(Clone, Copy, Debug)]
pub struct Notes<'a> {
    /// The attempts so far, in order.
    pub attempts: &'a [Attempt],
    /// Its id: see [`RequestContext::request_id`].
    pub request_id: Option<&'a HeaderValue>,
}

/// The context of a request. What every request needs is read and written without a lock; lists and typed values
/// stand behind one mutex, which only this request's own layers take, one after another.
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
    /// When that was by the wall clock, if somebody will ask: where there is an access log. Who makes the context reads
    /// it, so that no other needs to.
    pub received_at: Option<SystemTime>,
    /// The variables of the path and host templates, in pattern order.
    pub vars: Vec<(Arc<str>, String)>,
    /// How far its body has got on its way up.
    pub upload: Upload,
    flags: Flags,
    body_fault: OutcomeCell,
    abandoned: OutcomeCell,
    /// When the call is over, in nanoseconds since `received`; 0 for never.
    deadline: AtomicU64,
    state: Mutex<State>,
}

/// What is said once or again, and asked by every request. The first three say whether `state` has something to show,
/// so that nobody takes its lock in vain.
#[derive(Default)]
struct Flags {
    filtered: AtomicBool,
    tried: AtomicBool,
    keeps: AtomicBool,
    last_attempt: AtomicBool,
    departed: AtomicBool,
    logged: AtomicBool,
}

/// One attempt is the rule, and needs no memory of its own.
#[derive(Default)]
struct State {
    filters: Vec<NodeFilter>,
    tried: SmallVec<[Arc<NodeInfo>; 2]>,
    attempts: SmallVec<[Attempt; 1]>,
    request_id: Option<HeaderValue>,
    /// So few that to look at each costs less than to hash.
    values: Vec<Box<dyn Any + Send + Sync>>,
}

impl RequestContext {
    /// A context at the start of a request, to be completed by setting `form`, `received_at` and `vars`.
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
            received_at: None,
            vars: Vec::new(),
            upload: Upload::none(received),
            flags: Flags::default(),
            body_fault: OutcomeCell::default(),
            abandoned: OutcomeCell::default(),
            deadline: AtomicU64::new(0),
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
        self.flags.filtered.store(true, Relaxed);
    }

    /// The filters pushed so far. A copy, since a filter may ask this context.
    pub fn filters(&self) -> Vec<NodeFilter> {
        if !self.flags.filtered.load(Relaxed) {
            return Vec::new();
        }
        self.state.lock().filters.clone()
    }

    /// Notes the node that the attempt at hand uses, and that it has been tried.
    pub fn note_node(&self, node: Arc<NodeInfo>) {
        self.state.lock().tried.push(node);
        self.flags.tried.store(true, Relaxed);
    }

    /// The addresses tried so far, in order.
    pub fn tried(&self) -> Vec<Arc<str>> {
        if !self.flags.tried.load(Relaxed) {
            return Vec::new();
        }
        self.state.lock().tried.iter().map(|node| Arc::clone(&node.address)).collect()
    }

    /// The node of the attempt at hand: the one tried last.
    pub fn current_node(&self) -> Option<Arc<NodeInfo>> {
        self.state.lock().tried.last().cloned()
    }

    /// Notes how an attempt ended.
    pub fn note_attempt(&self, attempt: Attempt) {
        self.state.lock().attempts.push(attempt);
    }

    /// A copy of the attempts so far, in order.
    pub fn attempts(&self) -> Vec<Attempt> {
        self.with_notes(|notes| notes.attempts.to_vec())
    }

    /// Lends what was noted so far. `look` must not ask for lists and values of this context: all stand behind one lock.
    pub fn with_notes<T>(&self, look: impl FnOnce(&Notes<'_>) -> T) -> T {
        let state = self.state.lock();
        look(&Notes { attempts: &state.attempts, request_id: state.request_id.as_ref() })
    }

    /// Says whether the attempt at hand is the last.
    pub fn set_last_attempt(&self, last: bool) {
        self.flags.last_attempt.store(last, Relaxed);
    }

    /// Whether the attempt at hand is the last.
    pub fn is_last_attempt(&self) -> bool {
        self.flags.last_attempt.load(Relaxed)
    }

    /// Notes that some of the request may have left for an upstream. The client says so.
    pub fn note_departed(&self) {
        self.flags.departed.store(true, Relaxed);
    }

    /// Whether some of it may have left for an upstream, in any attempt: a request that never got a connection may be
    /// tried again whatever its method.
    pub fn has_departed(&self) -> bool {
        self.flags.departed.load(Relaxed)
    }

    /// Says that the request is to be in the access log. The middleware `logging` does.
    pub fn set_logged(&self) {
        self.flags.logged.store(true, Relaxed);
    }

    /// Whether the request is to be in the access log.
    pub fn is_logged(&self) -> bool {
        self.flags.logged.load(Relaxed)
    }

    /// Says what the request's id is, in place of any said before. The middleware `request_id` does.
    pub fn set_request_id(&self, id: HeaderValue) {
        self.state.lock().request_id = Some(id);
    }

    /// The request's id, as the upstream gets it and the access log tells it.
    pub fn request_id(&self) -> Option<HeaderValue> {
        self.state.lock().request_id.clone()
    }

    /// Says when the call is over, its answer's body included. Who tries a gRPC call that has a deadline does.
    pub fn set_deadline(&self, deadline: Instant) {
        // One that has passed already is over a nanosecond after the beginning, which has passed too.
        let since = deadline.saturating_duration_since(self.received).as_nanos().max(1);
        self.deadline.store(u64::try_from(since).unwrap_or(u64::MAX), Relaxed);
    }

    /// When the call is over, its answer's body included; `None` for all but gRPC calls with a deadline.
    pub fn deadline(&self) -> Option<Instant> {
        match self.deadline.load(Relaxed) {
            0 => None,
            since => self.received.checked_add(Duration::from_nanos(since)),
        }
    }

    /// Notes that the client's own body failed: whatever the upstream made of it is the client's fault.
    pub fn note_body_fault(&self, outcome: Outcome) {
        self.body_fault.set_first(outcome);
    }

    /// The first failure of the client's body, if it failed.
    pub fn body_fault(&self) -> Option<Outcome> {
        self.body_fault.get()
    }

    /// Says why the attempt at hand is about to be dropped without an answer, so that the client can tell a node that
    /// was too slow from a client that went away. `None` at the start of an attempt.
    pub fn set_abandoned(&self, why: Option<Outcome>) {
        self.abandoned.set(why);
    }

    /// Why the attempt at hand is dropped; [`Outcome::ClientClosed`] if nobody said.
    pub fn abandoned(&self) -> Outcome {
        self.abandoned.get().unwrap_or(Outcome::ClientClosed)
    }

    /// Keeps a typed value for a later layer.
    pub fn insert<T: Clone + Send + Sync + 'static>(&self, value: T) {
        let mut state = self.state.lock();
        state.values.retain(|kept| !kept.is::<T>());
        state.values.push(Box::new(value));
        self.flags.keeps.store(true, Relaxed);
    }

    /// A typed value that an earlier layer kept.
    pub fn get<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        if !self.flags.keeps.load(Relaxed) {
            return None;
        }
        self.state.lock().values.iter().find_map(|kept| kept.downcast_ref::<T>()).cloned()
    }
}

#[cfg(test)]
mod tests;
