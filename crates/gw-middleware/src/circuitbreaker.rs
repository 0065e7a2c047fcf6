//! `circuitbreaker`: stops asking an upstream that fails, and answers in its place.
//!
//! It stands outside the attempts: what it counts is what the client got in the end, so that a retry that helped is a
//! success. The upstream's failures count; what the client did, or the gateway decided, counts neither way.
//!
//! Differs from kratos: a client that goes away is not a failure, requests that were refused here are not counted as
//! failures of the upstream, and without a trigger the success ratio has its defaults (there, nothing is ever refused).

mod action;
mod dice;
mod options;
mod shown;

use std::sync::Arc;
use std::time::Duration;

use gw_core::{BoxFuture, Clock, Failure, Request, RequestContext, Response, Side};
use gw_telemetry::{Counter, CounterFamily};
use gw_value::{Dialect, Options};

use crate::condition::Condition;
use crate::kept::Kept;
use crate::success_ratio::{SuccessRatioBreaker, Window};
use crate::{BuildContext, BuildError, Middleware, MiddlewareFactory, Next};
use action::Action;
use dice::Dice;
use options::{BreakerOptions, Trigger};
use shown::Shown;

pub use shown::BREAKER_REFUSED_SHARE;

/// Counts what `circuitbreaker` did not let pass.
pub const BREAKER_DENIED: CounterFamily = CounterFamily {
    name: "gateway_circuit_breaker_denied_total",
    help: "Requests that a circuit breaker did not let pass.",
    labels: &["endpoint"],
};

/// The windows of one instance, by their buckets and their length: other shares and thresholds judge the same window.
type Windows = Kept<(u32, Duration), Window>;

/// Makes `circuitbreaker`.
#[derive(Debug)]
pub(crate) struct Factory;

struct CircuitBreaker {
    breaker: Breaker,
    success: Success,
    action: Action,
    dice: Dice,
    clock: Clock,
    denied: Arc<Counter>,
    /// Held so that the next instance finds the window.
    _windows: Arc<Windows>,
    _shown: Arc<Shown>,
}

/// What decides.
enum Breaker {
    Successes(Arc<SuccessRatioBreaker>),
    /// The share that passes, whatever becomes of it.
    Ratio(f64),
}

/// Which answers of an upstream are successes.
enum Success {
    /// All: the original's default.
    Any,
    /// All but 5xx and a gRPC call's immediate `UNAVAILABLE`: what also hurts a node.
    NoServerError,
    /// Those that meet a condition.
    Meets(Vec<Condition>),
}

impl MiddlewareFactory for Factory {
    fn name(&self) -> &'static str {
        "circuitbreaker"
    }

    fn build(&self, options: &Options, cx: &BuildContext) -> Result<Arc<dyn Middleware>, BuildError> {
        let (trigger, conditions, action) = options.lower(|decoded: BreakerOptions, faults| {
            let trigger = decoded.trigger(options, faults);
            Some((trigger, decoded.conditions(faults), decoded.action(options, cx, faults)))
        })?;
        let action = action?;
        let windows = cx.state(Windows::default);
        let shown = cx.shared(Shown::default);
        let breaker = match trigger {
            Trigger::Ratio(share) => Breaker::Ratio(share),
            Trigger::Successes(ratio) => {
                let shape = (ratio.bucket, ratio.window);
                let window = windows.get(shape, || Window::new(shape.0, shape.1, cx.clock().now()));
                let breaker = Arc::new(SuccessRatioBreaker::over(ratio, window));
                shown.add(&breaker, cx);
                Breaker::Successes(breaker)
            }
        };
        let success = match options.dialect() {
            _ if !conditions.is_empty() => Success::Meets(conditions),
            Dialect::Native => Success::NoServerError,
            Dialect::Go => Success::Any,
        };
        Ok(Arc::new(CircuitBreaker {
            breaker,
            success,
            action,
            dice: Dice::new(cx.random()),
            clock: cx.clock().clone(),
            denied: cx.metrics().counter(&BREAKER_DENIED, &[&cx.endpoint().name]),
            _windows: windows,
            _shown: shown,
        }))
    }
}

impl CircuitBreaker {
    fn allows(&self) -> bool {
        match &self.breaker {
            Breaker::Successes(breaker) => breaker.allows(self.clock.now(), || self.dice.roll()),
            Breaker::Ratio(share) => self.dice.roll() < *share,
        }
    }

    fn note(&self, response: &Response) {
        if let Breaker::Successes(breaker) = &self.breaker
            && let Some(success) = self.success.judge(response)
        {
            breaker.note(self.clock.now(), success);
        }
    }
}

impl Success {
    /// Whether an answer is a success; nothing if it says nothing of the upstream.
    fn judge(&self, response: &Response) -> Option<bool> {
        if let Some(failure) = response.extensions().get::<Failure>() {
            return (failure.outcome.facts().side == Side::Upstream).then_some(false);
        }
        let (status, headers) = (response.status(), response.headers());
        Some(match self {
            Self::Any => true,
            Self::NoServerError => {
                let unavailable = headers.get("grpc-status").is_some_and(|status| status == "14");
                !status.is_server_error() && !unavailable
            }
            Self::Meets(conditions) => conditions.iter().any(|condition| condition.matches(status, headers)),
        })
    }
}

impl Middleware for CircuitBreaker {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, gw_core::Result<Response>> {
        Box::pin(async move {
            if !self.allows() {
                self.denied.add(RequestContext::of(&req).map_or(0, |cx| cx.conn.worker), 1);
                return self.action.answer(req).await;
            }
            // A client that goes away drops this here, and nothing is noted.
            let response = next.run(req).await;
            self.note(&response);
            Ok(response)
        })
    }
}

#[cfg(test)]
mod tests;
