//! Hosts as they stand in a URL, out of what people and registries write.

use std::borrow::Cow;
use std::net::IpAddr;

/// `host` as it stands in a URL, an IPv6 address in brackets; `None` if it is neither an address nor a name.
pub(crate) fn in_url(host: &str) -> Option<Cow<'_, str>> {
    match host.parse() {
        Ok(IpAddr::V6(ip)) => Some(format!("[{ip}]").into()),
        Ok(IpAddr::V4(_)) => Some(host.into()),
        Err(_) => is_name(host).then_some(host.into()),
    }
}

/// Whether it is `host` and `port`, and an IPv6 address stands in brackets.
pub(crate) fn is_authority(authority: &str) -> bool {
    let Some((host, port)) = authority.rsplit_once(':') else { return false };
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match bracketed {
        Some(host) => matches!(host.parse(), Ok(IpAddr::V6(_))),
        None => is_name(host),
    };
    is_host
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_name(host: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    !host.is_empty() && host.len() <= 253 && host.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_urls() {
        for (host, expect) in [
            ("10.0.0.1", Some("10.0.0.1")),
            ("::1", Some("[::1]")),
            ("fd00:0::1", Some("[fd00::1]")),
            ("db-1.internal", Some("db-1.internal")),
            ("", None),
            ("a b", None),
            ("a/b", None),
            ("user@host", None),
            ("[::1]", None),
        ] {
            assert_eq!(in_url(host).as_deref(), expect, "{host:?}");
        }
    }

    #[test]
    fn authorities_have_a_port() {
        for good in ["10.0.0.1:1", "[::1]:8500", "consul.internal:65535"] {
            assert!(is_authority(good), "{good}");
        }
        for bad in ["10.0.0.1", "::1:8500", "[10.0.0.1]:1", "a:0", "a:65536", "a:+1", "a:", ":1", "u@a:1"] {
            assert!(!is_authority(bad), "{bad}");
        }
    }
}
