//! A compiled host template.
//!
//! Names are compared without regard to case, and without one trailing dot (RFC 9110 §4.2.3, RFC 1034 §3.1); kratos
//! compares them exactly. The port counts only if the template has one. `*.example.com` is any name below
//! `example.com`, at any depth; in kratos it matches nothing.

use std::sync::Arc;

use crate::authority::{self, Authority};
use crate::equal::equal;
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
    /// In brackets, in its shortest form.
    Address(String),
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
            Name::Address(address) => authority.is_address && authority.name() == address,
            Name::Exact(name) => equal(authority.name().as_bytes(), name.as_bytes()),
            Name::Below(suffix) => {
                authority.name().len() > suffix.len() && authority.name().ends_with(suffix)
            }
            Name::Template(pattern) => pattern.matches(authority.name()),
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

    /// Whether `authority` matches. Adds the variables and what they stand for if it does.
    pub(crate) fn variables(
        &self,
        authority: &Authority<'_>,
        variables: &mut Vec<(Arc<str>, String)>,
    ) -> bool {
        if !self.matches(authority) {
            return false;
        }
        if let Name::Template(pattern) = &self.name {
            let name = authority.name();
            // Lower case keeps the place of every byte, so the values are cut from what was received.
            let received = if authority.is_address { name } else { authority.host };
            pattern.variables(name, received, variables);
        }
        if let (Port::Template(pattern), Some(port)) = (&self.port, authority.port) {
            pattern.variables(port, port, variables);
        }
        true
    }

    /// The place in the index of hosts, or, if the port counts, in that of hosts with ports: read from the right.
    pub(crate) fn key(&self) -> Key {
        let name = match &self.name {
            Name::Address(name) | Name::Exact(name) => Key::literal(name.as_str(), false),
            Name::Below(suffix) => Key::literal(suffix.as_str(), true),
            Name::Template(pattern) => Key::backward(&pattern.pieces, Kind::Host),
        };
        match &self.port {
            Port::Any => name,
            // A number of unknown length stands before the name.
            Port::Template(_) => Key { steps: Vec::new(), open: true },
            Port::Exact(port) => {
                let port = Step::Literal(format!(":{port}").into_bytes());
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
                (Name::Exact(name), Name::Exact(other)) | (Name::Address(name), Name::Address(other)) => {
                    name == other
                }
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
            Self::Address(name) | Self::Exact(name) => name.clone(),
            Self::Below(suffix) => format!("*{suffix}"),
            Self::Template(pattern) => pattern.canonical.clone(),
        }
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
        let address = authority::address(text).ok_or(Fault::new(whole, Reason::Address))?;
        return Ok(Name::Address(format!("[{address}]")));
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
