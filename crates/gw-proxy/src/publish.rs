//! Publication: how a compiled document becomes what every worker serves.
//!
//! Each worker has its own handle to the table, in a slot of its own: to read it is an uncontended lock and a counter
//! that no other worker touches. `commit` fills all slots before it returns, so that a new table is live at once.

mod former;
mod report;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::sync::Arc;
use std::time::Instant;

use crossbeam_utils::CachePadded;
use gw_client::{ClusterSpec, MakeClient};
use gw_config::{Diagnostic, Diagnostics, FeatureGates, Loaded, v1};
use gw_core::{Client, Clock};
use gw_middleware::{Chain, LOGGING, Renderer, SuccessRatioBreaker};
use gw_telemetry::{AccessLog, Metrics};
use gw_value::Span;
use parking_lot::Mutex;
use serde::Serialize;

use crate::access_log;
use crate::attempts::Attempts;
use crate::compat;
use crate::exchange::Records;
use crate::lower::{Chains, Compiled, CompiledEndpoint, Deferred};
use crate::proxy::{Proxy, no_endpoint};
use crate::refusal::Refuse;
use crate::render;
use crate::replay::{BUDGET, Budget};
use crate::retry::{self, RetryPolicy};
use crate::table::{Route, RouteTable};
use former::Former;
pub use report::Report;

/// A worker's own handle to a table.
pub(crate) struct Held(Arc<RouteTable>);

impl std::ops::Deref for Held {
    type Target = RouteTable;

    fn deref(&self) -> &RouteTable {
        &self.0
    }
}

/// The slots of the workers, and what control remembers of former tables.
pub(crate) struct Publisher {
    slots: Box<[CachePadded<Mutex<Arc<Held>>>]>,
    state: Mutex<State>,
}

struct State {
    current: Arc<RouteTable>,
    loaded: Option<Arc<Loaded>>,
    retired: Vec<Retired>,
    /// Whether one of them was dropped since the last sweep.
    dropped: bool,
    breakers: Arc<HashMap<Arc<str>, Arc<SuccessRatioBreaker>>>,
    budget: Arc<Budget>,
}

/// A table that no new request gets.
struct Retired {
    table: Arc<RouteTable>,
    /// Its routes that the next table did not keep.
    gone: Vec<Arc<Route>>,
    since: Instant,
}

/// A former table that still serves the requests that began under it.
#[derive(Clone, Debug, Serialize)]
pub struct Draining {
    /// Its number.
    pub generation: u64,
    /// How long ago it was replaced.
    pub age_seconds: f64,
    /// Requests whose answer has not begun.
    pub open_requests: usize,
}

/// A document that is ready to be served: [`Proxy::commit`] cannot fail.
pub struct Prepared {
    table: RouteTable,
    loaded: Arc<Loaded>,
    breakers: HashMap<Arc<str>, Arc<SuccessRatioBreaker>>,
    /// The access log's file, opened for it.
    log_file: Option<File>,
    report: Report,
    began: Instant,
}

impl Publisher {
    pub(crate) fn new(
        workers: usize,
        metrics: &Metrics,
        log: Option<&Arc<AccessLog>>,
        clock: &Clock,
    ) -> Self {
        let empty = Arc::new(RouteTable {
            generation: 0,
            router: gw_router::Builder::new(gw_router::Options::default()).build(),
            routes: Vec::new(),
            refusal: refusal(Chains::default(), metrics, log, clock),
            path_policy: v1::PathPolicy::default(),
            logs_all: false,
            error_format: v1::ErrorFormat::default(),
        });
        let slot = || CachePadded::new(Mutex::new(Arc::new(Held(Arc::clone(&empty)))));
        let state = State {
            current: Arc::clone(&empty),
            loaded: None,
            retired: Vec::new(),
            dropped: false,
            breakers: Arc::default(),
            budget: Budget::new(BUDGET),
        };
        Self { slots: (0..workers.max(1)).map(|_| slot()).collect(), state: Mutex::new(state) }
    }

    /// The table of a worker.
    pub(crate) fn table(&self, worker: usize) -> Arc<Held> {
        Arc::clone(&self.slots[worker % self.slots.len()].lock())
    }
}

impl Proxy {
    /// Puts a compiled document together: chains, series, and clients made by `clients`, which is
    /// [`ClientFactory::client`](gw_client::ClientFactory::client) or a program's own. Nothing is served yet.
    ///
    /// # Errors
    /// When an endpoint's cluster cannot be made.
    pub fn prepare(&self, compiled: Compiled, clients: &MakeClient<'_>) -> Result<Prepared, Diagnostics> {
        let began = self.clock.now();
        // Not held: others look at it meanwhile, who must not wait.
        let (loaded_before, current, known, budget) = {
            let state = self.publisher.state.lock();
            let State { loaded, current, breakers, budget, .. } = &*state;
            (loaded.clone(), Arc::clone(current), Arc::clone(breakers), Arc::clone(budget))
        };
        let Compiled { loaded, endpoints, router, refusal: chains, deferred, path_policy, .. } = compiled;
        let former = Former::new(loaded_before, current, &loaded);
        let mut report = Report {
            generation: former.table.generation + 1,
            source: loaded.document.name().to_owned(),
            ..Report::default()
        };
        let (mut routes, mut breakers, mut errors) = (Vec::new(), HashMap::new(), Vec::new());
        for (index, endpoint) in endpoints.into_iter().enumerate() {
            let name = Arc::clone(&endpoint.info.name);
            let breaker = known.get(&name).cloned();
            let breaker = breaker.unwrap_or_else(|| Arc::new(retry::breaker(began)));
            breakers.insert(Arc::clone(&name), Arc::clone(&breaker));
            let (change, kept) = former.route(&loaded, index, &endpoint);
            report.note(change, &name);
            match kept.map_or_else(|| self.route(endpoint, clients, breaker, &budget), Ok) {
                Ok(route) => routes.push(route),
                Err(error) => errors.push(error),
            }
        }
        let ours = deferred.iter().chain(&chains.deferred);
        errors.extend(ours.filter_map(|client| self.make(client, clients, &budget).err()));
        let log_file =
            access_log::open(&loaded.gateway.access_log).map_err(|error| errors.push(error)).ok().flatten();
        if !errors.is_empty() {
            return Err(Diagnostics::new(Arc::clone(&loaded.document), errors));
        }
        let gone = |route: &&Arc<Route>| !breakers.contains_key(&route.endpoint.name);
        report.removed =
            former.table.routes.iter().filter(gone).map(|route| route.endpoint.name.to_string()).collect();
        let global = loaded.gateway.middlewares.iter();
        let logs_all =
            global.map(|middleware| &middleware.name).any(|name| name.eq_ignore_ascii_case(LOGGING));
        let table = RouteTable {
            generation: report.generation,
            logs_all,
            router,
            routes,
            refusal: refusal(chains, &self.metrics, self.access_log.as_ref(), &self.clock),
            path_policy,
            error_format: loaded.gateway.error_format,
        };
        Ok(Prepared { table, loaded, breakers, log_file, report, began })
    }

    fn route(
        &self,
        endpoint: CompiledEndpoint,
        clients: &MakeClient<'_>,
        breaker: Arc<SuccessRatioBreaker>,
        budget: &Arc<Budget>,
    ) -> Result<Arc<Route>, Diagnostic> {
        let CompiledEndpoint { info, chains, cluster, retry, timeouts, idle_timeout, gates, span } = endpoint;
        for client in &chains.deferred {
            self.make(client, clients, budget)?;
        }
        let cluster = make_client(clients, cluster, span)?;
        let records = Records::new(&info, &self.metrics, self.access_log.as_ref(), &self.clock);
        let attempts = Attempts {
            chain: Chain::new(chains.attempt, cluster, renderer()),
            policy: retry,
            gates,
            timeouts,
            breaker,
            budget: Arc::clone(budget),
            series: Arc::clone(&records.upstream),
            clock: self.clock.clone(),
            interceptors: self.interceptors.clone(),
        };
        Ok(Arc::new(Route {
            chain: Chain::new(chains.request, Arc::new(attempts), renderer()),
            records,
            endpoint: info,
            idle_timeout,
        }))
    }

    /// Makes a client that a middleware asked for: one attempt, within its own timeouts.
    fn make(
        &self,
        client: &Deferred,
        clients: &MakeClient<'_>,
        budget: &Arc<Budget>,
    ) -> Result<(), Diagnostic> {
        let cluster = make_client(clients, client.spec.clone(), client.span)?;
        let attempts = Attempts {
            chain: Chain::new(Vec::new(), cluster, renderer()),
            policy: RetryPolicy::once(),
            gates: FeatureGates::default(),
            timeouts: client.timeouts,
            breaker: Arc::new(retry::breaker(self.clock.now())),
            budget: Arc::clone(budget),
            series: self.metrics.upstream(&client.spec.name),
            clock: self.clock.clone(),
            interceptors: self.interceptors.clone(),
        };
        // A document is put together once, so that nobody was here before.
        let _ = client.made.set(Arc::new(attempts));
        Ok(())
    }

    /// Publishes a prepared document to every worker.
    pub fn commit(&self, prepared: Prepared) -> Report {
        let Prepared { table, loaded, breakers, log_file, mut report, began } = prepared;
        let table = Arc::new(table);
        let mut state = self.publisher.state.lock();
        self.metrics.set_compat(loaded.gateway.compat_metrics.iter().map(compat::names));
        table.routes.iter().for_each(|route| compat::describe(route));
        for slot in &self.publisher.slots {
            *slot.lock() = Arc::new(Held(Arc::clone(&table)));
        }
        if let Some(log) = &self.access_log {
            log.switch(loaded.gateway.access_log.format.map(access_log::format), log_file);
        }
        let now = self.clock.now();
        let former = std::mem::replace(&mut state.current, table);
        let kept: HashSet<_> = state.current.routes.iter().map(Arc::as_ptr).collect();
        let gone = former.routes.iter().filter(|route| !kept.contains(&Arc::as_ptr(route)));
        let gone = gone.chain([&former.refusal]).cloned().collect();
        state.retired.push(Retired { table: former, gone, since: now });
        state.drop_unused();
        state.loaded = Some(loaded);
        state.breakers = Arc::new(breakers);
        report.seconds = now.saturating_duration_since(began).as_secs_f64();
        report
    }

    /// Drops former tables that serve no request any more, and says whether any was dropped since it was called last. To be
    /// called from time to time, on control: a large table takes longer to drop than a worker should wait.
    pub fn sweep(&self) -> bool {
        let mut state = self.publisher.state.lock();
        state.drop_unused();
        std::mem::take(&mut state.dropped)
    }

    /// The generation that is served; 0 before the first.
    pub fn generation(&self) -> u64 {
        self.publisher.state.lock().current.generation
    }

    /// The document that is served.
    pub fn loaded(&self) -> Option<Arc<Loaded>> {
        self.publisher.state.lock().loaded.clone()
    }

    /// Former tables that are still in use.
    pub fn draining(&self) -> Vec<Draining> {
        let now = self.clock.now();
        let age = |retired: &Retired| now.saturating_duration_since(retired.since);
        let state = self.publisher.state.lock();
        let draining = state.retired.iter().map(|retired| Draining {
            generation: retired.table.generation,
            age_seconds: age(retired).as_secs_f64(),
            open_requests: retired.open_requests(),
        });
        draining.collect()
    }

    pub(crate) fn current(&self) -> Arc<RouteTable> {
        Arc::clone(&self.publisher.state.lock().current)
    }
}

impl State {
    fn drop_unused(&mut self) {
        let before = self.retired.len();
        self.retired.retain(Retired::is_in_use);
        self.dropped |= self.retired.len() < before;
    }
}

impl Retired {
    fn open_requests(&self) -> usize {
        // The table and the list hold one each; what is more are requests.
        self.gone.iter().map(|route| Arc::strong_count(route).saturating_sub(2)).sum()
    }

    fn is_in_use(&self) -> bool {
        Arc::strong_count(&self.table) > 1 || self.open_requests() > 0
    }
}

fn make_client(
    clients: &MakeClient<'_>,
    spec: ClusterSpec,
    span: Span,
) -> Result<Arc<dyn Client>, Diagnostic> {
    clients(spec).map_err(|error| Diagnostic::error("GW0306", error.to_string(), span))
}

fn renderer() -> Renderer {
    Arc::new(render::render)
}

fn refusal(chains: Chains, metrics: &Metrics, log: Option<&Arc<AccessLog>>, clock: &Clock) -> Arc<Route> {
    let endpoint = no_endpoint();
    Arc::new(Route {
        chain: Chain::new(chains.request, Arc::new(Refuse), renderer()),
        records: Records::new(&endpoint, metrics, log, clock),
        endpoint,
        idle_timeout: None,
    })
}
