//! Makes clusters, and owns what they share: upstreams and the watches of names.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crossbeam_utils::CachePadded;
use gw_core::{Client, Clock};
use gw_discovery::{Discovery, ServiceWatcher, Subscription};
use gw_egress::ForwardProxies;
use gw_selector::Policy;
use parking_lot::Mutex;
use tokio::runtime::Handle;

use crate::address::{Address, Way};
use crate::backend::Backend;
use crate::connect::{TlsTarget, Wire};
use crate::detour::Detour;
use crate::dialer::Dialer;
use crate::nodes::Nodes;
use crate::pool::{self, Buffers, Pool};
use crate::tasks::Tasks;
use crate::upstream::{Upstream, UpstreamKey};
use crate::{ClientsState, Cluster, ClusterSpec, Target};

/// What a factory is made from.
#[derive(Clone)]
pub struct ClientOptions {
    /// How many workers there are, ≥ 1: each has its own connections.
    pub workers: usize,
    /// Where names and services are watched.
    pub control: Handle,
    /// Resolves the names of targets.
    pub dns: Arc<dyn Discovery>,
    /// Knows the services of `discovery:///` targets. Default none.
    pub discovery: Option<Arc<dyn Discovery>>,
    /// The forward proxies by which upstreams are reached that speak HTTP/1.1, or TLS. Default none.
    pub proxies: ForwardProxies,
    /// The time. Default: the machine's.
    pub clock: Clock,
    /// Where the random numbers of the selectors begin. Default: anywhere.
    pub seed: u64,
}

impl ClientOptions {
    /// One worker, no discovery, the machine's clock.
    pub fn new(control: Handle, dns: Arc<dyn Discovery>) -> Self {
        let seed = RandomState::new().hash_one(0);
        let proxies = ForwardProxies::default();
        Self { workers: 1, control, dns, discovery: None, proxies, clock: Clock::system(), seed }
    }
}

impl std::fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientOptions").field("workers", &self.workers).finish_non_exhaustive()
    }
}

/// Why a cluster cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// A target is a service, and the factory was made without a discovery.
    #[error("`{target}` needs a discovery, and the gateway was started without one")]
    NoDiscovery {
        /// The backend's index.
        backend: usize,
        /// The target.
        target: String,
    },
    /// The Host override is no authority.
    #[error("`{host}` is not a host")]
    Host {
        /// The backend's index.
        backend: usize,
        /// The override.
        host: String,
    },
    /// The target's name cannot be verified by TLS, such as one with `_`.
    #[error("`{name}` cannot be a TLS server name: set server_name in the profile")]
    ServerName {
        /// The backend's index.
        backend: usize,
        /// The name.
        name: String,
    },
}

/// Makes the client of a cluster: [`ClientFactory::client`], or what a test or an embedding program puts in its place.
/// Source: kratos client.Factory, a function.
pub type MakeClient<'a> = dyn Fn(ClusterSpec) -> Result<Arc<dyn Client>, ClusterError> + 'a;

/// Makes clusters.
pub struct ClientFactory {
    pub(crate) shared: Arc<Shared>,
}

/// What clusters share and keep alive.
pub(crate) struct Shared {
    pub(crate) options: ClientOptions,
    pub(crate) tasks: Tasks,
    buffers: Buffers,
    /// One for each worker, so that they do not contend.
    pub(crate) random: Box<[CachePadded<AtomicU64>]>,
    upstreams: Mutex<HashMap<UpstreamKey, Weak<Upstream>>>,
    /// By what their specification, which they hold, hashes to.
    nodes: Mutex<HashMap<u64, Weak<Nodes>>>,
    hasher: RandomState,
    /// To be shown; those that are gone are forgotten when one is added to a full list.
    clusters: Mutex<Vec<Weak<Cluster>>>,
    /// The names of targets.
    names: Arc<ServiceWatcher>,
    /// The services of the discovery, if there is one.
    services: Option<Arc<ServiceWatcher>>,
}

impl ClientFactory {
    /// A factory without clusters.
    pub fn new(options: ClientOptions) -> Arc<Self> {
        let workers = options.workers.max(1) as u64;
        let seed = options.seed;
        let random = (0..workers).map(|worker| CachePadded::new((seed ^ worker.rotate_right(8)).into()));
        let random = random.collect();
        let tasks = Tasks::default();
        for (variable, proxy) in options.proxies.named() {
            tracing::info!(variable, %proxy, "a forward proxy leads to upstreams");
        }
        let watcher = |source: &Arc<dyn Discovery>| {
            let spawn = tasks.spawner(options.control.clone());
            Arc::new(ServiceWatcher::new(Arc::clone(source), spawn, options.clock.clone(), seed))
        };
        let (names, services) = (watcher(&options.dns), options.discovery.as_ref().map(watcher));
        let (upstreams, nodes, hasher, clusters) = Default::default();
        let buffers = pool::buffers(options.workers);
        let shared =
            Shared { options, tasks, buffers, random, upstreams, nodes, hasher, clusters, names, services };
        Arc::new(Self { shared: Arc::new(shared) })
    }

    /// Makes a cluster. It does not wait: names are resolved meanwhile, and the first request waits for that.
    ///
    /// Upstreams, their connections and statistics, and the answers about names are those of the clusters that
    /// exist already, as far as address, protocol and TLS agree.
    ///
    /// # Errors
    /// When a part of `spec` cannot be used.
    pub fn cluster(&self, mut spec: ClusterSpec) -> Result<Arc<Cluster>, ClusterError> {
        let name = Arc::clone(&spec.name);
        // Where nodes take turns, two endpoints that are asked alternately would have one half of the nodes each.
        if !matches!(spec.policy, Policy::RoundRobin | Policy::WeightedRoundRobin) {
            spec.name = Arc::default();
        }
        let cluster = Cluster::new(name, self.nodes(spec)?);
        let mut clusters = self.shared.clusters.lock();
        if clusters.len() == clusters.capacity() {
            clusters.retain(|cluster| cluster.strong_count() > 0);
        }
        clusters.push(Arc::downgrade(&cluster));
        Ok(cluster)
    }

    /// What clusters of this specification share, made if there are none.
    fn nodes(&self, spec: ClusterSpec) -> Result<Arc<Nodes>, ClusterError> {
        let hash = self.shared.hasher.hash_one(&spec);
        let mut known = self.shared.nodes.lock();
        let same = known.get(&hash).and_then(Weak::upgrade).filter(|nodes| nodes.spec == spec);
        if let Some(nodes) = same {
            return Ok(nodes);
        }
        let backends = spec.backends.iter().enumerate();
        let backends = backends.map(|(index, backend)| Backend::new(index, backend, &spec, &self.shared));
        let backends = backends.collect::<Result<_, _>>()?;
        let nodes = Nodes::start(spec, backends, Arc::clone(&self.shared));
        if known.len() == known.capacity() {
            known.retain(|_, nodes| nodes.strong_count() > 0);
        }
        known.insert(hash, Arc::downgrade(&nodes));
        Ok(nodes)
    }

    /// The state of every cluster, and how many upstreams they share.
    pub fn inspect(&self) -> ClientsState {
        let clusters: Vec<_> = self.shared.clusters.lock().iter().filter_map(Weak::upgrade).collect();
        let clusters = clusters.iter().map(|cluster| cluster.inspect()).collect();
        ClientsState { upstreams: self.upstreams(), clusters }
    }

    /// Makes a cluster, as a client.
    ///
    /// # Errors
    /// When a part of `spec` cannot be used.
    pub fn client(&self, spec: ClusterSpec) -> Result<Arc<dyn Client>, ClusterError> {
        Ok(self.cluster(spec)?)
    }

    /// Waits until the discovery has answered about every service that clusters have as a target, or `limit` is over.
    pub async fn discovered(&self, limit: Duration) {
        let Some(services) = &self.shared.services else { return };
        tracing::info!(seconds = limit.as_secs_f64(), "waiting for the discovery's first answers");
        if tokio::time::timeout(limit, services.answered()).await.is_err() {
            tracing::warn!("the discovery has not answered about every service yet");
        }
    }

    /// How many tasks run: one for each watch, each HTTP/1.1 request that goes on within its answer, and each worker's
    /// idle connections to a node; more for HTTP/2.
    pub fn tasks(&self) -> usize {
        self.shared.tasks.len()
    }

    /// The watches of names, and those of services if there is a discovery.
    pub fn watchers(&self) -> Vec<Arc<ServiceWatcher>> {
        let Shared { names, services, .. } = &*self.shared;
        [names].into_iter().chain(services).map(Arc::clone).collect()
    }

    /// How many upstreams there are.
    pub fn upstreams(&self) -> usize {
        self.shared.upstreams.lock().values().filter(|upstream| upstream.strong_count() > 0).count()
    }
}

impl std::fmt::Debug for ClientFactory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientFactory").field("options", &self.shared.options).finish_non_exhaustive()
    }
}

impl Shared {
    /// What leads to `address`; `None`: it is a name that must be resolved first. HTTP/2 without TLS never goes through a
    /// proxy, which would have to speak it too. Source: kratos, whose client for it knows no proxies.
    pub(crate) fn way(&self, wire: Wire, tls: bool, address: Address) -> Option<Way> {
        let proxies = Some(&self.options.proxies).filter(|_| tls || wire != Wire::H2);
        let proxy = proxies.and_then(|proxies| proxies.of(tls, &address.host(), address.port()));
        match (proxy, address) {
            (Some(proxy), address) => Some(Way::Proxied(address, Arc::clone(proxy))),
            (None, Address::Socket(address)) => Some(Way::Direct(address)),
            (None, Address::Name { .. }) => None,
        }
    }

    /// The upstream with this identity.
    pub(crate) fn upstream(&self, key: UpstreamKey, tls: Option<TlsTarget>) -> Arc<Upstream> {
        let mut upstreams = self.upstreams.lock();
        if let Some(upstream) = upstreams.get(&key).and_then(Weak::upgrade) {
            return upstream;
        }
        // Not at each: many are made at once.
        if upstreams.len() == upstreams.capacity() {
            upstreams.retain(|_, upstream| upstream.strong_count() > 0);
        }
        let Self { options, tasks, .. } = self;
        let pool =
            Pool::new(Arc::clone(&self.buffers), key.wire != Wire::H1, tasks.clone(), options.clock.clone());
        let dialer = match &key.way {
            Way::Direct(address) => Dialer::Direct(*address),
            Way::Proxied(to, proxy) => Dialer::Proxied(Detour::new(to.clone(), Arc::clone(proxy), self)),
        };
        let upstream = Upstream::new(dialer, key.wire, tls, pool);
        upstreams.insert(key, Arc::downgrade(&upstream));
        upstream
    }

    /// The watch of this target, to be shared by clusters; `None` for a service without a discovery.
    pub(crate) fn follow(&self, target: &Target) -> Option<Subscription> {
        match target {
            Target::Address(_) => None,
            Target::Name { host, port } => Some(self.names.follow(&format!("{host}:{port}"))),
            Target::Service(service) => Some(self.services.as_deref()?.follow(service)),
        }
    }

    /// A share in the watch of a name, for whoever is called `applier`.
    pub(crate) fn watch_name(&self, host: &str, port: u16, applier: &str) -> Subscription {
        self.names.subscribe(&format!("{host}:{port}"), applier)
    }
}
