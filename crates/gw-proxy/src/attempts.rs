//! Attempts: one request, tried until an answer is good enough, the time is up, or trying again is not safe.
//!
//! Stands inside the request-phase chain and runs the attempt-phase chain around the client once per attempt.

use std::future::ready;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gw_config::FeatureGates;
use gw_core::{BoxFuture, Clock, Error, Failure, Outcome, Request, RequestContext, Response, Result};
use gw_middleware::{Chain, SuccessRatioBreaker};
use gw_telemetry::{RetryResult, UpstreamSeries};
use http::Method;
use tokio::time::sleep_until;
use tracing::Instrument;

use crate::deadline::{Patience, Timeouts};
use crate::grpc;
use crate::interceptors::Interceptors;
use crate::replay::{self, Budget, Replay};
use crate::retry::RetryPolicy;
use crate::spans;

/// The end of a route's chain.
pub(crate) struct Attempts {
    /// The attempt-phase chain around the client.
    pub(crate) chain: Arc<Chain>,
    pub(crate) policy: RetryPolicy,
    pub(crate) gates: FeatureGates,
    pub(crate) timeouts: Timeouts,
    pub(crate) breaker: Arc<SuccessRatioBreaker>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) series: Arc<UpstreamSeries>,
    pub(crate) clock: Clock,
    pub(crate) interceptors: Interceptors,
}

impl gw_core::Client for Attempts {
    fn call(&self, req: Request) -> BoxFuture<'_, Result<Response>> {
        self.run(req)
    }
}

impl Attempts {
    /// What can be done at once is done in this call, so that no future holds the request but the one that sends it.
    fn run(&self, mut req: Request) -> BoxFuture<'_, Result<Response>> {
        let Some(cx) = RequestContext::of(&req).cloned() else {
            return Box::pin(ready(Err(Error::unsent(Outcome::Internal))));
        };
        let call_deadline = self.call_deadline(&req, &cx);
        let now = self.clock.now();
        let mut patience = Patience::new(now, self.timeouts, call_deadline, cx);
        if self.policy.attempts > 1 {
            return Box::pin(self.repeat(req, patience, now));
        }
        patience.cx.set_last_attempt(true);
        patience.set_remaining(&mut req, now);
        let span = spans::attempt(1);
        let (limit, work) = span.in_scope(|| (self.begin(&mut patience, now), self.chain.run(req)));
        let tried = async move { self.attempt(work, limit, &patience).await.0 };
        Box::pin(tried.instrument(span))
    }

    /// Tries from `now` on until an answer is good enough, or trying again is not safe.
    fn repeat(
        &self,
        mut req: Request,
        mut patience: Patience,
        mut now: Instant,
    ) -> impl Future<Output = Result<Response>> + Send {
        let replay = Replay::new(std::mem::take(req.body_mut()), replay::LIMIT, &self.budget);
        async move {
            let (mut attempt, mut body) = (1, replay.body().unwrap_or_default());
            loop {
                let last = attempt >= self.policy.attempts;
                patience.cx.set_last_attempt(last);
                *req.body_mut() = body;
                patience.set_remaining(&mut req, now);
                let span = spans::attempt(attempt);
                let limit = span.in_scope(|| self.begin(&mut patience, now));
                let work = span.in_scope(|| self.chain.run_lent(&mut req, &patience.cx));
                let (result, failed) = self.attempt(work, limit, &patience).instrument(span).await;
                let worker = patience.cx.conn.worker;
                if attempt > 1 {
                    self.breaker.note(self.clock.now(), !failed);
                    let retry = if failed { RetryResult::Failure } else { RetryResult::Success };
                    self.series.record_retry(worker, req.method(), retry);
                }
                let wanted = failed
                    && !last
                    && self.gates.retry()
                    && replay.is_complete()
                    && self.repeats(&result, req.method());
                let again = wanted && self.breaker.allows(self.clock.now(), rand::random);
                if wanted && !again {
                    self.series.record_retry(worker, req.method(), RetryResult::Breaker);
                }
                let Some(pause) = again.then(|| self.pause(attempt, &patience)).flatten() else {
                    return result;
                };
                // From here on the attempt that failed reads nothing that the next one needs, whoever still sends it.
                let Some(again) = replay.body() else { return result };
                body = again;
                // The failed answer lets go of its node before the wait, not after it.
                drop(result);
                if !pause.is_zero() {
                    // Boxed: a wait is rare, and its timer would be a part of every request.
                    Box::pin(tokio::time::sleep(pause)).await;
                }
                attempt += 1;
                now = self.clock.now();
            }
        }
    }

    /// The deadline of a gRPC call: the client's own, and no later than the endpoint's timeout.
    fn call_deadline(&self, req: &Request, cx: &RequestContext) -> Option<Instant> {
        if !cx.endpoint.grpc {
            return None;
        }
        let asked = grpc::timeout(req.headers())?;
        let deadline =
            cx.received.checked_add(self.timeouts.request.map_or(asked, |timeout| timeout.min(asked)))?;
        cx.set_deadline(deadline);
        Some(deadline)
    }

    /// Begins an attempt `now`; when to look after it.
    fn begin(&self, patience: &mut Patience, now: Instant) -> Option<Instant> {
        let mut limit = patience.begin_attempt(now);
        if let Some(decide) = self.interceptors.of_attempts() {
            limit = patience.decide(decide(&patience.cx, now, limit));
        }
        patience.cx.set_abandoned(None);
        limit
    }

    /// The outcome of an attempt, and whether it failed in a way that may call for another.
    async fn attempt(
        &self,
        work: impl Future<Output = Response> + Send,
        limit: Option<Instant>,
        patience: &Patience,
    ) -> (Result<Response>, bool) {
        let cx = &patience.cx;
        let give_up = |outcome| {
            cx.set_abandoned(Some(outcome));
            if outcome == Outcome::ClientTimeout {
                cx.note_body_fault(outcome);
            }
        };
        let result = limited(work, limit, patience, give_up).await;
        if let Some(fault) = cx.body_fault() {
            return (Err(Error::new(fault)), false);
        }
        match result {
            None if cx.has_departed() => (Err(Error::new(Outcome::UpstreamTimeout)), true),
            None => (Err(Error::unsent(Outcome::UpstreamTimeout)), true),
            Some(response) => {
                let failed = response.extensions().get::<Failure>().is_some()
                    || self.policy.matches(response.status(), response.headers());
                (Ok(response), failed)
            }
        }
    }

    fn repeats(&self, result: &Result<Response>, method: &Method) -> bool {
        match result {
            Err(error) => self.policy.repeats(Failure::from(error), method),
            Ok(response) => match response.extensions().get::<Failure>() {
                Some(failure) => self.policy.repeats(*failure, method),
                // A condition that the operator wrote holds for every method.
                None => true,
            },
        }
    }

    /// How long to wait before the next attempt; `None` when the time would be up.
    fn pause(&self, attempt: u32, patience: &Patience) -> Option<Duration> {
        let pause = self.policy.pause(attempt, rand::random()).unwrap_or_default();
        (!patience.is_over(self.clock.now() + pause)).then_some(pause)
    }
}

/// Runs `work` until the limit, which moves while the client's upload makes progress.
async fn limited<T>(
    work: impl Future<Output = T>,
    limit: Option<Instant>,
    patience: &Patience,
    give_up: impl FnOnce(Outcome),
) -> Option<T> {
    let Some(mut limit) = limit else { return Some(work.await) };
    tokio::pin!(work);
    let timer = sleep_until(limit.into());
    tokio::pin!(timer);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return Some(done),
            () = &mut timer => match patience.extend(limit) {
                Some(later) => {
                    limit = later;
                    timer.as_mut().reset(later.into());
                }
                None => {
                    // Before the work is dropped: the client notes why.
                    give_up(patience.blame(limit));
                    return None;
                }
            },
        }
    }
}

#[cfg(test)]
mod tests;
