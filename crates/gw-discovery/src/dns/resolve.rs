//! One answer for one name: hosts file, then both families of addresses over the search list.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use gw_core::BoxError;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use hickory_resolver::{Hosts, TokioResolver};
use tokio::time::timeout;

use super::LONGEST;
use crate::DiscoveryError;

/// How long an answer of one family waits for the other. Some servers never answer AAAA.
const GRACE: Duration = Duration::from_secs(1);

/// What is known of the addresses of one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// These, or none.
    Known(BTreeSet<IpAddr>),
    /// The question failed.
    Unknown,
}

/// A good answer: one family at least has an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) v4: Family,
    pub(super) v6: Family,
    /// The shortest of the records, as they came.
    pub(super) ttl: Duration,
}

impl Found {
    /// The addresses, IPv4 first; those of a family that is not known are taken from `before`.
    pub(super) fn addresses(&self, before: &[IpAddr]) -> Vec<IpAddr> {
        let of = |family: &Family, mine: fn(&IpAddr) -> bool| match family {
            Family::Known(addresses) => addresses.iter().copied().collect::<Vec<_>>(),
            Family::Unknown => before.iter().copied().filter(mine).collect(),
        };
        let mut all = of(&self.v4, IpAddr::is_ipv4);
        all.extend(of(&self.v6, IpAddr::is_ipv6));
        all
    }
}

/// No answer, or none with an address.
#[derive(Debug)]
pub(super) enum Failure {
    /// The name does not exist or has no address.
    Nothing,
    /// Nobody answered, or only with an error.
    Failed(BoxError),
}

impl Failure {
    pub(super) fn of(self, service: &str) -> DiscoveryError {
        let service = service.to_owned();
        match self {
            Self::Nothing => DiscoveryError::NotFound { service },
            Self::Failed(source) => DiscoveryError::Unavailable { service, source },
        }
    }
}

/// Asks DNS servers. Remembers nothing: whoever asks keeps the answer as long as it holds.
pub(super) struct Resolver {
    client: Result<TokioResolver, Arc<NetError>>,
    /// Reads the hosts file. Done each time, on the thread that asks, as C libraries do: it is small and local.
    hosts: fn() -> Hosts,
    /// The search list, each without the final dot.
    search: Vec<String>,
    ndots: usize,
}

impl Resolver {
    pub(super) fn system() -> Self {
        match read_system_conf() {
            Ok((config, options)) => Self::build(config, options),
            Err(error) => {
                tracing::warn!(%error, "no usable resolv.conf: names are asked for at 127.0.0.1");
                Self::with_servers(&[SocketAddr::from((Ipv4Addr::LOCALHOST, 53))])
            }
        }
    }

    pub(super) fn with_servers(servers: &[SocketAddr]) -> Self {
        let servers = servers.iter().map(|server| {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                connection.port = server.port();
                connection
            });
            NameServerConfig::new(server.ip(), true, connections.into())
        });
        let config = ResolverConfig::from_name_servers(servers.collect());
        Self::build(config, ResolverOpts::default())
    }

    fn build(config: ResolverConfig, mut options: ResolverOpts) -> Self {
        let search = config.search().iter().map(Name::to_ascii);
        let search = search.map(|suffix| suffix.trim_end_matches('.').to_owned()).collect();
        let ndots = options.ndots;
        // The hosts file is read here, for the name as it was given; and a watch asks when the TTL has passed, so a
        // cache would only keep an answer for longer than a watch may.
        options.use_hosts_file = ResolveHosts::Never;
        options.cache_size = 0;
        let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        let client = builder.with_options(options).build().map_err(Arc::new);
        Self { client, hosts: || Hosts::from_system().unwrap_or_default(), search, ndots }
    }

    /// Resolves a host name.
    ///
    /// # Errors
    /// [`Failure::Nothing`] only if every question was answered.
    pub(super) async fn resolve(&self, host: &str) -> Result<Found, Failure> {
        if let Some(found) = local(host, &(self.hosts)()) {
            return Ok(found);
        }
        let mut failure = Failure::Nothing;
        for name in candidates(host, &self.search, self.ndots) {
            match self.ask(&name).await {
                Ok(found) => return Ok(found),
                Err(Failure::Nothing) => {}
                Err(failed) => failure = failed,
            }
        }
        Err(failure)
    }

    /// Asks for both families of a complete name at once.
    async fn ask(&self, name: &str) -> Result<Found, Failure> {
        let client = self.client.as_ref().map_err(|error| Failure::Failed(Arc::clone(error).into()))?;
        let v4 = pin!(family(client, name, RecordType::A));
        let v6 = pin!(family(client, name, RecordType::AAAA));
        let (v4, v6) = match select(v4, v6).await {
            Either::Left((v4, other)) => {
                let v6 = second(other, &v4).await;
                (v4, v6)
            }
            Either::Right((v6, other)) => (second(other, &v6).await, v6),
        };
        let ttl = Duration::from_secs(v4.ttl.min(v6.ttl).into());
        let (found, errors) = (Found { v4: v4.family, v6: v6.family, ttl }, [v4.error, v6.error]);
        match errors.into_iter().flatten().next() {
            _ if !found.addresses(&[]).is_empty() => Ok(found),
            Some(error) => Err(Failure::Failed(error)),
            None => Err(Failure::Nothing),
        }
    }
}

/// The answer for one family.
struct Answer {
    family: Family,
    /// Seconds; the maximum if there is no record.
    ttl: u32,
    error: Option<BoxError>,
}

impl Answer {
    fn failed(error: impl Into<BoxError>) -> Self {
        Self { family: Family::Unknown, ttl: u32::MAX, error: Some(error.into()) }
    }

    fn has_addresses(&self) -> bool {
        matches!(&self.family, Family::Known(addresses) if !addresses.is_empty())
    }
}

async fn family(client: &TokioResolver, name: &str, kind: RecordType) -> Answer {
    match client.lookup(name, kind).await {
        Ok(lookup) => {
            let records = lookup.answers();
            let addresses = records.iter().filter_map(|record| record.data.ip_addr());
            Answer {
                family: Family::Known(addresses.collect()),
                ttl: records.iter().map(|record| record.ttl).min().unwrap_or(u32::MAX),
                error: None,
            }
        }
        Err(error) if error.is_no_records_found() => {
            Answer { family: Family::Known(BTreeSet::new()), ttl: u32::MAX, error: None }
        }
        Err(error) => Answer::failed(error),
    }
}

/// The other family, for which a usable `first` does not wait long.
async fn second(other: impl Future<Output = Answer>, first: &Answer) -> Answer {
    if first.has_addresses() {
        timeout(GRACE, other).await.unwrap_or_else(Answer::failed)
    } else {
        other.await
    }
}

/// What needs no server: the hosts file, and the loopback names.
fn local(host: &str, hosts: &Hosts) -> Option<Found> {
    let name = Name::from_str_relaxed(host).ok()?;
    let listed = |kind| {
        let lookup = hosts.lookup_static_host(&Query::query(name.clone(), kind));
        let records = lookup.iter().flat_map(|lookup| lookup.answers());
        records.filter_map(|record| record.data.ip_addr()).collect::<BTreeSet<_>>()
    };
    let (mut v4, mut v6) = (listed(RecordType::A), listed(RecordType::AAAA));
    if v4.is_empty() && v6.is_empty() && is_loopback(host) {
        v4.insert(Ipv4Addr::LOCALHOST.into());
        v6.insert(Ipv6Addr::LOCALHOST.into());
    }
    let found = Found { v4: Family::Known(v4), v6: Family::Known(v6), ttl: LONGEST };
    (!found.addresses(&[]).is_empty()).then_some(found)
}

fn is_loopback(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    host.rsplit('.').next().is_some_and(|top| top.eq_ignore_ascii_case("localhost"))
}

/// The complete names that `host` may stand for, in the order in which resolv.conf(5) tries them.
fn candidates(host: &str, search: &[String], ndots: usize) -> Vec<String> {
    if host.ends_with('.') {
        return vec![host.to_owned()];
    }
    let mut names: Vec<_> = search.iter().map(|suffix| format!("{host}.{suffix}.")).collect();
    let dots = host.bytes().filter(|byte| *byte == b'.').count();
    let position = if dots >= ndots { 0 } else { names.len() };
    names.insert(position, format!("{host}."));
    names
}

#[cfg(test)]
mod tests;
