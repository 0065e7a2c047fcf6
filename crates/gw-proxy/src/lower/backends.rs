//! Lowering of backends: targets, weights, failover levels and TLS profiles to the specification of a cluster.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use gw_client::{BackendSpec, COLOR_HEADER, ClusterSpec, HashKey, Policy, Protocol, Target};
use gw_config::Diagnostic;
use gw_config::v1::{self, Backend, Balancer, Endpoint};
use gw_core::EndpointInfo;
use gw_tls::{ClientProfile, Profile};
use gw_value::{Span, Spanned};
use http::HeaderName;

use super::Pass;

/// The TLS profiles of the document, and the one of backends that name none.
pub(super) struct Profiles {
    named: BTreeMap<String, Arc<ClientProfile>>,
    /// Loaded when the first backend needs it: the system's roots are many.
    default: OnceLock<Option<Arc<ClientProfile>>>,
}

impl Profiles {
    /// Loads every profile, used or not, so that a bad one is found now.
    pub(super) fn load(pass: &mut Pass<'_>) -> Self {
        let mut named = BTreeMap::new();
        for (name, tls) in &pass.loaded.gateway.tls_store {
            let built = pass.profile(name, tls.span(), &profile(tls));
            named.extend(built.map(|built| (name.clone(), built)));
        }
        Self { named, default: OnceLock::new() }
    }

    /// The profile of a backend, if it speaks TLS. A name that is missing was refused with the document.
    fn of(&self, pass: &mut Pass<'_>, backend: &Backend) -> Option<Arc<ClientProfile>> {
        match &backend.tls_config_name {
            Some(name) => self.named.get(name.as_str()).cloned(),
            None if backend.tls => {
                let load = || pass.profile("the system's roots", backend.target.span(), &Profile::default());
                self.default.get_or_init(load).clone()
            }
            None => None,
        }
    }
}

impl Pass<'_> {
    fn profile(&mut self, name: &str, span: Span, profile: &Profile) -> Option<Arc<ClientProfile>> {
        ClientProfile::build(profile)
            .map_err(|error| {
                let message = format!("TLS profile `{name}` does not load: {error}");
                self.errors.push(Diagnostic::error("GW0307", message, span));
            })
            .ok()
    }
}

fn profile(tls: &v1::Tls) -> Profile {
    let text = |text: &String| (!text.is_empty()).then(|| text.clone());
    Profile {
        insecure: tls.insecure,
        ca: text(&tls.cacert),
        cert: text(&tls.cert),
        key: text(&tls.key),
        server_name: text(&tls.server_name),
    }
}

/// The cluster of an endpoint.
pub(super) fn cluster(
    pass: &mut Pass<'_>,
    endpoint: &Endpoint,
    info: &EndpointInfo,
    profiles: &Profiles,
) -> ClusterSpec {
    let client = &pass.loaded.gateway.client;
    let dialect = pass.loaded.dialect;
    let balancer = endpoint.balancer.as_ref().or(pass.loaded.gateway.balancer.as_ref());
    let protocol = match endpoint.protocol {
        v1::Protocol::Http => Protocol::Http,
        v1::Protocol::Http2 => Protocol::Http2,
        v1::Protocol::Grpc => Protocol::Grpc,
    };
    let levels = endpoint.retry.as_ref().map_or(&[][..], |retry| &retry.priorities);
    let backends = endpoint.backends.iter().filter_map(|entry| backend(pass, entry, levels, profiles));
    let mut spec = ClusterSpec::new(Arc::clone(&info.name), protocol, backends.collect());
    spec.connect_timeout = client.connect_timeout_or_default(dialect);
    spec.idle_timeout = client.idle_timeout_or_default();
    spec.max_connections = client.max_connections_or_default();
    spec.max_pending = client.max_pending_or_default();
    (spec.policy, spec.hash_key) = balance(pass, balancer.map(|balancer| &**balancer));
    let zone = &pass.loaded.gateway.zone;
    spec.zone = (!zone.is_empty()).then(|| zone.as_str().into());
    if let Some(nodes) = &endpoint.nodes {
        spec.versions.clone_from(&nodes.versions);
        spec.color_header = color_header(pass, nodes);
    }
    spec
}

fn color_header(pass: &mut Pass<'_>, nodes: &v1::Nodes) -> HeaderName {
    let Some(name) = &nodes.color_header else { return COLOR_HEADER };
    HeaderName::from_bytes(name.as_bytes()).unwrap_or_else(|_| {
        let message = format!("`{}` is no name of a header field", **name);
        let help = "write a name such as `x-color`";
        pass.errors.push(Diagnostic::error("GW0108", message, name.span()).with_help(help));
        COLOR_HEADER
    })
}

fn backend(
    pass: &mut Pass<'_>,
    backend: &Backend,
    levels: &[Spanned<String>],
    profiles: &Profiles,
) -> Option<BackendSpec> {
    let target = match Target::parse(&backend.target) {
        Ok(target) => target,
        Err(error) => {
            let help = "write `host:port`, `[::1]:8080` or `discovery:///service`";
            let span = backend.target.span();
            pass.errors.push(Diagnostic::error("GW0306", error.to_string(), span).with_help(help));
            return None;
        }
    };
    if matches!(target, Target::Service(_)) && pass.loaded.gateway.discovery.dsn.is_empty() {
        let message = format!("`{target}` needs a discovery, and none is configured");
        let help = "set `dsn` in `discovery`, or start with `-discovery.dsn`: `consul://127.0.0.1:8500`";
        let span = backend.target.span();
        pass.errors.push(Diagnostic::error("GW0310", message, span).with_help(help));
    }
    let mut metadata = backend.metadata.clone();
    let host = metadata.remove("host").filter(|host| !host.is_empty());
    Some(BackendSpec {
        target,
        weight: backend.weight_or_default(),
        priority: level(backend, levels),
        tls: profiles.of(pass, backend),
        host,
        metadata,
    })
}

/// A backend's failover level: its own, or the place of its `metadata.priority` in the retry's `priorities`, behind
/// which those not listed come last.
fn level(backend: &Backend, levels: &[Spanned<String>]) -> u32 {
    if levels.is_empty() {
        return backend.priority;
    }
    let name = backend.metadata.get("priority");
    let place = levels.iter().position(|level| Some(&**level) == name).unwrap_or(levels.len());
    u32::try_from(place).unwrap_or(u32::MAX)
}

fn balance(pass: &mut Pass<'_>, balancer: Option<&Balancer>) -> (Policy, HashKey) {
    let policy = balancer.and_then(|balancer| balancer.policy.as_deref());
    // An unknown policy was refused with the document.
    let policy = policy.and_then(|name| Policy::parse(name)).unwrap_or(Policy::P2c);
    let Some(key) = balancer.and_then(|balancer| balancer.key.as_ref()) else {
        return (policy, HashKey::Source);
    };
    let parsed = match key.split_once(':') {
        None if **key == "source" => Some(HashKey::Source),
        Some(("header", name)) => HeaderName::from_bytes(name.as_bytes()).ok().map(HashKey::Header),
        Some(("cookie", name)) if !name.is_empty() => Some(HashKey::Cookie(name.to_owned())),
        _ => None,
    };
    if parsed.is_none() {
        let message = format!("`{}` is no hash key", **key);
        let help = "write `source`, `header:<name>` or `cookie:<name>`";
        pass.errors.push(Diagnostic::error("GW0108", message, key.span()).with_help(help));
    }
    (policy, parsed.unwrap_or(HashKey::Source))
}
