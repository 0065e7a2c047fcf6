//! Who may ask: a browser tricked into it may not.
//!
//! A page of the world can make a browser send requests to loopback. Its Host is a name that was rebound (so only
//! addresses and `localhost` are answered), or its Origin is another (so a request that changes something is refused).

use std::net::IpAddr;

use gw_core::Request;
use http::Method;
use http::header::{HOST, ORIGIN};

/// Why a request is refused, if it is.
pub(crate) fn refuse(req: &Request) -> Option<&'static str> {
    let host = req.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !is_local_name(host) {
        return Some("ask by address or as localhost: other names could be rebound to this port\n");
    }
    let safe = matches!(*req.method(), Method::GET | Method::HEAD);
    let foreign = req.headers().get(ORIGIN).is_some_and(|origin| !is_own(origin.as_bytes(), host));
    (!safe && foreign).then_some("requests of other origins change nothing here\n")
}

fn is_own(origin: &[u8], host: &str) -> bool {
    let own =
        |scheme: &str| origin.strip_prefix(scheme.as_bytes()).is_some_and(|rest| rest == host.as_bytes());
    own("http://") || own("https://")
}

/// An address, `localhost`, or nothing (HTTP/1.0), with a port or without.
fn is_local_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.is_empty() || name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_localhost_are_answered() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:9901",
            "[::1]:9901",
            "[::1]",
            "localhost",
            "LOCALHOST:1",
            "10.0.0.1:1",
            "",
        ] {
            assert!(is_local_name(host), "{host}");
        }
        for host in ["evil.test", "evil.test:9901", "localhost.evil.test", "127.0.0.1.evil.test"] {
            assert!(!is_local_name(host), "{host}");
        }
    }
}
