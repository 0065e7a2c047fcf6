//! Listeners: addresses, limits, trusted networks.

use std::net::{IpAddr, SocketAddr};

use gw_value::{Span, Spanned};
use ipnet::IpNet;

use super::Check;
use crate::codes::{ADDRESS_TWICE, BAD_ADDRESS, BAD_LIMIT, BAD_NETWORK};
use crate::v1::{Limits, Listener};

/// An address to listen on, as `gw-server` reads it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Address {
    Socket(SocketAddr),
    /// All addresses of both families.
    Port(u16),
}

impl Address {
    fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse() {
            return Some(Self::Socket(address));
        }
        let (host, port) = text.rsplit_once(':')?;
        let port = port.bytes().all(|byte| byte.is_ascii_digit()).then(|| port.parse().ok())??;
        match host {
            "" => Some(Self::Port(port)),
            "localhost" => Some(Self::Socket(SocketAddr::from(([127, 0, 0, 1], port)))),
            _ => None,
        }
    }

    /// Whether the system refuses the second of the two. Port 0 is a free one each time.
    fn collides(self, other: Self) -> bool {
        let port = |address| match address {
            Self::Socket(address) => address.port(),
            Self::Port(port) => port,
        };
        let every = |address| match address {
            Self::Socket(address) => address.ip().is_unspecified(),
            Self::Port(_) => true,
        };
        let family = |address| match address {
            Self::Socket(address) => Some(address.is_ipv4()),
            Self::Port(_) => None,
        };
        let same_family = match (family(self), family(other)) {
            (Some(one), Some(two)) => one == two,
            _ => true,
        };
        port(self) != 0
            && port(self) == port(other)
            && (self == other || same_family && (every(self) || every(other)))
    }
}

impl Check<'_> {
    pub(super) fn listeners(&mut self) {
        let gateway = self.gateway;
        let mut taken: Vec<(Address, &str)> = Vec::new();
        for listener in &gateway.listeners {
            self.address(&listener.address, &mut taken);
            self.limits(listener.span(), &listener.limits);
            self.networks(listener);
            for certificate in &listener.certificates {
                self.pair("the certificate", certificate.span(), &certificate.cert, &certificate.key);
            }
        }
        if gateway.listeners.is_empty() {
            taken.extend(Address::parse(&Listener::default().address).map(|address| (address, ":8080")));
        }
        if !gateway.admin.address.is_empty() {
            self.address(&gateway.admin.address, &mut taken);
        }
    }

    fn address<'a>(&mut self, address: &'a Spanned<String>, taken: &mut Vec<(Address, &'a str)>) {
        let Some(parsed) = Address::parse(address) else {
            let message = format!("`{}` is not an address to listen on", **address);
            let help = "write `:8080`, `127.0.0.1:8080` or `[::1]:8080`";
            return self.error(BAD_ADDRESS, message, address.span(), help);
        };
        if let Some((_, other)) = taken.iter().find(|(other, _)| other.collides(parsed)) {
            let message = match *other == address.as_str() {
                true => format!("another listener has the address `{other}`"),
                false => format!("`{}` is taken by the listener on `{other}`", **address),
            };
            self.error(ADDRESS_TWICE, message, address.span(), "give each listener its own port or address");
        }
        taken.push((parsed, address));
    }

    /// A limit of zero would refuse everything.
    fn limits(&mut self, span: Span, limits: &Limits) {
        let times = [
            ("handshake_timeout", limits.handshake_timeout),
            ("header_timeout", limits.header_timeout),
            ("read_timeout", limits.read_timeout),
            ("write_timeout", limits.write_timeout),
            ("idle_timeout", limits.idle_timeout),
        ];
        let counts = [
            ("connections", limits.connections),
            ("header_bytes", limits.header_bytes),
            ("header_count", limits.header_count),
            ("target_bytes", limits.target_bytes),
        ];
        let age = limits.max_connection_age.map(|age| ("max_connection_age", age));
        let zero = times.iter().chain(&age).filter(|(_, time)| time.is_zero()).map(|(name, _)| *name);
        let zero = zero.chain(counts.iter().filter(|(_, count)| *count == 0).map(|(name, _)| *name));
        let streams = (limits.http2_streams == 0).then_some("http2_streams");
        for name in zero.chain(streams).collect::<Vec<_>>() {
            let at = self.limit_span(span, name);
            self.error(BAD_LIMIT, format!("`{name}` must be more than 0"), at, "remove it for the default");
        }
    }

    /// Where a limit of the listener at a place stands; limits are plain values, so the tree is asked.
    fn limit_span(&self, listener: Span, name: &str) -> Span {
        let listeners = self.tree.get("listeners").map_or(&[][..], |listeners| listeners.items());
        let limits =
            listeners.iter().find(|value| value.span == listener).and_then(|value| value.get("limits"));
        let spelled = |key: &str| key.replace('_', "").eq_ignore_ascii_case(&name.replace('_', ""));
        let entry = limits.and_then(|limits| limits.entries().iter().find(|(key, _)| spelled(&key.name)));
        entry.map_or(listener, |(_, value)| value.span)
    }

    fn networks(&mut self, listener: &Listener) {
        for network in &listener.trusted_proxies {
            if network.parse::<IpNet>().is_err() && network.parse::<IpAddr>().is_err() {
                let message = format!("`{}` is no network", **network);
                let help = "write a network, `10.0.0.0/8`, or an address, `192.0.2.1`";
                self.error(BAD_NETWORK, message, network.span(), help);
            }
        }
    }
}
