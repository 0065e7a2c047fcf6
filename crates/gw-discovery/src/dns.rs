//! Names from DNS: the A and AAAA records of `host:port`.
//!
//! - An IP address as host is answered at once, and never changes.
//! - `/etc/hosts` comes first and is read again each time; a name that stands there is not asked for. `localhost`
//!   and names below it are the loopback addresses (RFC 6761 §6.3).
//! - Else both families are asked for, with the search list and `ndots` of `/etc/resolv.conf`.
//! - The instances are sorted: IPv4 before IPv6, each by number. The order of an answer means nothing, and rotates.
//! - A watch asks again when the shortest TTL has passed, but within [`SHORTEST`]..=[`LONGEST`].
//! - A failure, an empty answer and a name that ceased to exist never replace what was known; nor does the failure
//!   of one family touch the addresses of that family.

mod address;
mod follow;
mod resolve;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use gw_core::BoxFuture;

use crate::backoff::Backoff;
use crate::{BoxStream, Consistency, Discovery, DiscoveryError, Snapshot};
use address::{Address, Host};
use resolve::Resolver;

/// The shortest time between two questions of a watch; a TTL of 0 would make it spin.
const SHORTEST: Duration = Duration::from_secs(1);

/// The longest: a TTL of a day would keep the gateway from an address that moved.
const LONGEST: Duration = Duration::from_secs(60);

/// Resolves `host:port`, by default as the system does. Cheap to clone.
///
/// Differs from kratos: there the HTTP client resolves a name for each connection, and all its addresses are one
/// node; here each address is an instance that can be balanced and fail on its own.
#[derive(Clone)]
pub struct Dns {
    resolver: Arc<Resolver>,
    seed: u64,
}

impl Dns {
    /// Asks the servers of `/etc/resolv.conf`, which is read once; without a usable one, a server on this machine,
    /// as resolv.conf(5) has it. `seed` is a random number: gateways must not retry in step.
    pub fn system(seed: u64) -> Self {
        Self { resolver: Arc::new(Resolver::system()), seed }
    }

    /// Asks only these servers, with no search list. `/etc/hosts` still comes first.
    pub fn with_servers(servers: &[SocketAddr], seed: u64) -> Self {
        Self { resolver: Arc::new(Resolver::with_servers(servers)), seed }
    }

    fn backoff(&self, service: &str) -> Backoff {
        Backoff::of(self.seed, service)
    }
}

impl Discovery for Dns {
    fn watch(&self, service: &str) -> BoxStream<'static, Result<Snapshot, DiscoveryError>> {
        match Address::parse(service) {
            Err(error) => Box::pin(stream::iter([Err(error)]).chain(stream::pending())),
            Ok(Address { host: Host::Ip(ip), port }) => {
                let snapshot = follow::snapshot(service, port, [ip]);
                Box::pin(stream::iter([Ok(snapshot)]).chain(stream::pending()))
            }
            Ok(Address { host: Host::Name(name), port }) => {
                let resolver = Arc::clone(&self.resolver);
                let name: Arc<str> = name.into();
                let ask = move || {
                    let (resolver, name) = (Arc::clone(&resolver), Arc::clone(&name));
                    async move { resolver.resolve(&name).await }
                };
                Box::pin(follow::follow(service.to_owned(), port, ask, self.backoff(service)))
            }
        }
    }

    fn read<'a>(
        &'a self,
        service: &'a str,
        _: Consistency,
    ) -> BoxFuture<'a, Result<Snapshot, DiscoveryError>> {
        Box::pin(async move {
            let Address { host, port } = Address::parse(service)?;
            match host {
                Host::Ip(ip) => Ok(follow::snapshot(service, port, [ip])),
                Host::Name(name) => {
                    let found = self.resolver.resolve(name).await.map_err(|failure| failure.of(service))?;
                    Ok(follow::snapshot(service, port, found.addresses(&[])))
                }
            }
        })
    }
}

impl std::fmt::Debug for Dns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dns").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
