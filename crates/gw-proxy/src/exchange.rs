//! One request, one exchange: it is made when the head has been read, moves into the response body or the tunnel, and its
//! drop records how it all ended, in the metrics and in the access log.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use gw_core::{
    AnswerForm, Clock, EndpointInfo, Failure, Notes, Outcome, Request, RequestContext, Response,
    TunnelObserver,
};
use gw_middleware::{Ended, TraceId};
use gw_telemetry::{AccessLog, AccessRecord, Finished, Metrics, RouteNames, RouteSeries, UpstreamSeries};
use http::header::HeaderValue;
use http::{Method, StatusCode, Uri, Version};
use parking_lot::Mutex;

use crate::headers::Seen;

/// Where the requests of a route are recorded. It is no part of a table: a long answer keeps no old configuration alive.
pub(crate) struct Records {
    pub(crate) series: Arc<RouteSeries>,
    /// Of its attempts.
    pub(crate) upstream: Arc<UpstreamSeries>,
    log: Option<Arc<AccessLog>>,
    /// As the log has them.
    names: RouteNames,
    clock: Clock,
}

impl Records {
    /// Those of the requests of `endpoint`.
    pub(crate) fn new(
        endpoint: &EndpointInfo,
        metrics: &Metrics,
        log: Option<&Arc<AccessLog>>,
        clock: &Clock,
    ) -> Arc<Self> {
        Arc::new(Self {
            series: metrics.route(&endpoint.route, &endpoint.name),
            upstream: metrics.upstream(&endpoint.name),
            log: log.cloned(),
            names: RouteNames::new(&endpoint.route, &endpoint.name),
            clock: clock.clone(),
        })
    }
}

/// What is known of an exchange until it ends.
pub(crate) struct Exchange {
    cx: Arc<RequestContext>,
    records: Arc<Records>,
    method: Method,
    uri: Uri,
    version: Version,
    host: Option<HeaderValue>,
    user_agent: Option<HeaderValue>,
    response_bytes: u64,
    /// Bytes that a tunnel took up, beside those of the request's body.
    tunnelled: u64,
    status: Option<StatusCode>,
    first_byte: Option<Instant>,
    /// What is recorded if nothing worse happens; `client_closed` until the answer is complete.
    outcome: Option<Outcome>,
    end: Outcome,
}

impl Exchange {
    /// An exchange for a request whose head has been read.
    pub(crate) fn new(
        req: &Request,
        seen: &Seen<'_>,
        cx: Arc<RequestContext>,
        records: &Arc<Records>,
    ) -> Box<Self> {
        records.series.enter(cx.conn.worker);
        // The one allocation per request that carries all that outlives the handler.
        Box::new(Self {
            cx,
            records: Arc::clone(records),
            method: req.method().clone(),
            uri: req.uri().clone(),
            version: req.version(),
            host: seen.host.cloned(),
            user_agent: seen.user_agent.cloned(),
            response_bytes: 0,
            tunnelled: 0,
            status: None,
            first_byte: None,
            outcome: None,
            end: Outcome::ClientClosed,
        })
    }

    /// Notes the head of the answer.
    pub(crate) fn respond(&mut self, response: &Response) {
        self.status = Some(response.status());
        // Only the log tells it.
        self.first_byte = self.records.log.is_some().then(|| self.now());
        self.outcome = response.extensions().get::<Failure>().map(|failure| failure.outcome);
    }

    /// Notes that the answer went out in full.
    pub(crate) fn complete(&mut self) {
        self.end = self.outcome.unwrap_or(Outcome::Ok);
    }

    /// Notes that the answer broke off.
    pub(crate) fn fail(&mut self, outcome: Outcome) {
        self.end = self.cx.body_fault().unwrap_or(outcome);
    }

    /// Counts bytes of the answer's body.
    pub(crate) fn add_response_bytes(&mut self, bytes: u64) {
        self.response_bytes += bytes;
    }

    /// The time.
    pub(crate) fn now(&self) -> Instant {
        self.records.clock.now()
    }

    /// Its request's context.
    pub(crate) fn context(&self) -> &Arc<RequestContext> {
        &self.cx
    }

    /// What it is for, as its `Host` says.
    pub(crate) fn host(&self) -> Option<&HeaderValue> {
        self.host.as_ref()
    }

    /// Whether the answer has no body whatever its head says.
    pub(crate) fn is_head(&self) -> bool {
        self.method == Method::HEAD
    }

    /// The form of answers to this client.
    pub(crate) fn form(&self) -> AnswerForm {
        self.cx.form
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.end = Outcome::Internal;
        }
        let now = self.now();
        let elapsed = now.saturating_duration_since(self.cx.received);
        let worker = self.cx.conn.worker;
        let records = &self.records;
        records.series.leave(worker);
        records.series.record(
            worker,
            &Finished {
                method: &self.method,
                status: self.status.map(|status| status.as_u16()),
                outcome: self.end,
                protocol: protocol(self.version),
                seconds: elapsed.as_secs_f64(),
                request_bytes: self.cx.upload.bytes() + self.tunnelled,
                response_bytes: self.response_bytes,
            },
        );
        // Asked for before the others: the notes are lent under a lock, which it takes too.
        let trace = self.cx.get::<TraceId>();
        self.cx.with_notes(|notes| {
            for attempt in notes.attempts {
                let (status, seconds) = (attempt.status, attempt.elapsed.as_secs_f64());
                records.upstream.record_attempt(worker, &self.method, status, attempt.outcome, seconds);
            }
            if let Some(log) = records.log.as_ref().filter(|_| self.cx.is_logged()) {
                self.log(log, elapsed, notes, trace);
            }
        });
        let ended = Ended {
            status: self.status.map(|status| status.as_u16()),
            outcome: self.end,
            protocol: protocol(self.version),
            at: now,
        };
        ended.tell(&self.cx);
    }
}

impl Exchange {
    fn log(&self, log: &AccessLog, elapsed: Duration, notes: &Notes<'_>, trace: Option<TraceId>) {
        let trace_id = trace.map(|id| id.to_string());
        let conn = &self.cx.conn;
        log.record(
            self.cx.conn.worker,
            &AccessRecord {
                time: self.cx.received_at.unwrap_or_else(|| self.records.clock.wall()),
                client: self.cx.client,
                peer: conn.peer(),
                // One of IPv4 over IPv6 is logged as it came.
                peer_text: Some(conn.peer_text().as_bytes()).filter(|_| conn.peer().ip() == conn.peer_ip()),
                listener: &conn.listener,
                method: self.method.as_str(),
                scheme: conn.scheme(),
                host: self.host.as_ref().map(HeaderValue::as_bytes),
                path: self.uri.path(),
                query: self.uri.query(),
                protocol: protocol(self.version),
                names: &self.records.names,
                status: self.status.map(|status| status.as_u16()),
                outcome: self.end,
                request_bytes: self.cx.upload.bytes() + self.tunnelled,
                response_bytes: self.response_bytes,
                total: elapsed,
                first_byte: self.first_byte.map(|then| then.saturating_duration_since(self.cx.received)),
                attempts: notes.attempts,
                user_agent: self.user_agent.as_ref().map(HeaderValue::as_bytes),
                request_id: notes.request_id.map(HeaderValue::as_bytes),
                trace_id: trace_id.as_deref(),
            },
        );
    }
}

/// The version as logs and metrics have it.
pub(crate) fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "2",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    }
}

/// An exchange that became a tunnel.
pub(crate) struct TunnelExchange {
    exchange: Mutex<Box<Exchange>>,
    up: AtomicU64,
    down: AtomicU64,
}

impl TunnelExchange {
    /// Takes over an exchange whose answer switched protocols.
    pub(crate) fn new(exchange: Box<Exchange>) -> Arc<Self> {
        Arc::new(Self { exchange: Mutex::new(exchange), up: AtomicU64::new(0), down: AtomicU64::new(0) })
    }
}

impl TunnelObserver for TunnelExchange {
    fn on_bytes(&self, upstream: bool, bytes: u64) {
        let counter = if upstream { &self.up } else { &self.down };
        counter.fetch_add(bytes, Relaxed);
    }

    fn on_end(&self, outcome: Outcome) {
        let mut exchange = self.exchange.lock();
        match outcome {
            Outcome::Ok => exchange.complete(),
            broken => exchange.fail(broken),
        }
    }
}

impl Drop for TunnelExchange {
    fn drop(&mut self) {
        let exchange = self.exchange.get_mut();
        exchange.add_response_bytes(self.down.load(Relaxed));
        exchange.tunnelled = self.up.load(Relaxed);
    }
}
