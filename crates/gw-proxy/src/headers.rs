//! The one place where the gateway edits header fields, in this order: strip, then its own fields.
//!
//! Hop-by-hop fields and those that `Connection` names go, in both directions (RFC 9110 §7.6.1); framing and Host
//! survive whatever `Connection` says. Forwarding fields are believed of trusted peers only, else replaced.

use std::net::IpAddr;

use gw_core::ConnContext;
use http::Version;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use smallvec::SmallVec;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The names that a pass looks for, as texts and as they are removed by.
macro_rules! known {
    ($($name:literal)*) => {
        const TEXTS: &[&str] = &[$($name),*];
        static NAMES: [HeaderName; TEXTS.len()] = [$(HeaderName::from_static($name)),*];
    };
}

known! {
    "connection" "te" "upgrade"
    "keep-alive" "proxy-connection" "transfer-encoding" "http2-settings" "proxy-authenticate" "proxy-authentication-info"
    "proxy-authorization" "expect"
    "x-forwarded-for" "x-forwarded-proto" "x-forwarded-host" "x-forwarded-port" "x-forwarded-prefix" "x-real-ip" "forwarded"
    "host" "user-agent" "accept" "content-type"
}

/// Some of the names that are known: a bit for each, the first the lowest.
pub(crate) type Names = u32;

const CONNECTION: Names = 1 << 0;
const TE: Names = 1 << 1;
const UPGRADE: Names = 1 << 2;
/// Fields of one hop. `Trailer` is none: it announces fields that we forward.
const ONE_HOP: Names = first(9);
/// Fields of a request that are for us. The body is asked for, and `100 Continue` sent, once an upstream connection is
/// held.
const FOR_US: Names = first(11) & !first(9);
/// Fields with which a client could pose as someone else.
const FORWARDING: Names = first(18) & !first(11);
const HOST: Names = 1 << 18;
const USER_AGENT: Names = 1 << 19;
const ACCEPT: Names = 1 << 20;
const CONTENT_TYPE: Names = 1 << 21;

const fn first(count: usize) -> Names {
    (1 << count) - 1
}

/// The names of a length, and those of a first letter: few names that are not known are of both.
static OF_LENGTH: [Names; 32] = sorted(false);
static OF_LETTER: [Names; 32] = sorted(true);

const fn sorted(by_letter: bool) -> [Names; 32] {
    let mut sorted = [0; 32];
    let mut at = 0;
    while at < TEXTS.len() {
        let name = TEXTS[at].as_bytes();
        let key = if by_letter { name[0] as usize } else { name.len() };
        sorted[key % 32] |= 1 << at;
        at += 1;
    }
    sorted
}

/// Which of some known names a name is; 0 for nearly all.
fn known(name: &[u8], among: Names) -> Names {
    let letter = name.first().map_or(0, |letter| usize::from(*letter));
    let mut may = OF_LENGTH[name.len() % 32] & OF_LETTER[letter % 32] & among;
    while may != 0 {
        let at = may.trailing_zeros() as usize;
        if TEXTS[at].as_bytes() == name {
            return 1 << at;
        }
        may &= may - 1;
    }
    0
}

/// What is to be known of a request's fields, seen in one pass: to ask a map for each name costs more than all else that is
/// done here.
#[derive(Default)]
pub(crate) struct Seen<'h> {
    /// The first of each.
    pub(crate) host: Option<&'h HeaderValue>,
    pub(crate) user_agent: Option<&'h HeaderValue>,
    /// All of them.
    pub(crate) accept: Values<'h>,
    pub(crate) content_type: Values<'h>,
    /// Those that may have to go.
    pub(crate) names: Names,
}

type Values<'h> = SmallVec<[&'h HeaderValue; 1]>;

impl<'h> Seen<'h> {
    /// Looks through the fields of a request.
    pub(crate) fn of(headers: &'h HeaderMap) -> Self {
        let mut seen = Self::default();
        for (name, value) in headers {
            match known(name.as_str().as_bytes(), Names::MAX) {
                0 => {}
                HOST => drop(seen.host.get_or_insert(value)),
                USER_AGENT => drop(seen.user_agent.get_or_insert(value)),
                ACCEPT => seen.accept.push(value),
                CONTENT_TYPE => seen.content_type.push(value),
                name => seen.names |= name,
            }
        }
        seen
    }
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

/// Strips a request that came in `version` of the fields of this hop, and of what its peer may not say of whence it
/// comes unless it is `trusted`: of those names that were `seen`. Says what was asked of this hop.
pub(crate) fn strip_request(headers: &mut HeaderMap, seen: Names, version: Version, trusted: bool) -> Hop {
    let found = seen & if trusted { ONE_HOP | FOR_US } else { ONE_HOP | FOR_US | FORWARDING };
    // RFC 9110 §7.8: an upgrade that is asked for in HTTP/1.0 is ignored.
    let upgrades = found & UPGRADE != 0 && version == Version::HTTP_11;
    let hop = Hop {
        upgrade: if upgrades { upgrade(headers) } else { None },
        trailers: found & TE != 0 && has_token(headers, &header::TE, "trailers"),
    };
    strip(headers, found);
    hop
}

/// Strips a response's hop-by-hop fields; a switch of protocols keeps what announces it.
pub(crate) fn strip_response(headers: &mut HeaderMap, upgrade: Option<&'static str>) {
    let seen = headers.keys().fold(0, |seen, name| seen | known(name.as_str().as_bytes(), ONE_HOP));
    strip(headers, seen);
    if let Some(protocol) = upgrade {
        announce(headers, protocol);
    }
}

/// Removes what was found, and what `Connection` names if it is among it.
fn strip(headers: &mut HeaderMap, mut found: Names) {
    if found & CONNECTION != 0 {
        for name in named_by_connection(headers) {
            headers.remove(name);
        }
    }
    while found != 0 {
        headers.remove(&NAMES[found.trailing_zeros() as usize]);
        found &= found - 1;
    }
}

/// The fields that `Connection` names, but for those that are never an option of one hop.
fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    tokens(headers, &header::CONNECTION)
        // These go anyway, and nearly always there is no other.
        .filter(|token| known(token, ONE_HOP) == 0)
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
    // What is not believed is not there any more.
    let has = |headers: &HeaderMap, name: HeaderName| conn.trusts_peer() && headers.contains_key(name);
    if has(headers, FORWARDED_FOR) {
        append_forwarded_for(headers, conn);
    } else {
        headers.insert(FORWARDED_FOR, conn.peer_text().clone());
    }
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

/// Adds the peer to the list that trusted proxies began, all in one field.
fn append_forwarded_for(headers: &mut HeaderMap, conn: &ConnContext) {
    let mut list = Vec::with_capacity(64);
    for value in headers.get_all(FORWARDED_FOR).into_iter().filter(|value| value.to_str().is_ok()) {
        list.extend_from_slice(value.as_bytes());
        list.extend_from_slice(b", ");
    }
    list.extend_from_slice(conn.peer_text().as_bytes());
    if let Ok(value) = HeaderValue::try_from(list) {
        headers.insert(FORWARDED_FOR, value);
    }
}

/// Adds our element to a chain of `Forwarded` (RFC 7239 §4) that trusted proxies began.
fn append_forwarded(headers: &mut HeaderMap, conn: &ConnContext) {
    let element = match conn.peer_ip() {
        IpAddr::V4(ip) => format!("for={ip};proto={}", conn.scheme()),
        IpAddr::V6(ip) => format!("for=\"[{ip}]\";proto={}", conn.scheme()),
    };
    if let Ok(element) = HeaderValue::try_from(element) {
        headers.append(header::FORWARDED, element);
    }
}

/// The client's address: the peer's, or the rightmost one in `X-Forwarded-For` that is no trusted proxy.
pub(crate) fn client_address(headers: &HeaderMap, conn: &ConnContext) -> IpAddr {
    let mut client = conn.peer_ip();
    if !conn.trusts_peer() {
        return client;
    }
    let listed: Vec<&[u8]> = tokens(headers, &FORWARDED_FOR).collect();
    for token in listed.into_iter().rev() {
        let Ok(text) = std::str::from_utf8(token) else { break };
        let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() else { break };
        client = ip.to_canonical();
        if !conn.trusts(&client) {
            break;
        }
    }
    client
}

#[cfg(test)]
mod tests;
