//! A compiled host template.
//!
//! Names are compared without regard to case, and without one trailing dot (RFC 9110 §4.2.3, RFC 1034 §3.1); kratos
//! compares them exactly. The port counts only if the template has one. `*.example.com` is any name below
//! `example.com`, at any depth; in kratos it matches nothing.

use std::borrow::Cow;
use std::net::Ipv6Addr;
use std::ops::Range;
use std::sync::Arc;

use crate::authority::{self, Authority};
use crate::error::{Fault, Reason};
use crate::key::{Key, Step};
use crate::part;
use crate::pattern::Pattern;
use crate::syntax::{self, Kind, MAX_PATTERN, Piece};

/// A compiled host template.
#[derive(Clone, Debug)]
pub(crate) struct HostPattern {
    name: Name,
    port: Port,
    /// The template again, the same for templates that differ in spelling only.
    pub(crate) canonical: String,
}

#[derive(Clone, Debug)]
enum Name {
    Address(Ipv6Addr),
    Exact(String),
    /// Any name that ends in this text, which starts with a dot.
    Below(String),
    Template(Pattern),
}

#[derive(Clone, Debug)]
enum Port {
    Any,
    Exact(String),
    Template(Pattern),
}

impl HostPattern {
    /// Compiles a template.
    pub(crate) fn new(text: &str) -> Result<Self, Fault> {
        if text.is_empty() {
            return Err(Fault::new(0..0, Reason::Empty));
        }
        if text.len() > MAX_PATTERN {
            let reason = Reason::TooLong { length: text.len(), limit: MAX_PATTERN };
            return Err(Fault::new(0..text.len(), reason));
        }
        let colon = port_colon(text);
        let name = name(&text[..colon.unwrap_or(text.len())])?;
        let port = match colon {
            None => Port::Any,
            Some(colon) => port(&text[colon + 1..], &name).map_err(|fault| {
                let at = &fault.at;
                Fault::new(at.start + colon + 1..at.end + colon + 1, fault.reason)
            })?,
        };
        let mut canonical = name.canonical();
        match &port {
            Port::Any => {}
            Port::Exact(port) => canonical.extend([":", port]),
            Port::Template(pattern) => canonical.extend([":", &pattern.canonical]),
        }
        Ok(Self { name, port, canonical })
    }

    /// Whether `authority` matches.
    pub(crate) fn matches(&self, authority: &Authority<'_>) -> bool {
        let port = match &self.port {
            Port::Any => true,
            Port::Exact(port) => authority.port == Some(port),
            Port::Template(pattern) => authority.port.is_some_and(|port| pattern.matches(port)),
        };
        port && match &self.name {
            Name::Address(address) => authority.address == Some(*address),
            Name::Exact(name) => authority.host.eq_ignore_ascii_case(name),
            Name::Below(suffix) => {
                let host = authority.host.as_bytes();
                let label = host.len().saturating_sub(suffix.len());
                label > 0 && host[label..].eq_ignore_ascii_case(suffix.as_bytes())
            }
            Name::Template(pattern) => pattern.matches(&folded(authority)),
        }
    }

    /// The names of the variables, left to right.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.patterns().flat_map(|pattern| &pattern.names)
    }

    /// Whether the port counts.
    pub(crate) fn has_port(&self) -> bool {
        !matches!(self.port, Port::Any)
    }

    /// The variables and what they stand for; `None` if `authority` does not match.
    pub(crate) fn variables(&self, authority: &Authority<'_>) -> Option<Vec<(Arc<str>, String)>> {
        if !self.matches(authority) {
            return None;
        }
        let mut variables = Vec::new();
        if let Name::Template(pattern) = &self.name {
            let text = folded(authority);
            let spans = pattern.spans(&text)?;
            // Lower case keeps the place of every byte, so the values are cut from what was received.
            let text = if authority.address.is_some() { &text } else { authority.host };
            variables.extend(named(pattern, spans, text));
        }
        if let Port::Template(pattern) = &self.port {
            let port = authority.port?;
            variables.extend(named(pattern, pattern.spans(port)?, port));
        }
        Some(variables)
    }

    /// The place in the index of hosts, or, if the port counts, in that of hosts with ports: read from the right.
    pub(crate) fn key(&self) -> Key {
        let name = match &self.name {
            Name::Address(address) => Key::literal(format!("[{address}]").bytes().rev(), false),
            Name::Exact(name) => Key::literal(name.bytes().rev(), false),
            Name::Below(suffix) => Key::literal(suffix.bytes().rev(), true),
            Name::Template(pattern) => Key::backward(&pattern.pieces, Kind::Host),
        };
        match &self.port {
            Port::Any => name,
            // A number of unknown length stands before the name.
            Port::Template(_) => Key { steps: Vec::new(), open: true },
            Port::Exact(port) => {
                let port = Step::Literal(port.bytes().rev().chain([b':']).collect());
                Key { steps: [vec![port], name.steps].concat(), open: name.open }
            }
        }
    }

    /// Whether every authority that `other` matches is matched here too. May say no in vain.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        if self.canonical == other.canonical {
            return true;
        }
        let ports = match (&self.port, &other.port) {
            (Port::Any, _) => true,
            (Port::Exact(port), Port::Exact(other)) => port == other,
            _ => false,
        };
        ports
            && match (&self.name, &other.name) {
                (Name::Exact(name), Name::Exact(other)) => name == other,
                (Name::Address(address), Name::Address(other)) => address == other,
                (Name::Below(suffix), Name::Exact(other)) => {
                    other.len() > suffix.len() && other.ends_with(suffix)
                }
                (Name::Below(suffix), Name::Below(other)) => other.ends_with(suffix),
                (Name::Template(pattern), Name::Template(other)) => pattern.canonical == other.canonical,
                _ => false,
            }
    }

    fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        let name = if let Name::Template(pattern) = &self.name { Some(pattern) } else { None };
        let port = if let Port::Template(pattern) = &self.port { Some(pattern) } else { None };
        name.into_iter().chain(port)
    }
}

impl Name {
    fn canonical(&self) -> String {
        match self {
            Self::Address(address) => format!("[{address}]"),
            Self::Exact(name) => name.clone(),
            Self::Below(suffix) => format!("*{suffix}"),
            Self::Template(pattern) => pattern.canonical.clone(),
        }
    }
}

fn named(
    pattern: &Pattern,
    spans: Vec<Range<usize>>,
    text: &str,
) -> impl Iterator<Item = (Arc<str>, String)> {
    pattern.names.iter().zip(spans).map(move |(name, span)| (Arc::clone(name), text[span].to_owned()))
}

/// What templates are matched with: the host in lower case, an address in its shortest form.
fn folded<'a>(authority: &Authority<'a>) -> Cow<'a, str> {
    match authority.address {
        Some(address) => Cow::Owned(format!("[{address}]")),
        None if authority.host.bytes().any(|byte| byte.is_ascii_uppercase()) => {
            Cow::Owned(authority.host.to_ascii_lowercase())
        }
        None => Cow::Borrowed(authority.host),
    }
}

/// Where the port's colon stands: the first one outside brackets and braces.
fn port_colon(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        at = match bytes[at] {
            b':' => return Some(at),
            b'{' => syntax::closing_brace(bytes, at)?,
            b'[' => at + bytes[at..].iter().position(|byte| *byte == b']')?,
            _ => at + 1,
        };
    }
    None
}

fn name(text: &str) -> Result<Name, Fault> {
    let whole = 0..text.len();
    if text.starts_with('[') {
        return authority::address(text).map(Name::Address).ok_or(Fault::new(whole, Reason::Address));
    }
    let (text, below) = match text.strip_prefix("*.") {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let offset = if below { 2 } else { 0 };
    let text = text.strip_suffix('.').unwrap_or(text);
    let moved = |fault: Fault| Fault::new(fault.at.start + offset..fault.at.end + offset, fault.reason);
    let mut pieces = syntax::parse(text, Kind::Host).map_err(moved)?;
    if let [Piece::Literal(name)] = pieces.as_slice() {
        return Ok(if below { Name::Below(format!(".{name}")) } else { Name::Exact(name.clone()) });
    }
    if below {
        let any = ".+".to_owned();
        let hir = part::named(&any, Kind::Host)?;
        pieces.insert(0, Piece::Literal(".".to_owned()));
        pieces.insert(0, Piece::Regex { name: None, text: any, hir, crosses: true });
    }
    let pattern = Pattern::compile(pieces, false, Kind::Host).map_err(|reason| Fault::new(whole, reason))?;
    Ok(Name::Template(pattern))
}

fn port(text: &str, name: &Name) -> Result<Port, Fault> {
    let whole = 0..text.len();
    if !text.contains('{') {
        return match text.parse::<u16>() {
            Ok(port) if port > 0 && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                Ok(Port::Exact(port.to_string()))
            }
            _ => Err(Fault::new(whole, Reason::Port)),
        };
    }
    let pieces = syntax::parse(text, Kind::Host)?;
    let taken: &[Arc<str>] = if let Name::Template(pattern) = name { &pattern.names } else { &[] };
    if let Some(twice) = pieces.iter().filter_map(Piece::name).find(|name| taken.contains(name)) {
        return Err(Fault::new(whole, Reason::Twice { name: twice.to_string() }));
    }
    let pattern = Pattern::compile(pieces, false, Kind::Host).map_err(|reason| Fault::new(whole, reason))?;
    Ok(Port::Template(pattern))
}

#[cfg(test)]
mod tests;
