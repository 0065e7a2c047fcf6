//! The life of a serving gateway: start, reloads, handover, stop.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::future::{Fuse, FusedFuture, OptionFuture};
use futures_util::{FutureExt, StreamExt};
use gw_config::{Changed, ControlClient, Environment, FileLoader, Loaded};
use gw_server::{Bound, Inherited, ListenerOptions, Predecessor, ProxyServer, ServerOptions};
use gw_telemetry::LogFormat;
use std::io::IsTerminal;

use crate::app::{App, Settings};
use crate::args::RunArgs;
use crate::exit::{Exit, Failure};
use crate::handover;
use crate::reload::ReloadError;
use crate::stop::{self, Asked, Signals};

/// Where a configuration is looked for when no file is named.
const DEFAULT_FILES: [&str; 3] = ["config.yaml", "config.toml", "/etc/gateway/gateway.toml"];
/// How often former route tables are looked after.
const SWEEP: Duration = Duration::from_secs(1);
/// How long each of traces and access log may take to be written out.
const FLUSH: Duration = Duration::from_secs(2);
/// How long the admin server may take to end.
const ADMIN_GRACE: Duration = Duration::from_secs(1);

/// Serves a configuration file until a signal ends it.
pub(crate) fn run(
    args: &RunArgs,
    environment: Environment,
    registry: gw_middleware::Registry,
) -> Result<Exit, Failure> {
    let file = match &args.conf {
        Some(file) => file.clone(),
        // The control service may write it.
        None if !args.ctrl_service.is_empty() => default_file().unwrap_or_else(|_| DEFAULT_FILES[0].into()),
        None => default_file()?,
    };
    let gates = args.feature_gates.clone();
    let loader = || {
        let loader = FileLoader::new(&file).with_overrides(environment.overrides.clone());
        match &args.conf_priority {
            Some(directory) => loader.with_priority(directory, gates.clone()),
            None => loader,
        }
    };
    // The pages have a loader of their own: what they read is not what the watch has seen.
    let (loader, shown) = (loader(), loader());
    loader.make_directory().map_err(anyhow::Error::from)?;
    let mut settings = Settings {
        workers: args.workers.map(usize::from),
        addresses: args.addr.clone(),
        debug: args.debug,
        registry,
        loader: Some(shown),
        environment,
        gates,
        control: None,
        log_format: if std::io::stdout().is_terminal() { LogFormat::Text } else { LogFormat::Json },
        inherited: Inherited::default(),
    };
    let mut service = (!args.ctrl_service.is_empty())
        .then(|| settings.control_client(args, file))
        .transpose()
        .map_err(|error| Failure::usage(format!("{:#}", anyhow::Error::from(error))))?;
    settings.control = service.as_ref().map(ControlClient::debug);
    // Now, while the file is still in its place: an upgrade puts another there.
    let program = std::env::current_exe().context("this program's file")?;
    control()?.block_on(async {
        // First of all: from here on a signal is an order, not the end.
        let mut signals = Signals::listen().context("signals")?;
        if let Some(service) = &mut service {
            tokio::select! {
                () = service.start() => {}
                () = signals.second() => return Ok(Exit::Failure),
            }
        }
        let mut predecessor = None;
        if settings.environment.handover {
            let (from, inherited) = handover::take_over()?;
            (predecessor, settings.inherited) = (Some(from), inherited);
        }
        let loaded = loader.load().map_err(|found| settings.all_errors(found))?;
        let gateway = tokio::select! {
            started = Gateway::start(settings, loaded, args.admin.as_deref()) => started?,
            () = signals.second() => return Ok(Exit::Failure),
        };
        predecessor.into_iter().for_each(Predecessor::release);
        gateway.serve(signals, Some((loader, program)), service, args.drain_delay, args.grace).await
    })
}

/// The runtime of everything that is not a request. A thread that it makes for something is gone after that.
pub(crate) fn control() -> Result<tokio::runtime::Runtime, Failure> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    Ok(runtime.enable_all().thread_keep_alive(Duration::ZERO).build().context("the control runtime")?)
}

fn default_file() -> Result<PathBuf, Failure> {
    DEFAULT_FILES.iter().map(PathBuf::from).find(|file| file.exists()).ok_or_else(|| {
        let files = DEFAULT_FILES.join(", no ");
        Failure::usage(format!("there is no {files}; name a configuration with -conf"))
    })
}

/// What ends the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// A signal, with the drain delay or without.
    Asked { delay: bool },
    /// A signal to end at once.
    Now,
    /// A successor serves.
    HandedOver,
    /// A worker ended by itself, which none may.
    WorkerLost,
}

/// A gateway that serves.
pub(crate) struct Gateway {
    app: App,
    /// The admin server has a thread of its own: it answers while workers are busy.
    admin: Option<ProxyServer>,
    /// Where it listens.
    pub(crate) bound: Vec<Bound>,
    /// Where the admin port is.
    pub(crate) admin_address: Option<std::net::SocketAddr>,
}

impl Gateway {
    /// Starts serving a document. Must be called on the control runtime.
    ///
    /// # Errors
    /// Everything that is wrong with the document, or the step that failed.
    pub(crate) async fn start(
        settings: Settings,
        loaded: Loaded,
        admin: Option<&str>,
    ) -> Result<Self, Failure> {
        for notice in &settings.environment.notices {
            tracing::warn!("{notice}");
        }
        let admin = admin.map_or_else(|| (*loaded.gateway.admin.address).clone(), str::to_owned);
        let inherited = settings.inherited.clone();
        let app =
            App::build(settings, &loaded.gateway, tokio::runtime::Handle::current()).context("wiring")?;
        let (report, bound) = app.reloader.start(loaded).await.map_err(|error| match error {
            ReloadError::Config(diagnostics) => Failure::Config(diagnostics),
            other => Failure::Step(other.into()),
        })?;
        let mut gateway = Self { app, admin: None, bound, admin_address: None };
        if !admin.is_empty() {
            gateway.start_admin(&admin, inherited.clone())?;
        }
        let data_port = gateway.app.reloader.metrics.has_compat();
        tracing::info!(
            admin = gateway.admin_address.map(tracing::field::display),
            data_port,
            "metrics are at /metrics"
        );
        inherited.close();
        gateway.app.readiness.set_ready("config");
        gateway.app.lifecycle.note(format!("serving generation {}", report.generation));
        tracing::info!(
            generation = report.generation,
            source = report.source,
            endpoints = report.added.len(),
            "serving"
        );
        Ok(gateway)
    }

    fn start_admin(&mut self, address: &str, inherited: Inherited) -> Result<(), Failure> {
        let address = address.parse().map_err(|error| Failure::usage(format!("admin address: {error}")))?;
        let options = ServerOptions { workers: 1, observer: Arc::new(()), metrics: None, inherited };
        let server = ProxyServer::new(options, Arc::clone(&self.app.admin)).context("the admin server")?;
        let prepared =
            server.prepare(vec![ListenerOptions::new("admin", address)]).context("the admin port")?;
        self.admin_address = server.commit(prepared).first().map(|listener| listener.address);
        self.admin = Some(server);
        Ok(())
    }

    /// Serves until a signal ends it, with what reloads read and what an upgrade starts: 0 when every request ended by itself, else 1.
    pub(crate) async fn serve(
        mut self,
        mut signals: Signals,
        origin: Option<(FileLoader, PathBuf)>,
        service: Option<ControlClient>,
        drain_delay: Duration,
        grace: Duration,
    ) -> Result<Exit, Failure> {
        match self.until_stop(origin.as_ref(), service, &mut signals).await {
            Stop::Now => Ok(Exit::Failure),
            Stop::Asked { delay: true } => self.stop(drain_delay, grace, &mut signals).await,
            Stop::Asked { delay: false } => self.stop(Duration::ZERO, grace, &mut signals).await,
            Stop::HandedOver => {
                // Its port is the successor's as well, which must not seem to be unready.
                if let Some(admin) = self.admin.take() {
                    admin.drain(ADMIN_GRACE).await;
                }
                self.stop(Duration::ZERO, grace, &mut signals).await
            }
            Stop::WorkerLost => self.stop(Duration::ZERO, grace, &mut signals).await.map(|_| Exit::Failure),
        }
    }

    /// Reloads until something ends the service.
    async fn until_stop(
        &self,
        origin: Option<&(FileLoader, PathBuf)>,
        service: Option<ControlClient>,
        signals: &mut Signals,
    ) -> Stop {
        let mut documents = match origin {
            Some((loader, _)) => loader.changes(),
            None => futures_util::stream::pending().boxed(),
        };
        let service: OptionFuture<_> = service.map(ControlClient::run).into();
        let mut service = std::pin::pin!(service);
        let mut sweep = tokio::time::interval(SWEEP);
        let (mut handover, mut reload) =
            (std::pin::pin!(Fuse::terminated()), std::pin::pin!(Fuse::terminated()));
        loop {
            tokio::select! {
                asked = signals.next() => match (asked, origin) {
                    (Asked::Reload, _) => origin.iter().for_each(|(loader, _)| loader.reload()),
                    (Asked::HandOver, Some((_, program))) if handover.is_terminated() => {
                        handover.set(self.hand_over(program).fuse());
                    }
                    (Asked::HandOver, _) => tracing::warn!("SIGUSR2 is ignored: under way already, or a demo"),
                    (Asked::Stop { delay }, _) => return Stop::Asked { delay },
                    (Asked::Quit, _) => return Stop::Now,
                },
                handed_over = &mut handover => match handed_over {
                    Ok(()) => return Stop::HandedOver,
                    Err(error) => tracing::error!("not handed over, this process serves on: {error:#}"),
                },
                Some(never) = &mut service => match never {},
                Some(changed) = documents.next(), if reload.is_terminated() => reload.set(self.reload(changed).fuse()),
                () = &mut reload => {}
                worker = self.app.server.failed() => {
                    tracing::error!(?worker, "a worker ended; stopping");
                    return Stop::WorkerLost;
                }
                _ = sweep.tick() => if self.app.proxy.sweep() {
                    #[cfg(all(feature = "mimalloc", not(feature = "jemalloc")))]
                    gw_alloc::collect();
                },
            }
        }
    }

    /// Has a new process serve.
    async fn hand_over(&self, program: &Path) -> anyhow::Result<()> {
        let mut listeners = self.app.server.share()?;
        listeners.extend(self.admin.as_ref().map_or(Ok(Vec::new()), ProxyServer::share)?);
        handover::hand_over(program, &listeners).await
    }

    /// One reload. Whatever is wrong with it is logged, and the old configuration serves on.
    async fn reload(&self, changed: Changed) {
        match self.app.reloader.apply(changed).await {
            Ok(report) => {
                self.app.lifecycle.note(format!("reloaded: generation {}", report.generation));
                report.log();
            }
            Err(error) => {
                self.app.lifecycle.note("not reloaded");
                tracing::error!("not reloaded, the old configuration serves on\n{error}");
            }
        }
    }

    async fn stop(self, delay: Duration, grace: Duration, signals: &mut Signals) -> Result<Exit, Failure> {
        let gw_server::InFlight { requests, tunnels } = self.app.server.in_flight();
        tracing::info!(delay_seconds = delay.as_secs_f64(), requests, tunnels, "stopping");
        self.app.readiness.set_draining();
        self.app.lifecycle.note("draining");
        if signals.stop_within(delay).await {
            return Ok(Exit::Failure);
        }
        let drained = tokio::select! {
            drained = self.app.server.drain(grace) => drained,
            never = stop::say_what_is_waited_for(&self.app.server, grace) => match never {},
            () = signals.second() => {
                tracing::warn!("a second signal: what is still in flight is cut");
                return Ok(Exit::Failure);
            }
        };
        if tokio::time::timeout(FLUSH, self.app.reloader.compiler.registry.flush()).await.is_err() {
            tracing::warn!("not everything that middlewares hold could be written in time");
        }
        if !self.app.access_log.flush(FLUSH) {
            tracing::warn!("the access log could not be written in time");
        }
        tracing::info!(complete = drained.complete, aborted = drained.aborted, "stopped");
        if let Some(admin) = &self.admin {
            admin.drain(ADMIN_GRACE).await;
        }
        Ok(if drained.complete { Exit::Ok } else { Exit::Failure })
    }
}
