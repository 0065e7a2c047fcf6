//! Hooks for programs that embed the proxy.

use std::sync::Arc;
use std::time::Instant;

use gw_core::RequestContext;

/// Decides when an attempt is given up: gets the request, the time, and what the configuration says; `None` is never.
type AttemptDeadline =
    Arc<dyn Fn(&RequestContext, Instant, Option<Instant>) -> Option<Instant> + Send + Sync>;

/// Hooks into the proxy's decisions. Default: none.
#[derive(Clone, Default)]
pub struct Interceptors {
    attempt_deadline: Option<AttemptDeadline>,
}

impl Interceptors {
    /// No hooks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks `decide` before each attempt when it is to be given up: it gets the request's context, the time, and the
    /// deadline that the configuration gives it. A gRPC call's own deadline stands whatever it says.
    ///
    /// Source: kratos proxy `SetPrepareAttemptTimeoutContext`.
    #[must_use]
    pub fn attempt_deadline(
        mut self,
        decide: impl Fn(&RequestContext, Instant, Option<Instant>) -> Option<Instant> + Send + Sync + 'static,
    ) -> Self {
        self.attempt_deadline = Some(Arc::new(decide));
        self
    }

    /// The hook of attempts.
    pub(crate) fn of_attempts(&self) -> Option<&AttemptDeadline> {
        self.attempt_deadline.as_ref()
    }
}

impl std::fmt::Debug for Interceptors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interceptors").field("attempt_deadline", &self.attempt_deadline.is_some()).finish()
    }
}
