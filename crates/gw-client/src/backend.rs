//! A backend at run time: it turns its target into members, again whenever the answers about it change.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use gw_core::NodeInfo;
use gw_discovery::{Instance, Known, Subscription};
use gw_selector::Node;
use http::HeaderValue;
use http::uri::Authority;
use rustls_pki_types::ServerName;

use crate::address::{Address, Way};
use crate::connect::{TlsTarget, Wire};
use crate::factory::Shared;
use crate::target::is_name;
use crate::upstream::{Upstream, UpstreamKey};
use crate::{BackendSpec, ClusterError, ClusterSpec, Protocol, Target};

/// The weight of an instance whose metadata gives none. Source: kratos client/node.go.
const INSTANCE_WEIGHT: u32 = 10;

/// The metadata keys of a node's version, where its instance has none, and of its zone.
const VERSION: &str = "version";
const ZONE: &str = "zone";

/// A node with all that is needed to send a request to it.
pub(crate) struct Member {
    pub(crate) node: Arc<Node>,
    pub(crate) upstream: Arc<Upstream>,
    /// Replaces the request's Host.
    pub(crate) host: Option<HeaderValue>,
    /// The addresses that the same name has, if there are several: any of them will do when one does not accept.
    pub(crate) siblings: Option<Arc<[Arc<str>]>>,
    /// Which backend it comes from.
    pub(crate) backend: usize,
    /// The instance's id, if the source no longer lists it.
    pub(crate) held: Option<Arc<str>>,
}

impl Member {
    /// How many other addresses of the same name are not among `tried`.
    pub(crate) fn untried(&self, tried: &[Arc<str>]) -> u32 {
        let siblings = self.siblings.as_deref().unwrap_or_default();
        let own = &self.node.info.address;
        siblings.iter().filter(|address| *address != own && !tried.contains(address)).count() as u32
    }
}

/// A backend of a cluster.
pub(crate) struct Backend {
    index: usize,
    pub(crate) spec: BackendSpec,
    protocol: Protocol,
    wire: Wire,
    /// The only way to the target, if that is known without asking anybody.
    way: Option<Way>,
    host: Option<HeaderValue>,
    /// The name for TLS; `None`: the address.
    server_name: Option<ServerName<'static>>,
    /// What the target stands for; `None`: it is an address, or a name that a forward proxy resolves.
    pub(crate) subscription: Option<Subscription>,
}

/// One address of a backend.
pub(crate) struct Place {
    way: Way,
    weight: u32,
    version: String,
    metadata: BTreeMap<String, String>,
    held: Option<Arc<str>>,
}

impl Backend {
    pub(crate) fn new(
        index: usize,
        spec: &BackendSpec,
        cluster: &ClusterSpec,
        shared: &Shared,
    ) -> Result<Self, ClusterError> {
        let authority = authority(index, spec.host.as_deref())?;
        let server_name = server_name(index, spec, authority.as_ref())?;
        let host = authority.and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
        let tls = spec.tls.is_some();
        let wire = match (cluster.protocol, tls) {
            (Protocol::Http, false) => Wire::H1,
            (Protocol::Http, true) => Wire::Negotiated,
            (Protocol::Http2 | Protocol::Grpc, _) => Wire::H2,
        };
        let address = match &spec.target {
            Target::Address(address) => Some(Address::Socket(*address)),
            Target::Name { host, port } => Some(Address::Name { host: Arc::clone(host), port: *port }),
            Target::Service(_) => None,
        };
        let way = address.and_then(|address| shared.way(wire, tls, address));
        if let (Some(Way::Proxied(_, proxy)), Some(host), false) = (&way, &host, tls) {
            let target = &spec.target;
            tracing::warn!(%target, ?host, %proxy, "the host of a backend behind a forward proxy has no effect");
        }
        let subscription = match way {
            Some(_) => None,
            None => shared.follow(&spec.target),
        };
        if way.is_none() && subscription.is_none() {
            return Err(ClusterError::NoDiscovery { backend: index, target: spec.target.to_string() });
        }
        let (spec, protocol) = (spec.clone(), cluster.protocol);
        Ok(Self { index, spec, protocol, wire, way, host, server_name, subscription })
    }

    /// How many of `places` share the weight: those of a name.
    pub(crate) fn shares(&self, places: &[Place]) -> u32 {
        match self.spec.target {
            Target::Name { .. } => places.len().max(1) as u32,
            _ => 1,
        }
    }

    /// Its members at `places`; `scale` is what weights are multiplied by, so that a name's weight can be split.
    /// With a zone, each failover level is two to the selector: the zone's own nodes come before all others.
    pub(crate) fn members(
        &self,
        places: Vec<Place>,
        scale: u32,
        zone: Option<&str>,
        shared: &Shared,
    ) -> Vec<Arc<Member>> {
        let level = self.spec.priority;
        let level = |place: &Place| match zone {
            None => level,
            Some(zone) => {
                let far = place.metadata.get(ZONE).is_none_or(|own| own != zone);
                level.saturating_mul(2).saturating_add(u32::from(far))
            }
        };
        let shares = self.shares(&places);
        let siblings: Option<Arc<[Arc<str>]>> =
            (shares > 1).then(|| places.iter().map(|place| place.way.address().to_string().into()).collect());
        let member = |place: Place| {
            let upstream = self.upstream(place.way.clone(), shared);
            let whole = place.weight.saturating_mul(scale);
            let info = NodeInfo {
                address: Arc::clone(&upstream.node.info.address),
                // A node with any weight keeps some.
                weight: (whole / shares).max(u32::from(whole > 0)),
                priority: level(&place),
                version: place.version,
                metadata: place.metadata,
            };
            let node = upstream.node.with_info(info);
            let (host, siblings) = (self.host.clone(), siblings.clone());
            Arc::new(Member { node, upstream, host, siblings, backend: self.index, held: place.held })
        };
        places.into_iter().map(member).collect()
    }

    /// Whether it is still unknown what the target stands for.
    pub(crate) fn is_pending(&self) -> bool {
        self.known().is_some_and(|known| known.is_pending())
    }

    /// Whether the target is a name that no answer was ever got for.
    pub(crate) fn is_unresolved(&self) -> bool {
        let is_name = matches!(self.spec.target, Target::Name { .. });
        is_name && self.known().is_some_and(|known| known.instances.is_none())
    }

    /// What is known of the target; `None`: nobody is asked about it.
    pub(crate) fn known(&self) -> Option<Known> {
        self.subscription.as_ref().map(Subscription::known)
    }

    /// Where its target is now, of these versions only, if there are any.
    pub(crate) fn places(&self, versions: &[String], shared: &Shared) -> Vec<Place> {
        let mut places = self.all_places(shared);
        places.retain(|place| versions.is_empty() || versions.contains(&place.version));
        places
    }

    fn all_places(&self, shared: &Shared) -> Vec<Place> {
        let BackendSpec { weight, metadata, target, .. } = &self.spec;
        let plain = |way| Place {
            way,
            weight: *weight,
            version: metadata.get(VERSION).cloned().unwrap_or_default(),
            metadata: metadata.clone(),
            held: None,
        };
        if let Some(way) = &self.way {
            return vec![plain(way.clone())];
        }
        let known = self.known().and_then(|known| known.instances);
        let instances = known.as_deref().unwrap_or_default();
        let service = matches!(target, Target::Service(_));
        let place = |instance: &Instance| {
            let address = self.address(instance)?;
            if !service {
                return Some(plain(Way::Direct(address)));
            }
            let way = shared.way(self.wire, self.spec.tls.is_some(), Address::Socket(address))?;
            Some(self.discovered(instance, way))
        };
        instances.iter().filter_map(place).collect()
    }

    fn discovered(&self, instance: &Instance, way: Way) -> Place {
        let mut metadata = self.spec.metadata.clone();
        metadata.extend(instance.metadata.clone());
        let weight = instance.metadata.get("weight").and_then(|weight| weight.parse().ok());
        let weight = weight.filter(|weight| *weight > 0).unwrap_or(INSTANCE_WEIGHT);
        let held = instance.held.then(|| instance.id.as_str().into());
        let mut version = instance.version.clone();
        if version.is_empty() {
            version = metadata.get(VERSION).cloned().unwrap_or_default();
        }
        Place { way, weight, version, metadata, held }
    }

    fn address(&self, instance: &Instance) -> Option<SocketAddr> {
        let schemes: &[&str] = match self.protocol {
            Protocol::Http => &["http"],
            Protocol::Http2 => &["http", "grpc"],
            Protocol::Grpc => &["grpc"],
        };
        let authority = schemes.iter().find_map(|scheme| instance.authority(scheme));
        let address = authority.and_then(|authority| authority.parse().ok());
        if address.is_none() {
            let (service, id) = (&instance.name, &instance.id);
            let schemes = schemes.join(", ");
            tracing::warn!(service, id, schemes, "instance without a usable endpoint: skipped");
        }
        address
    }

    fn upstream(&self, way: Way, shared: &Shared) -> Arc<Upstream> {
        let tls = self.spec.tls.as_ref().map(|profile| {
            // A target that is a name gave its own.
            let address = || way.address().ip().unwrap_or(Ipv4Addr::UNSPECIFIED.into());
            let name = self.server_name.clone();
            let name = name.unwrap_or_else(|| ServerName::IpAddress(address().into()));
            TlsTarget { profile: Arc::clone(profile), name }
        });
        let identity = tls.as_ref().map(|tls| (tls.profile.id(), tls.name.to_str().into_owned()));
        shared.upstream(UpstreamKey { wire: self.wire, way, tls: identity }, tls)
    }
}

fn authority(backend: usize, host: Option<&str>) -> Result<Option<Authority>, ClusterError> {
    let Some(host) = host.filter(|host| !host.is_empty()) else {
        return Ok(None);
    };
    match Authority::try_from(host) {
        Ok(authority) if !host.contains('@') => Ok(Some(authority)),
        _ => Err(ClusterError::Host { backend, host: host.to_owned() }),
    }
}

/// The rule for the name of TLS, as [`BackendSpec::tls`] states it; `None`: the address that is connected to.
fn server_name(
    backend: usize,
    spec: &BackendSpec,
    host: Option<&Authority>,
) -> Result<Option<ServerName<'static>>, ClusterError> {
    let Some(profile) = &spec.tls else {
        return Ok(None);
    };
    let own = profile.server_name().map(str::to_owned);
    let name = own.or_else(|| match &spec.target {
        Target::Name { host, .. } => Some(host.trim_end_matches('.').to_owned()),
        _ => host.map(Authority::host).filter(|host| is_name(host)).map(str::to_owned),
    });
    let Some(name) = name else {
        return Ok(None);
    };
    match ServerName::try_from(name.clone()) {
        Ok(name) => Ok(Some(name)),
        Err(_) => Err(ClusterError::ServerName { backend, name }),
    }
}
