//! Sources by address: `consul://10.0.0.1:8500?datacenter=dc1`.
//!
//! A DSN is `scheme://host:port,host:port?name=value&…`, with `%` escapes and `+` for a space in values. What it may
//! hold besides, each source says for itself. Errors never repeat the DSN: it may hold a token.

use std::sync::Arc;

use percent_encoding::percent_decode_str;

use crate::consul::{Consul, ConsulError, ConsulOptions};
use crate::{Discovery, host};

/// Looks up an environment variable: this crate reads none itself.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What stands before `://`.
const SCHEMES: [&str; 1] = ["consul"];

/// Makes the source that a DSN names. `env` is asked for the defaults that the source's own tools take from the
/// environment.
///
/// ```
/// let source = gw_discovery::from_dsn("consul://127.0.0.1:8500?datacenter=dc1", &|_| None);
/// assert!(source.is_ok());
///
/// let error = gw_discovery::from_dsn("consul://127.0.0.1:8500?datacentre=dc1", &|_| None);
/// let error = error.err().map(|error| error.to_string()).unwrap_or_default();
/// assert!(error.contains("did you mean `datacenter`?"), "{error}");
/// ```
///
/// # Errors
/// If the DSN, or a variable that completes it, is wrong. Nobody is asked yet, so a source that is down is no error.
pub fn from_dsn(dsn: &str, env: Env<'_>) -> Result<Arc<dyn Discovery>, DsnError> {
    let options = ConsulOptions::from_dsn(dsn, env)?;
    Ok(Arc::new(Consul::new(options)?))
}

/// What is wrong with a DSN.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DsnError {
    /// It has no scheme.
    #[error("the discovery address has no scheme; give one such as `consul://127.0.0.1:8500`")]
    NoScheme,
    /// Nothing is known by that scheme.
    #[error("unknown discovery scheme `{scheme}`; there is: {}", SCHEMES.join(", "))]
    UnknownScheme {
        /// The scheme as given.
        scheme: String,
    },
    /// It has a part that means nothing here.
    #[error("the discovery address has {part}, which means nothing here{}", hint(.remedy))]
    Part {
        /// The part.
        part: &'static str,
        /// What to do instead; may be empty.
        remedy: &'static str,
    },
    /// There is no parameter of that name.
    #[error("unknown parameter `{name}`{}", hint(.remedy))]
    UnknownParameter {
        /// The name as given.
        name: String,
        /// The one that was meant, or all there are.
        remedy: String,
    },
    /// A parameter or variable has a value that makes no sense. The value is not repeated.
    #[error("`{name}`: {reason}")]
    Value {
        /// The parameter or variable.
        name: &'static str,
        /// What is wrong with its value.
        reason: &'static str,
    },
    /// The source cannot be set up.
    #[error("cannot set up discovery")]
    Source(#[from] ConsulError),
}

fn hint(text: impl AsRef<str>) -> String {
    let text = text.as_ref();
    if text.is_empty() { String::new() } else { format!("; {text}") }
}

/// A DSN in its parts.
#[derive(Debug)]
pub(crate) struct Dsn {
    /// `host` or `host:port`, as written; empty if there is none.
    pub(crate) addresses: Vec<String>,
    /// Decoded, in their order.
    parameters: Vec<(String, String)>,
}

impl Dsn {
    /// Takes a DSN apart whose scheme must be `scheme` and whose parameters must be among `known`. Only those in
    /// `repeatable` may occur more than once.
    pub(crate) fn parse(
        text: &str,
        scheme: &str,
        known: &[&'static str],
        repeatable: &[&'static str],
    ) -> Result<Self, DsnError> {
        let (found, rest) = text.trim().split_once("://").ok_or(DsnError::NoScheme)?;
        if !found.eq_ignore_ascii_case(scheme) {
            return Err(DsnError::UnknownScheme { scheme: found.to_owned() });
        }
        if rest.contains('#') {
            return Err(DsnError::Part { part: "a fragment", remedy: "write `#` as `%23`" });
        }
        let (head, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = head.split_once('/').unwrap_or((head, ""));
        if authority.contains('@') {
            return Err(DsnError::Part { part: "a user", remedy: "give `token` or `token_file`" });
        }
        if !path.is_empty() {
            return Err(DsnError::Part { part: "a path", remedy: "" });
        }
        let addresses = match authority {
            "" => Vec::new(),
            authority => authority.split(',').map(|address| address.trim().to_owned()).collect(),
        };
        Ok(Self { addresses, parameters: parameters(query, known, repeatable)? })
    }

    /// The value of a parameter; an empty one is none.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(found, value)| found == name && !value.is_empty())
            .map(|(_, value)| &**value)
    }

    /// All values of a parameter but empty ones.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.parameters.iter().filter(move |(found, value)| found == name && !value.is_empty());
        named.map(|(_, value)| value.as_str())
    }
}

fn parameters(
    query: &str,
    known: &[&'static str],
    repeatable: &[&'static str],
) -> Result<Vec<(String, String)>, DsnError> {
    let mut parameters: Vec<(String, String)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let Some(name) = known.iter().find(|known| **known == name) else { return Err(unknown(name, known)) };
        if !repeatable.contains(name) && parameters.iter().any(|(found, _)| found == name) {
            return Err(DsnError::Value { name, reason: "it is given twice" });
        }
        let value = value.replace('+', " ");
        let value = percent_decode_str(&value).decode_utf8();
        let value = value.map_err(|_| DsnError::Value { name, reason: "it is no UTF-8" })?;
        parameters.push(((*name).to_owned(), value.into_owned()));
    }
    Ok(parameters)
}

fn unknown(name: &str, known: &[&'static str]) -> DsnError {
    let distance = |known: &&&'static str| strsim::damerau_levenshtein(name, known);
    let nearest = known.iter().min_by_key(distance).filter(|known| distance(known) <= 2);
    let remedy = match nearest {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("there is: {}", known.join(", ")),
    };
    // A token without its name must not be repeated: whatever is no plain word is not.
    let plain = name.len() <= 24 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    DsnError::UnknownParameter { name: if plain { name } else { "…" }.to_owned(), remedy }
}

/// `host`, `host:port` or a bare IPv6 address as `host:port`.
pub(crate) fn with_port(address: &str, default: u16) -> Option<String> {
    if let Some(host) = host::in_url(address) {
        return Some(format!("{host}:{default}"));
    }
    if address.starts_with('[') && address.ends_with(']') {
        return with_port(&format!("{address}:{default}"), default);
    }
    host::is_authority(address).then(|| address.to_owned())
}

#[cfg(test)]
mod tests;
