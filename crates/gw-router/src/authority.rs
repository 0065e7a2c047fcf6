//! A request's authority, taken apart: name, port, IPv6 address.

use std::borrow::Cow;
use std::net::Ipv6Addr;

/// The authority of a request.
#[derive(Clone, Debug)]
pub(crate) struct Authority<'a> {
    text: &'a str,
    /// As received, without the port and without one trailing dot.
    pub(crate) host: &'a str,
    /// As received, if there is one that is a number.
    pub(crate) port: Option<&'a str>,
    /// Whether the host is an IPv6 address in brackets.
    pub(crate) is_address: bool,
    /// What names are compared with, if it is not the host as received.
    folded: Option<String>,
}

impl<'a> Authority<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let (host, port) = split_port(text);
        let address = address(host);
        let host = host.strip_suffix('.').unwrap_or(host);
        let folded = match address {
            Some(address) => Some(format!("[{address}]")),
            None => has_upper_case(host).then(|| host.to_ascii_lowercase()),
        };
        Self { text, host, port, is_address: address.is_some(), folded }
    }

    /// What names are compared with: the host in lower case, or the address in its shortest form.
    pub(crate) fn name(&self) -> &str {
        self.folded.as_deref().unwrap_or(self.host)
    }

    /// The same, with `:` and the port if there is one.
    pub(crate) fn name_and_port(&self) -> Cow<'_, str> {
        match self.port {
            None => self.name().into(),
            Some(port) if self.folded.is_none() && self.text.len() == self.host.len() + 1 + port.len() => {
                self.text.into()
            }
            Some(port) => format!("{}:{port}", self.name()).into(),
        }
    }
}

/// Eight bytes are looked at together: letters in upper case have the bit 0x40 and not 0x20, and of what else is in a
/// name only `_` is so.
fn has_upper_case(text: &str) -> bool {
    const LETTERS: u64 = u64::from_ne_bytes([0x40; 8]);
    let suspect = |bytes: &[u8; 8]| {
        let word = u64::from_ne_bytes(*bytes);
        word & !(word << 1) & LETTERS != 0
    };
    let (words, rest) = text.as_bytes().as_chunks();
    let is_suspect = match text.as_bytes().last_chunk() {
        Some(last) => suspect(last) || words.iter().any(suspect),
        None => !rest.is_empty(),
    };
    is_suspect && text.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// The address in `[…]`.
pub(crate) fn address(host: &str) -> Option<Ipv6Addr> {
    host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

/// An authority's host and its port. A `:` without a number behind it is no port.
fn split_port(text: &str) -> (&str, Option<&str>) {
    let digits = text.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (before, port) = text.split_at(text.len() - digits);
    let Some(host) = before.strip_suffix(':') else { return (text, None) };
    // The colons inside an address are no port's.
    if host.starts_with('[') && !host.ends_with(']') {
        return (text, None);
    }
    (host, Some(port).filter(|port| !port.is_empty()))
}
