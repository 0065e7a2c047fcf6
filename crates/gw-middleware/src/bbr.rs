//! `bbr`: refuses requests while the machine is overloaded, as many as it could not have served anyway.
//!
//! It guards the gateway and what runs beside it, not the upstream: while the CPU is busy beyond a threshold, no more
//! requests are in flight than the best recent throughput and the best recent time say there can be (Little's law).
//!
//! Differs from kratos: a request is in flight until its answer has been sent, not only until its headers came; the
//! state outlives reloads; control groups of version 2 are read, too.

mod limiter;

use std::sync::Arc;
use std::time::{Duration, Instant};

use gw_core::{BoxFuture, Clock, Error, Outcome, Request, RequestContext, Response};
use gw_telemetry::{Counter, CounterFamily};
use gw_value::{Options, Spanned};
use serde::Deserialize;

use crate::cpu::Load;
use crate::header_edits::invalid;
use crate::kept::Kept;
use crate::{BuildContext, BuildError, Ended, Middleware, MiddlewareFactory, Next};
use limiter::Limiter;

pub use crate::cpu::CPU_LOAD;

/// Counts what `bbr` refused.
pub const BBR_DROPPED: CounterFamily = CounterFamily {
    name: "gateway_bbr_dropped_total",
    help: "Requests refused because the CPU was overloaded.",
    labels: &["endpoint"],
};

const MIN_WINDOW: Duration = Duration::from_secs(1);
const MAX_WINDOW: Duration = Duration::from_secs(600);

/// The limiters of one instance, by the length of their window.
type Limiters = Kept<Duration, Limiter>;

/// Makes `bbr`.
#[derive(Debug)]
pub(crate) struct Factory;

/// The original has no options.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct BbrOptions {
    /// From which CPU load on requests may be refused, in thousandths; 0 is any.
    cpu_threshold: Spanned<u16>,
    /// How far back throughput and times are looked at.
    #[serde(with = "gw_value::duration")]
    window: Duration,
}

impl Default for BbrOptions {
    fn default() -> Self {
        Self { cpu_threshold: Spanned::unplaced(800), window: Duration::from_secs(10) }
    }
}

struct Bbr {
    limiter: Arc<Limiter>,
    threshold: u16,
    load: Arc<Load>,
    clock: Clock,
    dropped: Arc<Counter>,
    /// Held so that the next instance finds the limiter.
    _limiters: Arc<Limiters>,
}

impl MiddlewareFactory for Factory {
    fn name(&self) -> &'static str {
        "bbr"
    }

    fn build(&self, options: &Options, cx: &BuildContext) -> Result<Arc<dyn Middleware>, BuildError> {
        let BbrOptions { cpu_threshold, window } = options.lower(|read: BbrOptions, faults| {
            if *read.cpu_threshold > 1000 {
                let message = "the CPU load is 0 to 1000 thousandths".to_owned();
                faults.push(invalid(read.cpu_threshold.span(), "cpu_threshold", message, None));
            }
            if !(MIN_WINDOW..=MAX_WINDOW).contains(&read.window) {
                let message = "`window` is between 1 s and 10 min".to_owned();
                faults.push(invalid(options.place(&["window"]), "window", message, None));
            }
            Some(read)
        })?;
        let limiters = cx.state(Limiters::default);
        Ok(Arc::new(Bbr {
            limiter: limiters.get(window, || Limiter::new(window, cx.clock().now())),
            threshold: *cpu_threshold,
            load: Load::shared(cx),
            clock: cx.clock().clone(),
            dropped: cx.metrics().counter(&BBR_DROPPED, &[&cx.endpoint().name]),
            _limiters: limiters,
        }))
    }
}

/// A request in flight; its drop is its end.
struct InFlight {
    limiter: Arc<Limiter>,
    began: Instant,
    ended: Option<Instant>,
    clock: Clock,
}

impl InFlight {
    /// Ends it at a time that is known already.
    fn end(mut self, at: Instant) {
        self.ended = Some(at);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.limiter.end(self.began, self.ended.unwrap_or_else(|| self.clock.now()));
    }
}

impl Middleware for Bbr {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, gw_core::Result<Response>> {
        Box::pin(async move {
            let cx = RequestContext::of(&req);
            let overloaded = self.load.permille() >= self.threshold;
            if !self.limiter.begin(overloaded, || self.clock.now()) {
                self.dropped.add(cx.map_or(0, |cx| cx.conn.worker), 1);
                return Err(Error::reject(Outcome::RateLimited).with_detail("the gateway is overloaded"));
            }
            let began = cx.map_or_else(|| self.clock.now(), |cx| cx.received);
            let limiter = Arc::clone(&self.limiter);
            let in_flight = InFlight { limiter, began, ended: None, clock: self.clock.clone() };
            match cx {
                Some(cx) => {
                    Ended::watch(cx, move |ended| in_flight.end(ended.at));
                    Ok(next.run(req).await)
                }
                // Without a context, nobody tells when the answer has been sent.
                None => {
                    let response = next.run(req).await;
                    drop(in_flight);
                    Ok(response)
                }
            }
        })
    }
}

#[cfg(test)]
mod tests;
