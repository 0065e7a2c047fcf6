//! The environment: the original's variables, honoured or refused by name, and ours, `GATEWAY__A__B`.
//!
//! Precedence: flags, then environment, then file, then defaults. The variables are given: the command alone reads its
//! process's environment.

mod log;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;

use gw_egress::ForwardProxies;

use crate::v1;
pub use log::doubtful_log_directives;

/// What the environment asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    header_timeout: Option<Duration>,
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
    idle_timeout: Option<Duration>,
    dial_timeout: Option<Duration>,
    /// `ENABLE_STRICT_SLASH`.
    pub strict_slash: bool,
    /// `INITIAL_RESOLVE_TIMEOUT`: how long the start waits for the discovery's first answers. Default: not at all.
    pub initial_resolve_timeout: Option<Duration>,
    /// `ADVERTISE_NAME`: the gateway's name at a control service.
    pub advertise_name: String,
    /// `ADVERTISE_ADDR`, else the first IPv4 address of the interface `ADVERTISE_DEVICE`.
    pub advertise_address: String,
    /// Whether a gateway that started this one hands its sockets over.
    pub handover: bool,
    /// Overrides of configuration keys: `GATEWAY__CLIENT__CONNECT_TIMEOUT=2s` is `client.connect_timeout`.
    pub overrides: Vec<(Vec<String>, String)>,
    /// `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`: for upstreams alone.
    pub proxies: ForwardProxies,
    /// `CONSUL_…`, which Consul's own tools read too.
    consul: BTreeMap<String, String>,
    /// What is odd but harmless.
    pub notices: Vec<String>,
}

const PREFIX: &str = "GATEWAY__";

/// The variables by their whole name, without those of forward proxies.
const NAMES: &[&str] = &[
    "ADVERTISE_ADDR",
    "ADVERTISE_DEVICE",
    "ADVERTISE_NAME",
    "ENABLE_STRICT_SLASH",
    HANDOVER,
    "INITIAL_RESOLVE_TIMEOUT",
    "PROXY_DIAL_TIMEOUT",
    "PROXY_FOLLOW_REDIRECT",
    "PROXY_IDLE_TIMEOUT",
    "PROXY_READ_HEADER_TIMEOUT",
    "PROXY_READ_TIMEOUT",
    "PROXY_WRITE_TIMEOUT",
];

/// Tells a successor, by the value `1`, that its standard input is its predecessor.
pub const HANDOVER: &str = "GATEWAY_HANDOVER";

impl Environment {
    /// Reads variables, of which those that mean nothing here are passed over.
    ///
    /// # Errors
    /// A sentence that names the variable.
    pub fn parse(variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Self, String> {
        let mut environment = Self::default();
        let mut proxies = BTreeMap::new();
        for (name, value) in variables.filter(|(_, value)| !value.is_empty()) {
            // None of ours has another name.
            let Some(name) = name.into_string().ok().filter(|name| reads(name)) else { continue };
            let value = value.into_string().map_err(|_| format!("{name}: its value is not UTF-8"))?;
            if ForwardProxies::reads(&name) {
                proxies.insert(name, value);
            } else {
                environment.set(&name, value)?;
            }
        }
        let proxies = ForwardProxies::from_variables(|name| proxies.get(name).cloned());
        environment.proxies = proxies.map_err(|error| error.to_string())?;
        environment.notices.extend_from_slice(environment.proxies.notices());
        environment.overrides.sort();
        Ok(environment)
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), String> {
        match name {
            "PROXY_READ_HEADER_TIMEOUT" => self.header_timeout = duration(name, &value)?,
            "PROXY_READ_TIMEOUT" => self.read_timeout = duration(name, &value)?,
            "PROXY_WRITE_TIMEOUT" => self.write_timeout = duration(name, &value)?,
            "PROXY_IDLE_TIMEOUT" => self.idle_timeout = duration(name, &value)?,
            "PROXY_DIAL_TIMEOUT" => self.dial_timeout = duration(name, &value)?,
            "PROXY_FOLLOW_REDIRECT" => {
                return Err(format!(
                    "{name}: redirects are passed to the client, never followed here; unset it"
                ));
            }
            HANDOVER => self.handover = boolean(name, &value)?,
            "ADVERTISE_NAME" => self.advertise_name = value,
            "ADVERTISE_ADDR" => self.advertise_address = value,
            "ADVERTISE_DEVICE" if self.advertise_address.is_empty() => {
                match crate::control::first_ipv4(&value) {
                    Ok(Some(address)) => self.advertise_address = address.to_string(),
                    Ok(None) => {
                        self.notices.push(format!("{name}={value}: no such interface has an IPv4 address"));
                    }
                    Err(error) => self.notices.push(format!("{name}={value}: {error}")),
                }
            }
            "ENABLE_STRICT_SLASH" => self.strict_slash = boolean(name, &value)?,
            "INITIAL_RESOLVE_TIMEOUT" => self.initial_resolve_timeout = duration(name, &value)?,
            _ if name.starts_with("CONSUL_") => {
                self.consul.insert(name.to_owned(), value);
            }
            _ => {
                if let Some(key) = name.strip_prefix(PREFIX).filter(|key| !key.is_empty()) {
                    let path = key.split("__").map(str::to_ascii_lowercase).collect();
                    self.overrides.push((path, value));
                }
            }
        }
        Ok(())
    }

    /// A variable that a discovery may ask for.
    pub fn discovery(&self, name: &str) -> Option<String> {
        self.consul.get(name).cloned()
    }

    /// Puts the original's timeouts in place of the configured ones.
    pub fn apply(&self, gateway: &mut v1::Gateway) {
        if gateway.listeners.is_empty() {
            gateway.listeners.push(v1::Listener::default().into());
        }
        for listener in &mut gateway.listeners {
            let limits = &mut listener.limits;
            for (limit, asked) in [
                (&mut limits.header_timeout, self.header_timeout),
                (&mut limits.read_timeout, self.read_timeout),
                (&mut limits.write_timeout, self.write_timeout),
                (&mut limits.idle_timeout, self.idle_timeout),
            ] {
                *limit = asked.unwrap_or(*limit);
            }
        }
        if self.dial_timeout.is_some() {
            gateway.client.connect_timeout = self.dial_timeout;
        }
    }
}

/// Whether a variable of this name means anything here.
fn reads(name: &str) -> bool {
    let beginnings = ["CONSUL_", PREFIX];
    NAMES.contains(&name)
        || ForwardProxies::reads(name)
        || beginnings.iter().any(|beginning| name.starts_with(beginning))
}

fn duration(name: &str, value: &str) -> Result<Option<Duration>, String> {
    let parsed = gw_value::duration::parse(value).map_err(|error| format!("{name}={value}: {error}"))?;
    if parsed.is_zero() {
        return Err(format!(
            "{name}={value}: there is no unlimited wait here; write a long one, such as 24h"
        ));
    }
    Ok(Some(parsed))
}

fn boolean(name: &str, value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "t" | "true" => Ok(true),
        "0" | "f" | "false" => Ok(false),
        _ => Err(format!("{name}={value}: write `true` or `false`")),
    }
}

#[cfg(test)]
mod tests;
