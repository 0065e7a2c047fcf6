//! Who is let in: protects the port from web pages that a browser next to it has open.
//!
//! A page can make its own name resolve to this address (DNS rebinding) and read what is here as its own origin, but
//! its name is then in `Host`. It can send a form here blindly, but the browser then says so in `Origin` and
//! `Sec-Fetch-Site`. Tools that are no browsers send neither and are let in.

use std::net::{Ipv4Addr, Ipv6Addr};

use gw_core::Request;
use http::header::{self, HeaderName};
use http::{HeaderMap, Method};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Why a request is refused, in a sentence; `allowed` are names beside `localhost` and IP addresses.
pub(crate) fn refusal(req: &Request, allowed: &[String]) -> Option<&'static str> {
    if !hosts(req).all(|host| host.is_some_and(|host| is_own_name(host, allowed))) {
        return Some("this port answers to IP addresses and localhost only");
    }
    let changes = !matches!(*req.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if changes && !is_same_origin(req) {
        return Some("another site's page may not do this");
    }
    None
}

/// The names under which the request calls this server; `None` stands for one that is not text.
fn hosts(req: &Request) -> impl Iterator<Item = Option<&str>> {
    let fields = req.headers().get_all(header::HOST).iter().map(|value| value.to_str().ok());
    req.uri().authority().map(|authority| Some(authority.as_str())).into_iter().chain(fields)
}

fn is_own_name(authority: &str, allowed: &[String]) -> bool {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest
            .split_once(']')
            .is_some_and(|(ip, port)| ip.parse::<Ipv6Addr>().is_ok() && is_port(port));
    }
    let (name, port) = authority.find(':').map_or((authority, ""), |at| authority.split_at(at));
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    // RFC 6761 §6.3: names below localhost are the machine itself, in browsers too.
    let own = name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<Ipv4Addr>().is_ok()
        || allowed.iter().any(|allowed| *allowed == name || allowed == "*");
    own && is_port(port)
}

/// Nothing, or a colon and digits.
fn is_port(port: &str) -> bool {
    port.is_empty()
        || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_same_origin(req: &Request) -> bool {
    let site = single(req.headers(), &SEC_FETCH_SITE);
    let origin = single(req.headers(), &header::ORIGIN);
    let fetched_here = match site {
        Field::Absent => true,
        Field::Is(site) => matches!(site, "same-origin" | "none"),
        Field::Unclear => false,
    };
    let sent_from_here = match origin {
        Field::Absent => true,
        Field::Is(origin) => origin.split_once("://").is_some_and(|(_, authority)| {
            hosts(req).next().flatten().is_some_and(|host| host.eq_ignore_ascii_case(authority))
        }),
        Field::Unclear => false,
    };
    fetched_here && sent_from_here
}

enum Field<'a> {
    Absent,
    Is(&'a str),
    Unclear,
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Field<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Field::Absent,
        (Some(value), None) => value.to_str().map_or(Field::Unclear, Field::Is),
        (Some(_), Some(_)) => Field::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use gw_core::Body;

    use super::*;

    #[track_caller]
    fn check_host(host: &str, expect: bool) {
        let req = http::Request::builder().uri("/livez").header("host", host);
        let refused = refusal(&req.body(Body::empty()).unwrap(), &["gateway.internal".to_owned()]);
        assert_eq!(refused.is_none(), expect, "{host}");
    }

    #[test]
    fn only_names_that_no_stranger_can_own() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:9901",
            "10.1.2.3:80",
            "[::1]",
            "[::1]:9901",
            "[fe80::1]:1",
            "localhost",
            "LOCALHOST:9901",
            "localhost.",
            "gateway.localhost:9901",
            "gateway.internal:9901",
            "Gateway.Internal.",
        ] {
            check_host(host, true);
        }
        for host in [
            "",
            "evil.example",
            "evil.example:9901",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "notlocalhost",
            "127.0.0.1@evil.example",
            "[::1",
            "[::1]evil.example",
            "[evil]",
            "1",
            "0x7f000001",
            "127.0.0.1:80:80",
            "127.0.0.1:evil",
            "localhost:evil",
            "x.gateway.internal",
        ] {
            check_host(host, false);
        }
    }

    #[test]
    fn every_name_of_the_request_counts() {
        let two = |uri: &str, hosts: &[&str]| {
            let mut req = http::Request::builder().uri(uri);
            for host in hosts {
                req = req.header("host", *host);
            }
            refusal(&req.body(Body::empty()).unwrap(), &[]).is_none()
        };
        assert!(two("/livez", &[]), "tools of HTTP/1.0 send none");
        assert!(two("http://127.0.0.1/livez", &["localhost"]));
        assert!(!two("http://evil.example/livez", &["localhost"]));
        assert!(!two("http://localhost/livez", &["evil.example"]));
        assert!(!two("/livez", &["localhost", "evil.example"]));
    }

    #[track_caller]
    fn check_origin(method: &str, fields: &[(&str, &str)], expect: bool) {
        let mut req =
            http::Request::builder().method(method).uri("/debug/x/y").header("host", "127.0.0.1:9901");
        for (name, value) in fields {
            req = req.header(*name, *value);
        }
        let refused = refusal(&req.body(Body::empty()).unwrap(), &[]);
        assert_eq!(refused.is_none(), expect, "{method} {fields:?}");
    }

    #[test]
    fn changes_come_from_here_or_from_no_browser() {
        check_origin("POST", &[], true);
        check_origin("POST", &[("origin", "http://127.0.0.1:9901")], true);
        check_origin("POST", &[("origin", "http://127.0.0.1:9901"), ("sec-fetch-site", "same-origin")], true);
        check_origin("POST", &[("origin", "http://evil.example")], false);
        check_origin("POST", &[("origin", "http://127.0.0.1:8080")], false);
        check_origin("POST", &[("origin", "null")], false);
        check_origin(
            "POST",
            &[("origin", "http://127.0.0.1:9901"), ("origin", "http://evil.example")],
            false,
        );
        check_origin("POST", &[("sec-fetch-site", "cross-site")], false);
        check_origin("POST", &[("sec-fetch-site", "same-site")], false);
        check_origin("POST", &[("sec-fetch-site", "none"), ("sec-fetch-site", "none")], false);
        check_origin("POST", &[("sec-fetch-site", "sÄme-origin")], false);
        check_origin("DELETE", &[("origin", "http://evil.example")], false);
        check_origin("GET", &[("origin", "http://evil.example")], true);
    }
}
