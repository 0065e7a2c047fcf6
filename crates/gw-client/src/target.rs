//! Where requests of a backend go: an address, a name or a service. Parsed once, from the configuration's text.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// What a backend's `target` names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// An address: `10.0.0.1:8000`, `[::1]:8000`.
    Address(SocketAddr),
    /// A DNS name, every address of which is a node: `user-svc:8000`. Behind a forward proxy, which resolves it, it is
    /// one node itself.
    Name {
        /// The name, lower-case.
        host: Arc<str>,
        /// The port.
        port: u16,
    },
    /// A service of the discovery: `discovery:///user-svc`.
    Service(Arc<str>),
}

/// Why a text is no target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It is empty.
    #[error("the target is empty")]
    Empty,
    /// The scheme is neither `direct` nor `discovery`.
    #[error("unknown scheme `{0}`: a target is `host:port`, `direct:///host:port` or `discovery:///service`")]
    Scheme(String),
    /// The scheme is followed by an authority, or by nothing.
    #[error("`{0}:///` needs three slashes and a name behind them")]
    Form(&'static str),
    /// There is no port.
    #[error("`{0}` has no port")]
    NoPort(String),
    /// The port is not a number from 1 to 65535.
    #[error("`{0}` is not a port")]
    Port(String),
    /// The host is neither an address nor a name.
    #[error("`{0}` is neither an IP address nor a host name")]
    Host(String),
}

impl Target {
    /// Reads `host:port`, `direct:///host:port` or `discovery:///service`.
    ///
    /// Differs from kratos: `direct:///` works, and `discovery://service` is an error instead of an empty name.
    ///
    /// # Errors
    /// When the text is none of these.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TargetError::Empty);
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return direct(text);
        };
        match scheme {
            "direct" => direct(named("direct", rest)?),
            "discovery" => Ok(Self::Service(named("discovery", rest)?.into())),
            other => Err(TargetError::Scheme(other.to_owned())),
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Name { host, port } => write!(f, "{host}:{port}"),
            Self::Service(name) => write!(f, "discovery:///{name}"),
        }
    }
}

impl std::str::FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        Self::parse(text)
    }
}

fn named<'a>(scheme: &'static str, rest: &'a str) -> Result<&'a str, TargetError> {
    rest.strip_prefix('/').filter(|name| !name.is_empty()).ok_or(TargetError::Form(scheme))
}

fn direct(text: &str) -> Result<Target, TargetError> {
    let (host, port) = text.rsplit_once(':').ok_or_else(|| TargetError::NoPort(text.to_owned()))?;
    if port.contains(']') || host.parse::<std::net::Ipv6Addr>().is_ok() && !host.starts_with('[') {
        return Err(TargetError::NoPort(text.to_owned()));
    }
    let number = port.parse().ok().filter(|number| *number != 0);
    let port: u16 = number.ok_or_else(|| TargetError::Port(port.to_owned()))?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(Target::Address(SocketAddr::new(ip, port)));
    }
    if is_name(host) {
        Ok(Target::Name { host: host.to_ascii_lowercase().into(), port })
    } else {
        Err(TargetError::Host(host.to_owned()))
    }
}

/// A host name as resolvers take it: labels of letters, digits, `-` and the `_` that container names have.
pub(crate) fn is_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    let numeric = host.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    host.len() <= 253 && !numeric && host.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Result<&str, TargetError>) {
        assert_eq!(Target::parse(text).map(|target| target.to_string()), expect.map(str::to_owned), "{text}");
    }

    #[test]
    fn targets_are_addresses_names_and_services() {
        check("127.0.0.1:80", Ok("127.0.0.1:80"));
        check(" direct:///127.0.0.1:80 ", Ok("127.0.0.1:80"));
        check("[::1]:80", Ok("[::1]:80"));
        check("User-svc.my_ns:8000", Ok("user-svc.my_ns:8000"));
        check("discovery:///user/svc", Ok("discovery:///user/svc"));
        check("", Err(TargetError::Empty));
        check("http://a:1", Err(TargetError::Scheme("http".to_owned())));
        check("discovery://svc", Err(TargetError::Form("discovery")));
        check("direct:///", Err(TargetError::Form("direct")));
        check("name", Err(TargetError::NoPort("name".to_owned())));
        check("::1", Err(TargetError::Host(":".to_owned())));
        check("[::1]", Err(TargetError::NoPort("[::1]".to_owned())));
        check("a:0", Err(TargetError::Port("0".to_owned())));
        check("a:65536", Err(TargetError::Port("65536".to_owned())));
        check("a b:1", Err(TargetError::Host("a b".to_owned())));
        check("1.2.3:1", Err(TargetError::Host("1.2.3".to_owned())));
        check(":80", Err(TargetError::Host(String::new())));
    }
}
