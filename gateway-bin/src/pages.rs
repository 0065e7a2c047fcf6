//! The admin port's pages: which component shows itself where.

use std::collections::BTreeMap;
use std::sync::Arc;

use gw_client::{ClientFactory, WatcherDebug};
use gw_config::ControlDebug;
use gw_core::Debuggable;
use gw_debug::{Admin, Lifecycle, Pprof, Readiness, debuggable, json};
use gw_middleware::Tasks;
use gw_proxy::{ConfigDebug, Proxy, ProxyDebug};
use gw_server::ServerDebug;
use gw_telemetry::Metrics;
use http::Method;

/// What the pages are about.
pub(crate) struct Pages {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) readiness: Readiness,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) proxy: Arc<Proxy>,
    pub(crate) config: Arc<ConfigDebug>,
    pub(crate) clients: Arc<ClientFactory>,
    pub(crate) server: ServerDebug,
    pub(crate) tasks: Tasks,
    /// The control service, if one is configured.
    pub(crate) control: Option<ControlDebug>,
}

impl Pages {
    /// Serves the pages.
    ///
    /// # Errors
    /// When two parts claim the same ones.
    pub(crate) fn serve(self: &Arc<Self>) -> anyhow::Result<Admin> {
        let (listed, clients) = (Arc::clone(self), Arc::clone(&self.clients));
        let text = move || listed.tasks().iter().map(|(name, live)| format!("{live} {name}\n")).collect();
        let shown = Arc::clone(self);
        let cmdline: Vec<_> = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
        let own: [Arc<dyn Debuggable>; 8] = [
            Arc::new(ProxyDebug(Arc::clone(&self.proxy))),
            Arc::clone(&self.config) as _,
            Arc::new(WatcherDebug(self.clients.watchers())),
            Arc::new(self.server.clone()),
            Arc::new(self.lifecycle.clone()),
            Arc::new(Pprof::new(&cmdline, text)),
            debuggable("tasks", &[""], move |tail| tail.is_empty().then(|| json(&shown.tasks()))),
            debuggable("clients", &["inspect"], move |tail| {
                (tail == "inspect").then(|| json(&clients.inspect()))
            }),
        ];
        let mut registry = gw_debug::Registry::new();
        for page in own {
            registry = registry.with(page)?;
        }
        if let Some(control) = &self.control {
            registry = registry.with_methods(Arc::new(control.clone()), &[Method::POST])?;
        }
        let metrics = Arc::clone(&self.metrics);
        Ok(Admin::new(registry, self.readiness.clone(), move || metrics.encode()))
    }

    /// The tasks that run, by owner and name.
    fn tasks(&self) -> BTreeMap<String, usize> {
        let mut tasks = BTreeMap::new();
        for task in self.server.tasks() {
            *tasks.entry(format!("server {}", task.name)).or_default() += task.live;
        }
        tasks.insert("client connections and watches".to_owned(), self.clients.tasks());
        tasks.extend(
            self.tasks.running().into_iter().map(|(name, live)| (format!("middleware {name}"), live)),
        );
        tasks
    }
}
