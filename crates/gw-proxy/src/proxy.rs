//! The proxy: finds a request's route, runs its chain, and turns whatever comes back into an answer.

use std::sync::Arc;

use gw_config::v1::ErrorFormat;
use gw_core::{
    BoxFuture, Clock, ConnContext, EndpointInfo, Error, Handler, OnUpgrade, Outcome, Request, RequestContext,
    Response, Tunnel,
};
use gw_router::{Lookup, Target};
use gw_telemetry::{AccessLog, Metrics};
use http::header;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version};

use crate::download::{self, BodyLimits};
use crate::exchange::{Exchange, TunnelExchange};
use crate::headers::{self, Hop, Names, Seen};
use crate::interceptors::Interceptors;
use crate::publish::Publisher;
use crate::refusal::Refusal;
use crate::table::{Route, RouteTable};
use crate::{render, spans, target, upload};

/// How long a tunnel may stand still where the route says nothing.
const TUNNEL_IDLE: std::time::Duration = std::time::Duration::from_secs(3600);

/// Serves requests by the route table that was published last. Before the first one it answers 404.
pub struct Proxy {
    pub(crate) publisher: Publisher,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) access_log: Option<Arc<AccessLog>>,
    pub(crate) clock: Clock,
    pub(crate) interceptors: Interceptors,
}

/// What a proxy is made from.
#[derive(Debug)]
pub struct ProxyBuilder {
    workers: usize,
    metrics: Arc<Metrics>,
    access_log: Option<Arc<AccessLog>>,
    clock: Clock,
    interceptors: Interceptors,
}

impl ProxyBuilder {
    /// Writes requests down in `log`. Default: nowhere.
    #[must_use]
    pub fn access_log(mut self, log: Arc<AccessLog>) -> Self {
        self.access_log = Some(log);
        self
    }

    /// Reads the time from `clock`. Default: the machine's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Asks these hooks. Default: none.
    #[must_use]
    pub fn interceptors(mut self, interceptors: Interceptors) -> Self {
        self.interceptors = interceptors;
        self
    }

    /// A proxy that has no routes yet.
    pub fn build(self) -> Arc<Proxy> {
        let Self { workers, metrics, access_log, clock, interceptors } = self;
        let publisher = Publisher::new(workers, &metrics, access_log.as_ref(), &clock);
        Arc::new(Proxy { publisher, metrics, access_log, clock, interceptors })
    }
}

impl Proxy {
    /// Begins a proxy for `workers` workers, at least 1, that counts in `metrics`.
    pub fn builder(workers: usize, metrics: Arc<Metrics>) -> ProxyBuilder {
        ProxyBuilder {
            workers,
            metrics,
            access_log: None,
            clock: Clock::system(),
            interceptors: Interceptors::default(),
        }
    }

    /// The answer to a request with these fields that was refused before it could be served: what the server refuses
    /// by itself is told in the same forms as everything else.
    pub fn refusal(&self, outcome: Outcome, detail: &'static str, fields: &HeaderMap) -> Response {
        // By a worker's table: a worker must not wait for whoever makes the next one.
        let form = render::form_of(&Seen::of(fields), self.publisher.table(0).error_format);
        render::answer(&Error::reject(outcome).with_detail(detail), form)
    }
}

impl Handler for Proxy {
    fn call(&self, req: Request, conn: Arc<ConnContext>) -> BoxFuture<'_, Response> {
        // One allocation per request: the future itself.
        Box::pin(self.serve(req, conn))
    }
}

/// Where a request goes, and if nowhere, what becomes of it.
struct Found {
    route: Arc<Route>,
    vars: Vec<(Arc<str>, String)>,
    refusal: Option<Refusal>,
    error_format: ErrorFormat,
}

impl Proxy {
    /// All but the route's chain is done in this call, so that the request is moved seldom.
    pub(crate) fn serve(
        &self,
        mut req: Request,
        conn: Arc<ConnContext>,
    ) -> impl Future<Output = Response> + Send + use<> {
        let received = self.clock.now();
        let table = self.publisher.table(conn.worker);
        own_host(&mut req);
        let seen = Seen::of(req.headers());
        let found = find(&table, &req, seen.host);
        drop(table);
        spans::note_route(&found.route.endpoint.route);
        let client = headers::client_address(req.headers(), &conn);
        let mut cx = RequestContext::new(conn, client, Arc::clone(&found.route.endpoint), received);
        cx.form = render::form_of(&seen, found.error_format);
        // It costs as much as an allocation, and nobody else asks.
        cx.received_at = self.access_log.is_some().then(|| self.clock.wall());
        cx.vars = found.vars;
        let exchange = Exchange::new(&req, &seen, Arc::new(cx), &found.route.records);
        let names = seen.names;
        drop(seen);
        let hop = self.dress(&mut req, &exchange, names);
        if let Some(refusal) = found.refusal {
            req.extensions_mut().insert(refusal);
        }
        let route = found.route;
        async move {
            let mut response = route.chain.run(req).await;
            finish(&mut response, exchange, &route, &hop);
            response
        }
    }

    /// The header pass, the tracked body, and the context that rides along.
    fn dress(&self, req: &mut Request, exchange: &Exchange, seen: Names) -> Hop {
        let cx = exchange.context();
        upload::track(req.body_mut(), cx, &self.clock);
        let version = std::mem::replace(req.version_mut(), Version::HTTP_11);
        let hop = headers::strip_request(req.headers_mut(), seen, version, cx.conn.trusts_peer());
        headers::add_own(req.headers_mut(), &hop, &cx.conn, exchange.host());
        req.extensions_mut().insert(Arc::clone(cx));
        hop
    }
}

/// Makes the request's target and Host speak for themselves: HTTP/2 has its host in the target.
fn own_host(req: &mut Request) {
    if let Some(authority) = req.uri().authority() {
        if !req.headers().contains_key(header::HOST)
            && let Ok(host) = HeaderValue::from_str(authority.as_str())
        {
            req.headers_mut().insert(header::HOST, host);
        }
        let origin_form = req.uri().path_and_query().cloned();
        *req.uri_mut() = origin_form.map_or_else(|| Uri::from_static("/"), Uri::from);
    }
}

fn find(table: &RouteTable, req: &Request, host: Option<&HeaderValue>) -> Found {
    let error_format = table.error_format;
    let refuse = |refusal| {
        let route = Arc::clone(&table.refusal);
        Found { route, vars: Vec::new(), refusal: Some(refusal), error_format }
    };
    if let Err(error) = target::check(req.uri().path(), table.path_policy) {
        return refuse(Refusal::Error(error.outcome(), error.detail().map(str::to_owned)));
    }
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let target = Target { host, path: req.uri().path(), method: req.method(), preflight: preflight(req) };
    match table.router.lookup(&target) {
        Lookup::Found { value, vars, .. } => {
            Found { route: Arc::clone(&table.routes[*value]), vars, refusal: None, error_format }
        }
        Lookup::MethodNotAllowed { allow } => refuse(Refusal::Method(allow)),
        Lookup::Redirect { path } => refuse(Refusal::Redirect(path)),
        Lookup::NotFound => refuse(Refusal::Error(Outcome::NoRoute, None)),
    }
}

/// The method that a CORS preflight asks for.
fn preflight(req: &Request) -> Option<&str> {
    if req.method() != Method::OPTIONS || !req.headers().contains_key(header::ORIGIN) {
        return None;
    }
    req.headers().get(header::ACCESS_CONTROL_REQUEST_METHOD)?.to_str().ok()
}

/// The answer's way out: its header pass, and the exchange's end at the end of its body or tunnel.
fn finish(response: &mut Response, mut exchange: Box<Exchange>, route: &Route, hop: &Hop) {
    *response.version_mut() = Version::HTTP_11;
    exchange.respond(response);
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return tunnel(response, exchange, route, hop);
    }
    headers::strip_response(response.headers_mut(), None);
    let limits = BodyLimits { idle: route.idle_timeout, deadline: exchange.context().deadline() };
    let no_body = exchange.is_head() || matches!(response.status().as_u16(), 204 | 304);
    let body = std::mem::take(response.body_mut());
    *response.body_mut() = download::track(body, exchange, limits, no_body);
}

fn tunnel(response: &mut Response, mut exchange: Box<Exchange>, route: &Route, hop: &Hop) {
    let upgraded = response.extensions_mut().remove::<OnUpgrade>();
    let (Some(upstream), Some(protocol)) = (upgraded, hop.upgrade) else {
        let error =
            Error::new(Outcome::UpstreamMalformed).with_detail("the upstream switched protocols unasked");
        *response = render::render(&error, Some(exchange.context()));
        exchange.fail(error.outcome());
        return;
    };
    headers::strip_response(response.headers_mut(), Some(protocol));
    let idle_timeout = route.idle_timeout.unwrap_or(TUNNEL_IDLE);
    response.extensions_mut().insert(Tunnel {
        upstream,
        observer: TunnelExchange::new(exchange),
        idle_timeout,
    });
}

/// The endpoint of requests that no route takes.
pub(crate) fn no_endpoint() -> Arc<EndpointInfo> {
    Arc::new(EndpointInfo { name: "-".into(), route: "-".into(), ..EndpointInfo::default() })
}
