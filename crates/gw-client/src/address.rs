//! Where a node is, and what leads there.

use std::fmt;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::Arc;

use gw_egress::ForwardProxy;

/// An IP address, or a name that a forward proxy resolves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Address {
    /// An IP address and a port.
    Socket(SocketAddr),
    /// A name, lower-case. Only a proxy leads there.
    Name { host: Arc<str>, port: u16 },
}

impl Address {
    /// Its IP address, if it has one here.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Socket(address) => Some(address.ip()),
            Self::Name { .. } => None,
        }
    }

    /// Its name, or its IP address without brackets.
    pub(crate) fn host(&self) -> String {
        match self {
            Self::Socket(address) => address.ip().to_string(),
            Self::Name { host, .. } => host.as_ref().to_owned(),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        match self {
            Self::Socket(address) => address.port(),
            Self::Name { port, .. } => *port,
        }
    }

    /// `host:port` as it stands in a URL, which knows no zone of an address (RFC 3986 §3.2.2).
    pub(crate) fn authority(&self) -> String {
        match self {
            Self::Socket(SocketAddr::V6(v6)) => SocketAddrV6::new(*v6.ip(), v6.port(), 0, 0).to_string(),
            _ => self.to_string(),
        }
    }
}

/// What leads to a node. Decided when it appears, never per request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Way {
    /// A connection to its address.
    Direct(SocketAddr),
    /// A forward proxy.
    Proxied(Address, Arc<ForwardProxy>),
}

impl Way {
    /// Where the node is.
    pub(crate) fn address(&self) -> Address {
        match self {
            Self::Direct(address) => Address::Socket(*address),
            Self::Proxied(address, _) => address.clone(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(address) => write!(f, "{address}"),
            Self::Name { host, port } => write!(f, "{host}:{port}"),
        }
    }
}
