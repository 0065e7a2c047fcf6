//! The wiring of a gateway: which part is given to which. Nothing listens when it is done.

use std::path::PathBuf;
use std::sync::Arc;

use gw_client::{ClientFactory, ClientOptions};
use gw_config::{
    ControlClient, ControlDebug, ControlOptions, ControlSetupError, Diagnostics, FeatureGates, FileLoader, v1,
};
use gw_core::{Clock, ConnContext, Handler, Response};
use gw_debug::{DataPort, Lifecycle, MetricsPort, Readiness};
use gw_discovery::Dns;
use gw_middleware::{Registry, Surroundings, Tasks};
use gw_proxy::{Compiler, ConfigDebug, Proxy, Refused};
use gw_server::{Inherited, Observer, ProxyServer, Rejection, ServerDebug, ServerOptions};
use gw_telemetry::{AccessLog, BuildInfo, LogFormat, Metrics};
use http::HeaderMap;
use tokio::runtime::Handle;

use crate::args::RunArgs;
use crate::discovery;
use crate::pages::Pages;
use crate::reload::{self, Reloader};
use gw_config::Environment;

/// What the command line decides of a gateway.
pub(crate) struct Settings {
    /// Worker threads; none = the cores within the cgroup's quota.
    pub(crate) workers: Option<usize>,
    /// Addresses in place of the configured ones.
    pub(crate) addresses: Vec<String>,
    /// Whether `/debug` is on the data port too.
    pub(crate) debug: bool,
    /// The middlewares there are.
    pub(crate) registry: Registry,
    /// Reads the configuration's file again; none if it is not from one.
    pub(crate) loader: Option<FileLoader>,
    /// The environment.
    pub(crate) environment: Environment,
    /// What the command line switched off.
    pub(crate) gates: FeatureGates,
    /// The pages of the control service's client, if there is one.
    pub(crate) control: Option<ControlDebug>,
    /// The format of the access log.
    pub(crate) log_format: LogFormat,
    /// Sockets of a predecessor.
    pub(crate) inherited: Inherited,
}

impl Settings {
    /// What compiles documents.
    fn compiler(&self, surroundings: Surroundings) -> Compiler {
        let strict_slash = self.environment.strict_slash;
        Compiler { registry: self.registry.clone(), strict_slash, surroundings, gates: self.gates.clone() }
    }

    /// What makes the clients of upstreams.
    fn clients(&self, gateway: &v1::Gateway, control: Handle, clock: &Clock) -> Arc<ClientFactory> {
        let mut options = ClientOptions::new(control, Arc::new(Dns::system(rand::random())));
        options.workers = gw_server::worker_count(self.workers);
        // What is wrong with it is told with the document's other errors.
        options.discovery = discovery::make(&gateway.discovery, &self.environment, clock).ok().flatten();
        options.proxies = self.environment.proxies.clone();
        options.clock = clock.clone();
        ClientFactory::new(options)
    }

    /// What asks the control service of the command line, for `file`.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub(crate) fn control_client(
        &self,
        args: &RunArgs,
        file: PathBuf,
    ) -> Result<ControlClient, ControlSetupError> {
        let environment = self.environment.clone();
        let options = ControlOptions {
            services: args.ctrl_service.clone(),
            name: args.ctrl_name.clone().unwrap_or_else(|| environment.advertise_name.clone()),
            address: environment.advertise_address.clone(),
            file,
            directory: args.conf_priority.clone(),
            gates: self.gates.clone(),
            overrides: environment.overrides.clone(),
        };
        let compiler = self.compiler(Surroundings::alone(Clock::system()));
        let addresses = self.addresses.clone();
        let check = move |read| reload::check(&compiler, &environment, &addresses, read).map(drop);
        ControlClient::new(options, Arc::new(check), rand::random)
    }

    /// Adds to what reading found what only lowering can tell.
    pub(crate) fn all_errors(&self, found: Diagnostics) -> Diagnostics {
        let compiler = self.compiler(Surroundings::alone(Clock::system()));
        reload::all_errors(&compiler, &self.environment, &self.addresses, found)
    }
}

/// The parts of a gateway.
pub(crate) struct App {
    pub(crate) reloader: Arc<Reloader>,
    pub(crate) proxy: Arc<Proxy>,
    pub(crate) server: Arc<ProxyServer>,
    pub(crate) readiness: Readiness,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) access_log: Arc<AccessLog>,
    pub(crate) admin: Arc<dyn Handler>,
}

impl App {
    /// Puts a gateway together for a document. `control` runs everything that is not a request.
    ///
    /// # Errors
    /// When two parts claim the same debug pages, or worker threads cannot be made.
    pub(crate) fn build(settings: Settings, gateway: &v1::Gateway, control: Handle) -> anyhow::Result<Self> {
        let workers = gw_server::worker_count(settings.workers);
        let clock = Clock::system();
        let metrics = Metrics::new(workers, BuildInfo { version: env!("CARGO_PKG_VERSION"), revision: "" });
        let access_log = AccessLog::start(Box::new(std::io::stdout()), settings.log_format, workers)?;
        metrics.watch_access_log(&access_log);
        let proxy = Proxy::builder(workers, Arc::clone(&metrics));
        let proxy = proxy.access_log(Arc::clone(&access_log)).clock(clock.clone()).build();
        let readiness = Readiness::new();
        let lifecycle = Lifecycle::new(clock.clone(), readiness.clone());
        let clients = settings.clients(gateway, control.clone(), &clock);
        let checker = settings.compiler(Surroundings::alone(clock.clone()));
        let (tasks, shown) = (Tasks::on(control), ServerDebug::default());
        let pages = Arc::new(Pages {
            metrics: Arc::clone(&metrics),
            readiness: readiness.clone(),
            lifecycle: lifecycle.clone(),
            proxy: Arc::clone(&proxy),
            config: Arc::new(ConfigDebug::new(Arc::clone(&proxy), settings.loader.clone(), checker)),
            clients: Arc::clone(&clients),
            server: shown.clone(),
            tasks: tasks.clone(),
            control: settings.control.clone(),
        });
        let admin = gateway.admin.hosts.iter().fold(pages.serve()?, |admin, host| admin.allow_host(host));
        let mut handler: Arc<dyn Handler> = Arc::clone(&proxy) as _;
        if settings.debug {
            handler = Arc::new(DataPort { admin: Arc::new(pages.serve()?.allow_host("*")), inner: handler });
        }
        let handler = Arc::new(MetricsPort { metrics: Arc::clone(&metrics), inner: handler });
        let observer = Arc::new(Refusals(Arc::clone(&proxy)));
        let inherited = settings.inherited.clone();
        let options = ServerOptions { workers, observer, metrics: Some(Arc::clone(&metrics)), inherited };
        let server = Arc::new(ProxyServer::new(options, handler)?);
        shown.show(&server);
        server.watch_listeners(&metrics);
        clients.watch_discovery(&metrics);
        let surroundings = Surroundings {
            clock,
            random: Arc::new(rand::random),
            metrics: Arc::clone(&metrics),
            states: Arc::default(),
            tasks,
        };
        let reloader = Reloader {
            compiler: settings.compiler(surroundings),
            environment: settings.environment,
            addresses: settings.addresses,
            proxy: Arc::clone(&proxy),
            clients,
            server: Arc::clone(&server),
            metrics,
            discovery: gateway.discovery.clone(),
            admin: gateway.admin.clone(),
        };
        let admin = Arc::new(admin);
        Ok(Self { reloader: Arc::new(reloader), proxy, server, readiness, lifecycle, access_log, admin })
    }
}

/// What the server refuses by itself is counted and logged, and answered in the one form that all answers have.
struct Refusals(Arc<Proxy>);

impl Observer for Refusals {
    fn on_rejected(&self, rejection: &Rejection, fields: &HeaderMap, conn: &ConnContext) {
        let Rejection { outcome, method, target, version, .. } = rejection;
        let (outcome, status) = (*outcome, rejection.status.as_u16());
        let (method, target, version) = (method.as_ref(), target.as_ref(), *version);
        if !rejection.handled {
            self.0.record_refused(&Refused { outcome, status, method, target, version, fields }, conn);
        }
        tracing::debug!(outcome = outcome.as_str(), status, client.address = %conn.peer(), "{}", rejection.detail);
    }

    fn answer(&self, rejection: &Rejection, fields: &HeaderMap) -> Option<Response> {
        Some(self.0.refusal(rejection.outcome, rejection.detail, fields))
    }
}
