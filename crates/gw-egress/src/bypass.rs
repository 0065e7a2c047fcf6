//! `NO_PROXY`: what is reached directly all the same.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::name::{is_host_name, without_dot};

/// The entries of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bypass(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    /// `*`.
    All,
    /// `10.0.0.0/8`.
    Network(IpNet),
    /// `10.0.0.1`, `[::1]:80`.
    Address(IpAddr, Option<u16>),
    /// `example.com`, `.example.com:80`.
    Domain {
        /// With a dot before it, lower-case.
        suffix: String,
        /// Whether the domain itself is meant, not only what is below it.
        itself: bool,
        port: Option<u16>,
    },
}

impl Bypass {
    /// Reads a comma-separated list. An entry that can match nothing is passed over, as Go's rules have it, and handed
    /// back.
    pub(crate) fn parse(list: &str) -> (Self, Vec<&str>) {
        let (mut entries, mut others) = (Vec::new(), Vec::new());
        for text in list.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            match Entry::parse(text) {
                Some(entry) => entries.push(entry),
                None => others.push(text),
            }
        }
        (Self(entries), others)
    }

    /// Whether an upstream is reached directly.
    pub(crate) fn has(&self, host: &str, port: u16) -> bool {
        let host = without_dot(host).to_ascii_lowercase();
        // An IPv4 address is the same one in the form that IPv6 has for it.
        let ip = host.parse::<IpAddr>().ok().map(|ip| ip.to_canonical());
        host == "localhost"
            || ip.is_some_and(|ip| ip.is_loopback())
            || self.0.iter().any(|entry| entry.has(&host, ip, port))
    }
}

impl Entry {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::All);
        }
        if let Ok(network) = text.parse() {
            return Some(Self::Network(network));
        }
        let (host, port) = split(text)?;
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Some(Self::Address(ip.to_canonical(), port));
        }
        let host = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
        let bare = host.strip_prefix('.');
        let name = without_dot(bare.unwrap_or(host));
        let suffix = format!(".{}", name.to_ascii_lowercase());
        is_host_name(name).then_some(Self::Domain { suffix, itself: bare.is_none(), port })
    }

    fn has(&self, host: &str, ip: Option<IpAddr>, port: u16) -> bool {
        let any = |wanted: &Option<u16>| wanted.is_none_or(|wanted| wanted == port);
        match self {
            Self::All => true,
            Self::Network(network) => ip.is_some_and(|ip| network.contains(&ip)),
            Self::Address(wanted, on) => ip == Some(*wanted) && any(on),
            Self::Domain { suffix, itself, port: on } => {
                (host.ends_with(suffix.as_str()) || *itself && host == &suffix[1..]) && any(on)
            }
        }
    }
}

/// Host, without brackets, and port; `None` if there is no host, or no such port.
fn split(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match text.rsplit_once(':') {
        // More colons than one are an IPv6 address, which needs brackets to have a port.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port),
        _ => (text, ""),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let port = if port.is_empty() { None } else { Some(port.parse().ok()?) };
    (!host.is_empty()).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(list: &str, direct: &[&str], proxied: &[&str]) {
        let (bypass, _) = Bypass::parse(list);
        for (upstreams, expect) in [(direct, true), (proxied, false)] {
            for upstream in upstreams {
                let (host, port) = upstream.rsplit_once(':').unwrap();
                assert_eq!(bypass.has(host, port.parse().unwrap()), expect, "{upstream} in {list:?}");
            }
        }
    }

    #[test]
    fn this_machine_is_never_behind_a_proxy() {
        check(
            "",
            &[
                "localhost:80",
                "LocalHost:1",
                "localhost.:80",
                "127.0.0.1:80",
                "127.9.9.9:80",
                "::1:80",
                "::ffff:127.0.0.1:80",
            ],
            &["a.localhost:80", "10.0.0.1:80", "0.0.0.0:80", "fe80::1:80"],
        );
    }

    #[test]
    fn a_star_is_everything_and_only_alone() {
        check("*", &["a.test:80", "10.0.0.1:80"], &[]);
        check("x, * ,y", &["a.test:80"], &[]);
        check("*:80", &[], &["a.test:80"]);
    }

    #[test]
    fn a_domain_is_itself_and_what_is_below_unless_it_begins_with_a_dot() {
        check(
            "a.test",
            &["a.test:80", "A.Test:443", "b.a.test:80"],
            &["ba.test:80", "test:80", "a.test.x:80"],
        );
        check("A.TEST", &["a.test:80"], &[]);
        check("a.test.", &["a.test:80", "b.a.test:80"], &[]);
        check("a.test", &["a.test.:80"], &["ba.test.:80"]);
        check(".a.test", &["b.a.test:80", "c.b.a.test:80"], &["a.test:80", "ba.test:80"]);
        check("*.a.test", &["b.a.test:80"], &["a.test:80"]);
        check("a.test:8080", &["a.test:8080", "b.a.test:8080"], &["a.test:80"]);
        check(".a.test:8080", &["b.a.test:8080"], &["b.a.test:80", "a.test:8080"]);
        check(" a.test , ,b.test", &["a.test:80", "b.test:80"], &["c.test:80"]);
        check("a.test:http", &[], &["a.test:80"]);
        check(":80", &[], &["a.test:80"]);
    }

    #[test]
    fn an_address_is_matched_as_one_and_never_a_name() {
        check("10.0.0.1", &["10.0.0.1:80", "::ffff:10.0.0.1:80"], &["10.0.0.2:80", "a.test:80"]);
        check("10.0.0.1:8080", &["10.0.0.1:8080"], &["10.0.0.1:80"]);
        check("10.1.2.3/8", &["10.0.0.1:80", "10.255.0.1:1"], &["11.0.0.1:80"]);
        check("fd00::/8", &["fd00::1:80"], &["fe80::1:80", "10.0.0.1:80"]);
        check("fd00::1", &["fd00::1:80"], &["fd00::2:80"]);
        check("[fd00::1]:8080", &["fd00::1:8080"], &["fd00::1:80"]);
    }

    #[test]
    fn what_can_match_nothing_is_handed_back() {
        let all =
            "10.0.0.0/33, [::1,a b,, a.test:http,*:80,., ...,10.0.0.256, *, .a, a.test:1,[::1]:2,fd00::/8";
        let (_, others) = Bypass::parse(all);
        assert_eq!(others, ["10.0.0.0/33", "[::1", "a b", "a.test:http", "*:80", ".", "...", "10.0.0.256"]);
    }
}
