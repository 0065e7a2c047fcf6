//! A request's authority, taken apart: name, port, IPv6 address.

use std::io::Write as _;
use std::net::Ipv6Addr;

/// Bytes of an authority that are turned round without allocating; longer ones are no valid names anyway.
const STACK: usize = 320;
/// The longest IPv6 address, in brackets.
const ADDRESS: usize = 48;

/// The authority of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Authority<'a> {
    /// As received, without the port and without one trailing dot.
    pub(crate) host: &'a str,
    /// As received, if there is one that is a number.
    pub(crate) port: Option<&'a str>,
    /// The host, if it is an IPv6 address in brackets.
    pub(crate) address: Option<Ipv6Addr>,
}

impl<'a> Authority<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let (host, port) = split_port(text);
        let address = address(host);
        Self { host: host.strip_suffix('.').unwrap_or(host), port, address }
    }

    /// Calls `with` with the authority in lower case, read from the right: the port, `:`, then the host, which starts at
    /// the number given. Addresses are in their shortest form.
    pub(crate) fn reversed<R>(&self, with: impl FnOnce(&[u8], usize) -> R) -> R {
        let mut address = [0; ADDRESS];
        let mut host = self.host.as_bytes();
        let mut free = address.as_mut_slice();
        if let Some(value) = self.address
            && write!(free, "[{value}]").is_ok()
        {
            let used = ADDRESS - free.len();
            host = &address[..used];
        }
        let port = self.port.map_or(0, |port| port.len() + 1);
        let length = port + host.len();
        let mut stack = [0; STACK];
        let mut heap = Vec::new();
        let buffer = if length <= STACK {
            &mut stack[..length]
        } else {
            heap.resize(length, 0);
            heap.as_mut_slice()
        };
        let text = host.iter().rev().map(u8::to_ascii_lowercase);
        let port_text = self.port.into_iter().flat_map(|port| port.bytes().rev().chain([b':']));
        for (to, from) in buffer.iter_mut().zip(port_text.chain(text)) {
            *to = from;
        }
        with(buffer, port)
    }
}

/// The address in `[…]`.
pub(crate) fn address(host: &str) -> Option<Ipv6Addr> {
    host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

/// An authority's host and its port. A `:` without a number behind it is no port.
fn split_port(text: &str) -> (&str, Option<&str>) {
    let Some((host, port)) = text.rsplit_once(':') else { return (text, None) };
    // The colons inside an address are no port's.
    if host.starts_with('[') && !host.ends_with(']') {
        return (text, None);
    }
    match port {
        "" => (host, None),
        _ if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, Some(port)),
        _ => (text, None),
    }
}
