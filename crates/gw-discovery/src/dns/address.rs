//! `host:port` as written in a configuration.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::DiscoveryError;

/// What to resolve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address<'a> {
    pub(super) host: Host<'a>,
    pub(super) port: u16,
}

/// A host in its two forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Host<'a> {
    Ip(IpAddr),
    Name(&'a str),
}

impl<'a> Address<'a> {
    /// Reads `name:port`, `1.2.3.4:port` or `[::1]:port`; the port is 1..=65535.
    ///
    /// # Errors
    /// [`DiscoveryError::InvalidName`] for anything else.
    pub(super) fn parse(service: &'a str) -> Result<Self, DiscoveryError> {
        let invalid = |reason| DiscoveryError::InvalidName { service: service.to_owned(), reason };
        let (host, port) = service.rsplit_once(':').ok_or_else(|| invalid("the port is missing"))?;
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|port| digits && *port != 0);
        let port = port.ok_or_else(|| invalid("the port is not between 1 and 65535"))?;
        let host = match host.strip_prefix('[').map(|rest| rest.strip_suffix(']')) {
            Some(inner) => {
                let ip = inner.and_then(|inner| inner.parse::<Ipv6Addr>().ok());
                Host::Ip(ip.ok_or_else(|| invalid("between the brackets is no IPv6 address"))?.into())
            }
            None => match host.parse::<Ipv4Addr>() {
                Ok(ip) => Host::Ip(ip.into()),
                Err(_) => Host::Name(name(host).map_err(invalid)?),
            },
        };
        Ok(Self { host, port })
    }
}

/// A name as RFC 1035 §2.3.4 limits it; underscores are common inside clusters and allowed.
fn name(host: &str) -> Result<&str, &'static str> {
    let labels = host.strip_suffix('.').unwrap_or(host);
    if labels.is_empty() {
        return Err("the host is missing");
    }
    if labels.contains(':') {
        return Err("an IPv6 address stands in brackets");
    }
    if labels.len() > 253 || labels.split('.').any(|label| label.is_empty() || label.len() > 63) {
        return Err("the host has a part that is empty or too long");
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !labels.bytes().all(allowed) {
        return Err("the host has a character that host names do not have");
    }
    Ok(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn good(service: &str, host: Host<'_>, port: u16) {
        assert_eq!(Address::parse(service).unwrap(), Address { host, port });
    }

    #[track_caller]
    fn bad(service: &str, expect: &str) {
        let error = Address::parse(service).unwrap_err();
        assert!(error.to_string().contains(expect), "{error}");
        assert_eq!(error.service(), service);
    }

    #[test]
    fn names_and_literals() {
        good("users:80", Host::Name("users"), 80);
        good("user-svc.default.svc:8000", Host::Name("user-svc.default.svc"), 8000);
        good("_x.y.:1", Host::Name("_x.y."), 1);
        good("127.0.0.1:65535", Host::Ip(Ipv4Addr::LOCALHOST.into()), 65535);
        good("[::1]:80", Host::Ip(Ipv6Addr::LOCALHOST.into()), 80);
    }

    #[test]
    fn what_is_no_address_says_why() {
        bad("users", "port is missing");
        bad("", "port is missing");
        bad("users:", "port is not between");
        bad("users:0", "port is not between");
        bad("users:65536", "port is not between");
        bad("users:+80", "port is not between");
        bad(":80", "host is missing");
        bad(".:80", "host is missing");
        bad("::1:80", "stands in brackets");
        bad("[::1:80", "no IPv6 address");
        bad("[users]:80", "no IPv6 address");
        bad("a..b:80", "empty or too long");
        bad(&format!("{}:80", "a".repeat(64)), "empty or too long");
        bad("a b:80", "character");
        bad("http://a:80", "brackets");
    }
}
