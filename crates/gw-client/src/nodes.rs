//! What clusters share whose specifications are the same: their nodes, kept up to date by themselves, and how one of
//! them is chosen.

use std::hash::Hasher;
use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Instant;

use arc_swap::ArcSwap;
use gw_core::{Error, NodeFilter, Outcome, RequestContext, Response, Result};
use gw_selector::{Pick, Picked, Policy};
use http::{HeaderMap, header};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::attempt::{Attempt, Sending};
use crate::backend::{Backend, Member};
use crate::detour::Detour;
use crate::factory::Shared;
use crate::inspect::{ClusterState, NodeState, TargetState};
use crate::members::Members;
use crate::pool::Limits;
use crate::{ClusterSpec, HashKey};

/// The nodes of clusters. It makes one attempt at one node.
pub(crate) struct Nodes {
    /// Without a name, where others may have the same.
    pub(crate) spec: ClusterSpec,
    pub(crate) shared: Arc<Shared>,
    /// A worker's share.
    pub(crate) limits: Limits,
    pub(crate) backends: Vec<Backend>,
    members: ArcSwap<Members>,
    /// One update at a time; it counts them, and those who wait for a node listen.
    pub(crate) updates: Mutex<watch::Sender<u64>>,
    updated: watch::Receiver<u64>,
    tasks: Mutex<Vec<AbortOnDropHandle<()>>>,
}

impl Nodes {
    pub(crate) fn start(spec: ClusterSpec, backends: Vec<Backend>, shared: Arc<Shared>) -> Arc<Self> {
        let (updates, updated) = watch::channel(0);
        let nodes = Arc::new(Self {
            members: ArcSwap::from_pointee(Members::build(&backends, &spec, &shared)),
            updates: Mutex::new(updates),
            updated,
            tasks: Mutex::default(),
            limits: Limits::of(&spec, shared.random.len()),
            spec,
            backends,
            shared,
        });
        let tasks = nodes.backends.iter().filter_map(|backend| {
            let changes = backend.subscription.as_ref()?.changes();
            let follow = follow(Arc::downgrade(&nodes), changes);
            Some(nodes.shared.tasks.spawn_on(follow, &nodes.shared.options.control))
        });
        let tasks = tasks.collect();
        *nodes.tasks.lock() = tasks;
        nodes
    }

    /// The state at the moment of the cluster with this name.
    pub(crate) fn inspect(&self, name: &str) -> ClusterState {
        let now = self.shared.options.clock.now();
        let members = self.members.load();
        let targets = self.backends.iter().map(|backend| self.target(backend, now)).collect();
        let nodes = members.sorted().into_iter().map(|member| self.node(member)).collect();
        ClusterState {
            name: name.to_owned(),
            protocol: self.spec.protocol,
            policy: self.spec.policy.as_str(),
            targets,
            nodes,
        }
    }

    pub(crate) async fn attempt(&self, sending: &mut Sending<'_>) -> Result<Response> {
        let context = RequestContext::of(sending.request()).cloned();
        let context = context.ok_or_else(|| Error::unsent(Outcome::Internal))?;
        Attempt::new(self, context).run(sending).await
    }

    /// Picks a node, waiting if it is not known yet whether there are any.
    pub(crate) async fn pick_when_known(&self, wish: &Wish<'_>) -> Result<(Picked, Arc<Member>)> {
        let mut updated = self.updated.clone();
        let wait = async {
            loop {
                updated.borrow_and_update();
                match self.try_pick(wish, self.shared.options.clock.now()) {
                    Ok(found) => return Ok(found),
                    Err(Some(error)) => return Err(error),
                    // The sender lives as long as this does.
                    Err(None) => drop(updated.changed().await),
                }
            }
        };
        match tokio::time::timeout(self.spec.connect_timeout, wait).await {
            Ok(result) => result,
            Err(_) => Err(Error::unsent(self.unresolved())),
        }
    }

    fn unresolved(&self) -> Outcome {
        if self.backends.iter().any(Backend::is_unresolved) {
            Outcome::DnsError
        } else {
            Outcome::NoHealthyUpstream
        }
    }

    /// Picks at once; `Err(None)`: not known yet.
    pub(crate) fn try_pick(
        &self,
        wish: &Wish<'_>,
        now: Instant,
    ) -> std::result::Result<(Picked, Arc<Member>), Option<Error>> {
        let members = self.members.load();
        let pick = Pick {
            key: wish.key,
            tried: wish.tried,
            filters: wish.filters,
            ..Pick::new(now, self.random(wish.worker))
        };
        let picked = members.select(&pick, wish.headers, &self.spec);
        let found = picked.and_then(|picked| {
            let member = members.find(picked.node())?;
            let member = Arc::clone(member);
            Some((picked, member))
        });
        found.ok_or_else(|| members.absent.map(Error::unsent))
    }

    /// Whether `error` shows that a held node has left, which everybody then knows. What a forward proxy does with a
    /// connection does not show it.
    pub(crate) fn leaves(&self, member: &Member, error: &Error) -> bool {
        if member.upstream.connector.dialer.detour().is_some() {
            return false;
        }
        let deaf = matches!(error.outcome(), Outcome::ConnectRefused | Outcome::ConnectTimeout);
        let backend = self.backends.get(member.backend);
        let subscription = backend.and_then(|backend| backend.subscription.as_ref());
        let (Some(id), Some(subscription), true) = (&member.held, subscription, deaf) else { return false };
        subscription.leave(id);
        true
    }

    /// What the `hash` policy hashes of a request; no other policy asks.
    pub(crate) fn hash_key(&self, client: IpAddr, headers: &HeaderMap) -> Option<u64> {
        if self.spec.policy != Policy::Hash {
            return None;
        }
        match &self.spec.hash_key {
            HashKey::Source => {
                let mut hash = Xxh3::new();
                match client.to_canonical() {
                    IpAddr::V4(ip) => hash.write(&ip.octets()),
                    IpAddr::V6(ip) => hash.write(&ip.octets()),
                }
                Some(hash.finish())
            }
            HashKey::Header(name) => headers.get(name).map(|value| xxh3_64(value.as_bytes())),
            HashKey::Cookie(name) => cookie(headers, name).map(|value| xxh3_64(value.as_bytes())),
        }
    }

    /// A random number. SplitMix64 over a counter: one addition to a cell of the worker's own.
    fn random(&self, worker: usize) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let cell = &self.shared.random[worker % self.shared.random.len()];
        // No one operation: nobody else counts here, and if somebody did, two requests would have one number.
        let mut z = cell.load(Ordering::Relaxed).wrapping_add(STEP);
        cell.store(z, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn update(&self) {
        let updates = self.updates.lock();
        self.members.store(Arc::new(Members::build(&self.backends, &self.spec, &self.shared)));
        updates.send_modify(|count| *count += 1);
    }

    fn target(&self, backend: &Backend, now: Instant) -> TargetState {
        let known = backend.known().unwrap_or_default();
        let ago = known.answered.map(|at| now.saturating_duration_since(at).as_secs_f64());
        TargetState {
            target: backend.spec.target.to_string(),
            addresses: backend.places(&[], &self.shared).len(),
            resolved_seconds_ago: ago,
            error: known.failure.map(|failure| failure.error.as_ref().to_owned()),
        }
    }

    fn node(&self, member: &Member) -> NodeState {
        let (info, stats) = (&member.node.info, member.node.stats().snapshot());
        let backend = self.backends.get(member.backend);
        let detour = member.upstream.connector.dialer.detour();
        NodeState {
            address: info.address.as_ref().to_owned(),
            target: backend.map(|backend| backend.spec.target.to_string()).unwrap_or_default(),
            weight: info.weight,
            priority: backend.map(|backend| backend.spec.priority).unwrap_or_default(),
            held: member.held.is_some(),
            proxy: detour.map(|detour| detour.proxy.to_string()),
            proxy_error: detour.and_then(Detour::trouble),
            in_flight: stats.in_flight,
            latency: stats.latency,
            success: stats.success,
            workers: member.upstream.pool.inspect(),
        }
    }
}

/// What a request asks of the selector.
pub(crate) struct Wish<'a> {
    pub(crate) key: Option<u64>,
    pub(crate) tried: &'a [Arc<str>],
    pub(crate) filters: &'a [NodeFilter],
    pub(crate) worker: usize,
    /// Those of the request.
    pub(crate) headers: &'a HeaderMap,
}

/// Keeps the nodes up to date with one subscription. Ends with them.
async fn follow<T>(nodes: Weak<Nodes>, mut changes: watch::Receiver<T>) {
    while changes.changed().await.is_ok() {
        let Some(nodes) = nodes.upgrade() else { return };
        nodes.update();
    }
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let fields = headers.get_all(header::COOKIE).iter().filter_map(|field| field.to_str().ok());
    let mut pairs = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}
