//! From Consul's answer to instances: pure, and one bad entry never costs the others.
//!
//! - The id is `<node>/<service id>`: service ids are unique on an agent only. Differs from kratos, where two agents
//!   that both call their copy `web` are one instance.
//! - Version: the tag `version=x`. Metadata: `Service.Meta`.
//! - Endpoints: the values of `TaggedAddresses` that are URLs, as kratos registers them; else `http://` and
//!   `grpc://` at `Service.Address`, or at the node's if that is empty, which kratos leaves without endpoint.
//! - Of no use for requests: a critical check, a check of unknown state, and, unless asked for, a warning.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{Deserializer as _, Error as _, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::ConsulError;
use crate::{Instance, Snapshot, host};

/// The addresses that Consul itself tags.
const OWN_TAGS: [&str; 6] = ["lan", "wan", "lan_ipv4", "lan_ipv6", "wan_ipv4", "wan_ipv6"];

/// What an instance weighs if its metadata does not say. Source: kratos client/node.go.
const WEIGHT: u32 = 10;

/// What an answer says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    /// The instances that may be used, and the ids of the others, both sorted by id.
    pub(super) snapshot: Snapshot,
    /// How many entries or endpoints were left out because they make no sense.
    pub(super) skipped: u64,
    /// Whether the answer had an entry at all.
    pub(super) any: bool,
}

/// Reads the body of an answer.
///
/// # Errors
/// If it is no list, or if there are entries but none of them makes sense: that must not look like an empty list.
pub(super) fn listing(service: &str, body: &[u8], warning: bool) -> Result<Listing, ConsulError> {
    let mut reading =
        Reading { service, warning, any: false, skipped: 0, usable: BTreeMap::new(), unhealthy: Vec::new() };
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = json.deserialize_seq(&mut reading).and_then(|()| json.end());
    read.map_err(|source| match source.classify() {
        // Its own text repeats what stands there, at any length.
        Category::Data => ConsulError::Json { source: serde_json::Error::custom("something else") },
        _ => ConsulError::Json { source },
    })?;
    let Reading { any, skipped, usable, mut unhealthy, .. } = reading;
    if usable.is_empty() && unhealthy.is_empty() && any {
        return Err(ConsulError::Garbage { what: "no entry of the list makes sense" });
    }
    unhealthy.sort();
    unhealthy.dedup();
    let instances = usable.into_values().collect();
    Ok(Listing { snapshot: Snapshot { instances, unhealthy: unhealthy.into() }, skipped, any })
}

/// A list that is being read, one entry after the other: as a tree it would take a hundred times its length.
struct Reading<'a> {
    service: &'a str,
    warning: bool,
    any: bool,
    skipped: u64,
    usable: BTreeMap<String, Instance>,
    unhealthy: Vec<String>,
}

impl Reading<'_> {
    fn entry(&mut self, entry: &RawValue) {
        self.any = true;
        let Some(entry) = serde_json::from_str::<Entry>(entry.get()).ok().filter(Entry::has_id) else {
            self.skipped += 1;
            return;
        };
        let id = entry.id();
        match entry.weight_factor(self.warning) {
            None => self.unhealthy.push(id),
            Some(factor) => match entry.instance(self.service, &id, factor, &mut self.skipped) {
                Some(instance) if !self.usable.contains_key(&id) => drop(self.usable.insert(id, instance)),
                _ => self.skipped += 1,
            },
        }
    }
}

impl<'de> Visitor<'de> for &mut Reading<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(entry) = entries.next_element()? {
            self.entry(entry);
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    node: Option<Node>,
    service: Service,
    checks: Option<Vec<Check>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Node {
    node: Option<String>,
    address: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Service {
    #[serde(rename = "ID")]
    id: String,
    address: Option<String>,
    /// A number as it comes: one that is no port is the instance's fault, and not its answer's.
    port: Option<i64>,
    tags: Option<Vec<String>>,
    meta: Option<BTreeMap<String, String>>,
    tagged_addresses: Option<BTreeMap<String, Tagged>>,
    weights: Option<Weights>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tagged {
    address: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Weights {
    passing: u32,
    warning: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Check {
    status: String,
}

impl Entry {
    fn has_id(&self) -> bool {
        !self.service.id.is_empty()
    }

    fn id(&self) -> String {
        match self.node.as_ref().and_then(|node| node.node.as_deref()) {
            Some(node) => format!("{node}/{}", self.service.id),
            None => self.service.id.clone(),
        }
    }

    /// `None`: not to be used. Else what its weight is multiplied with, as a fraction: a warning counts for
    /// `Weights.Warning / Weights.Passing`, so the usual 1 / 1 changes nothing and a 0 takes it out.
    fn weight_factor(&self, warning: bool) -> Option<(u32, u32)> {
        let states = || self.checks.iter().flatten().map(|check| check.status.as_str());
        if states().all(|state| state == "passing") {
            return Some((1, 1));
        }
        if !warning || !states().all(|state| matches!(state, "passing" | "warning")) {
            return None;
        }
        let Some(weights) = self.service.weights else { return Some((1, 1)) };
        (weights.warning > 0).then_some((weights.warning, weights.passing.max(1)))
    }

    fn instance(&self, name: &str, id: &str, factor: (u32, u32), skipped: &mut u64) -> Option<Instance> {
        let service = &self.service;
        let mut tags = service.tags.iter().flatten();
        let version = tags.find_map(|tag| tag.strip_prefix("version=")).unwrap_or_default();
        let mut metadata = service.meta.clone().unwrap_or_default();
        if factor != (1, 1) {
            let weight = metadata.get("weight").and_then(|weight| weight.parse().ok());
            let weight = u64::from(weight.filter(|weight| *weight > 0).unwrap_or(WEIGHT));
            let weight = (weight * u64::from(factor.0) / u64::from(factor.1)).max(1);
            metadata.insert("weight".to_owned(), weight.to_string());
        }
        let endpoints = match self.tagged(skipped) {
            Some(endpoints) => endpoints,
            None => self.plain()?.into(),
        };
        (!endpoints.is_empty()).then(|| Instance {
            id: id.to_owned(),
            name: name.to_owned(),
            version: version.to_owned(),
            metadata,
            endpoints,
            ..Instance::default()
        })
    }

    /// The endpoints that are registered as URLs; `None` if no tagged address is meant as one.
    fn tagged(&self, skipped: &mut u64) -> Option<Vec<String>> {
        let tagged = self.service.tagged_addresses.iter().flatten();
        let urls = tagged
            .filter(|(tag, _)| !OWN_TAGS.contains(&tag.as_str()))
            .filter_map(|(_, tagged)| tagged.address.as_deref())
            .filter(|address| address.contains("://"));
        let (mut meant, mut endpoints) = (false, Vec::new());
        for url in urls {
            meant = true;
            if is_endpoint(url) {
                endpoints.push(url.to_owned());
            } else {
                *skipped += 1;
            }
        }
        meant.then_some(endpoints)
    }

    fn plain(&self) -> Option<[String; 2]> {
        let own = self.service.address.as_deref().filter(|address| !address.is_empty());
        let nodes = || self.node.as_ref().and_then(|node| node.address.as_deref());
        let host = host::in_url(own.or_else(nodes)?)?;
        let port = u16::try_from(self.service.port?).ok().filter(|port| *port > 0)?;
        Some(["http", "grpc"].map(|scheme| format!("{scheme}://{host}:{port}")))
    }
}

/// Whether it is `scheme://host:port`, with whatever behind.
fn is_endpoint(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_scheme = !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_scheme && host::is_authority(authority) && url.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests;
