//! The one place where the gateway edits header fields, in this order: strip, then its own fields.
//!
//! Hop-by-hop fields and those that `Connection` names go, in both directions (RFC 9110 §7.6.1); framing and Host
//! survive whatever `Connection` says. Forwarding fields are believed of trusted peers only, else replaced.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use gw_core::ConnContext;
use http::Version;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Whether a field is of one hop. `Trailer` is not: it announces fields that we forward.
fn is_of_one_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
            | "proxy-authenticate"
            | "proxy-authentication-info"
    )
}

/// Whether a field of a request goes: of one hop, or for us. The body is asked for, and `100 Continue` sent, once an
/// upstream connection is held.
fn is_for_us(name: &HeaderName) -> bool {
    is_of_one_hop(name) || matches!(name.as_str(), "proxy-authorization" | "expect")
}

/// Whether a client could use a field to pose as someone else.
fn is_forwarding(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "x-forwarded-for"
            | "x-forwarded-proto"
            | "x-forwarded-host"
            | "x-forwarded-port"
            | "x-forwarded-prefix"
            | "x-real-ip"
            | "forwarded"
    )
}

/// The fields that go, found in one pass: most messages have none, and to ask a map for each costs more than all else
/// that is done here.
fn find(headers: &HeaderMap, goes: fn(&HeaderName) -> bool) -> Vec<HeaderName> {
    headers.keys().filter(|name| goes(name)).cloned().collect()
}

/// Upgrades that are passed on. `h2c` never is: it would hide later requests from routing.
const UPGRADES: &[&str] = &["websocket"];

/// What a request asked of this hop, found before its fields go.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Hop {
    /// The upgrade asked for, if it is one that is passed on.
    pub(crate) upgrade: Option<&'static str>,
    /// Whether trailers are accepted (`TE: trailers`).
    pub(crate) trailers: bool,
}

/// Strips the hop-by-hop fields of a request that came in `version`, and says what they asked for.
pub(crate) fn strip_request(headers: &mut HeaderMap, version: Version) -> Hop {
    let found = find(headers, is_for_us);
    if found.is_empty() {
        return Hop::default();
    }
    // RFC 9110 §7.8: an upgrade that is asked for in HTTP/1.0 is ignored.
    let upgrade = if version == Version::HTTP_11 { upgrade(headers) } else { None };
    let hop = Hop { upgrade, trailers: has_token(headers, &header::TE, "trailers") };
    strip(headers, found);
    hop
}

/// Strips a response's hop-by-hop fields; a switch of protocols keeps what announces it.
pub(crate) fn strip_response(headers: &mut HeaderMap, upgrade: Option<&'static str>) {
    let found = find(headers, is_of_one_hop);
    strip(headers, found);
    if let Some(protocol) = upgrade {
        announce(headers, protocol);
    }
}

/// Removes what was found, and what `Connection` names if it is among it.
fn strip(headers: &mut HeaderMap, found: Vec<HeaderName>) {
    if found.contains(&header::CONNECTION) {
        for name in named_by_connection(headers) {
            headers.remove(name);
        }
    }
    for name in found {
        headers.remove(name);
    }
}

/// The fields that `Connection` names, but for those that are never an option of one hop.
fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    tokens(headers, &header::CONNECTION)
        .filter_map(|token| HeaderName::from_bytes(token).ok())
        .filter(|name| *name != header::HOST && *name != header::CONTENT_LENGTH)
        .collect()
}

/// In bytes: one that is not ASCII must not hide the others of its line.
fn tokens<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
    let values = headers.get_all(name).into_iter().map(HeaderValue::as_bytes);
    let tokens = values.flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    tokens.filter(|token| !token.is_empty())
}

fn has_token(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    tokens(headers, name).any(|token| token.eq_ignore_ascii_case(wanted.as_bytes()))
}

fn upgrade(headers: &HeaderMap) -> Option<&'static str> {
    if !has_token(headers, &header::CONNECTION, "upgrade") {
        return None;
    }
    UPGRADES.iter().copied().find(|protocol| has_token(headers, &header::UPGRADE, protocol))
}

fn announce(headers: &mut HeaderMap, protocol: &'static str) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static(protocol));
}

/// Adds the gateway's own fields to a stripped request for `host`, which its `Host` says.
pub(crate) fn add_own(headers: &mut HeaderMap, hop: &Hop, conn: &ConnContext, host: Option<&HeaderValue>) {
    if let Some(protocol) = hop.upgrade {
        announce(headers, protocol);
    } else if hop.trailers {
        // RFC 9110 §10.1.4: TE is of one hop and says so.
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("te"));
    }
    let trusted = conn.trusts_peer();
    if !trusted {
        for name in find(headers, is_forwarding) {
            headers.remove(name);
        }
    }
    // What is not believed is not there any more.
    let has = |headers: &HeaderMap, name: HeaderName| trusted && headers.contains_key(name);
    append_forwarded_for(headers, conn.peer.ip());
    if has(headers, header::FORWARDED) {
        append_forwarded(headers, conn);
    }
    if !has(headers, FORWARDED_PROTO) {
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static(conn.scheme()));
    }
    if !has(headers, FORWARDED_HOST)
        && let Some(host) = host
    {
        headers.insert(FORWARDED_HOST, host.clone());
    }
}

fn append_forwarded_for(headers: &mut HeaderMap, peer: IpAddr) {
    let mut list = String::with_capacity(40);
    for value in headers.get_all(FORWARDED_FOR) {
        if let Ok(value) = value.to_str() {
            list.push_str(value);
            list.push_str(", ");
        }
    }
    match peer.to_canonical() {
        IpAddr::V4(v4) => push_v4(&mut list, v4),
        // Writing to a string cannot fail.
        IpAddr::V6(v6) => drop(write!(list, "{v6}")),
    }
    if let Ok(value) = HeaderValue::try_from(list) {
        headers.insert(FORWARDED_FOR, value);
    }
}

/// As `Display` does it, at a fifth of its instructions.
fn push_v4(list: &mut String, v4: Ipv4Addr) {
    for (n, octet) in v4.octets().into_iter().enumerate() {
        if n > 0 {
            list.push('.');
        }
        list.push_str(itoa::Buffer::new().format(octet));
    }
}

/// Adds our element to a chain of `Forwarded` (RFC 7239 §4) that trusted proxies began.
fn append_forwarded(headers: &mut HeaderMap, conn: &ConnContext) {
    let element = match conn.peer.ip().to_canonical() {
        IpAddr::V4(ip) => format!("for={ip};proto={}", conn.scheme()),
        IpAddr::V6(ip) => format!("for=\"[{ip}]\";proto={}", conn.scheme()),
    };
    if let Ok(element) = HeaderValue::try_from(element) {
        headers.append(header::FORWARDED, element);
    }
}

/// The client's address: the peer's, or the rightmost one in `X-Forwarded-For` that is no trusted proxy.
pub(crate) fn client_address(headers: &HeaderMap, conn: &ConnContext) -> IpAddr {
    let mut client = conn.peer.ip().to_canonical();
    if !conn.trusts_peer() {
        return client;
    }
    let listed: Vec<&[u8]> = tokens(headers, &FORWARDED_FOR).collect();
    for token in listed.into_iter().rev() {
        let Ok(text) = std::str::from_utf8(token) else { break };
        let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() else { break };
        client = ip.to_canonical();
        if !conn.trusted_proxies.iter().any(|net| net.contains(&client)) {
            break;
        }
    }
    client
}

#[cfg(test)]
mod tests;
