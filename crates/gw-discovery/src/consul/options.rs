//! Where Consul is and how to ask it, out of a DSN; what that leaves open, out of Consul's own variables.
//!
//! Nothing is ignored: an unknown parameter, and a variable that asks for what is not offered, are errors.

use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::api::{ConsulApi, ConsulError};
use super::http::{BODY_LIMIT, HttpApi};
use super::secret::{Secret, TokenSource};
use crate::dsn::{Dsn, DsnError, Env, with_port};

/// What may stand in a DSN.
const PARAMETERS: [&str; 14] = [
    "ca_file",
    "cert_file",
    "client",
    "datacenter",
    "key_file",
    "namespace",
    "partition",
    "stale",
    "tag",
    "tls",
    "token",
    "token_file",
    "wait",
    "warning",
];

/// Variables of Consul's own tools whose meaning is not offered: to go on without it could be unsafe.
const NOT_OFFERED: [(&str, &str); 3] = [
    ("CONSUL_HTTP_AUTH", "basic authentication is not offered"),
    ("CONSUL_CAPATH", "give one file with all authorities: CONSUL_CACERT, or `ca_file` in the DSN"),
    ("CONSUL_TLS_SERVER_NAME", "use the name of the certificate as address"),
];

/// How to ask Consul.
#[derive(Clone, Debug)]
pub struct ConsulOptions {
    /// `host:port` of servers or agents of one cluster; the first that answers is asked. Default: `127.0.0.1:8500`.
    pub addresses: Vec<String>,
    /// HTTPS; `None`: plaintext, which is the default, as the agent on this machine speaks it.
    pub tls: Option<ConsulTls>,
    /// The ACL token. Default: none.
    pub token: TokenSource,
    /// Default: that of the agent.
    pub datacenter: Option<String>,
    /// Consul Enterprise. Default: that of the token.
    pub namespace: Option<String>,
    /// Consul Enterprise. Default: that of the agent.
    pub partition: Option<String>,
    /// Only instances that have all of these tags. Default: none, so all instances.
    pub tags: Vec<String>,
    /// Watches and reads by default let any server answer, not only the leader. Default: no.
    pub stale: bool,
    /// Instances in warning state get requests too, see docs/consul.md. Default: no.
    pub warning: bool,
    /// For how long Consul may hold a question, 1 s to 10 min. Default: 55 s, as kratos does.
    pub wait: Duration,
    /// What carries the questions.
    pub client: ConsulClient,
    /// A random number: gateways must not retry in step.
    pub seed: u64,
}

/// How to be sure of Consul over TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsulTls {
    /// PEM of the authorities to trust. Default: the system's.
    pub ca_file: Option<PathBuf>,
    /// PEM of our certificate chain, and of its key. Default: none.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// What carries the questions, see docs/decisions/0006-consul-transport.md.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConsulClient {
    /// Our own, over reqwest.
    #[default]
    Http,
    /// The crate of that name.
    #[cfg(feature = "consulrs")]
    Consulrs,
}

impl Default for ConsulOptions {
    fn default() -> Self {
        Self {
            addresses: vec!["127.0.0.1:8500".to_owned()],
            tls: None,
            token: TokenSource::None,
            datacenter: None,
            namespace: None,
            partition: None,
            tags: Vec::new(),
            stale: false,
            warning: false,
            wait: Duration::from_secs(55),
            client: ConsulClient::default(),
            seed: RandomState::new().hash_one(0),
        }
    }
}

impl ConsulOptions {
    /// Options out of `consul://host:port,host:port?name=value`, completed by Consul's own variables, for which
    /// `env` is asked. docs/consul.md lists both. What the DSN says goes before any variable.
    ///
    /// # Errors
    /// If the DSN or a variable is wrong, names something unknown, or asks for what is not offered.
    pub fn from_dsn(dsn: &str, env: Env<'_>) -> Result<Self, DsnError> {
        let dsn = Dsn::parse(dsn, "consul", &PARAMETERS, &["tag"])?;
        let env = |name: &str| env(name).filter(|value| !value.is_empty());
        refuse(&env)?;
        let of_dsn = |name: &str| dsn.get(name).map(str::to_owned);
        let defaults = Self::default();
        let (addresses, tls) = addresses(&dsn, &env)?;
        Ok(Self {
            addresses,
            tls: if tls { Some(identity(&dsn, &env)?) } else { no_tls(&dsn)? },
            token: token(&dsn, &env)?,
            datacenter: of_dsn("datacenter"),
            namespace: of_dsn("namespace").or_else(|| env("CONSUL_NAMESPACE")),
            partition: of_dsn("partition").or_else(|| env("CONSUL_PARTITION")),
            tags: dsn.all("tag").map(str::to_owned).collect(),
            stale: flag("stale", dsn.get("stale"))?.unwrap_or(defaults.stale),
            warning: flag("warning", dsn.get("warning"))?.unwrap_or(defaults.warning),
            wait: dsn.get("wait").map(wait).transpose()?.unwrap_or(defaults.wait),
            client: dsn.get("client").map(client).transpose()?.unwrap_or_default(),
            seed: defaults.seed,
        })
    }

    /// The base URLs of the addresses.
    pub(super) fn bases(&self) -> Vec<Arc<str>> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        self.addresses.iter().map(|address| format!("{scheme}://{address}").into()).collect()
    }

    /// Makes the client.
    pub(super) fn api(&self) -> Result<Arc<dyn ConsulApi>, ConsulError> {
        match self.client {
            ConsulClient::Http => Ok(Arc::new(HttpApi::new(self.tls.as_ref(), self.seed, BODY_LIMIT)?)),
            #[cfg(feature = "consulrs")]
            ConsulClient::Consulrs => Ok(Arc::new(super::consulrs::ConsulrsApi::new(self.tls.as_ref())?)),
        }
    }
}

/// Whom to ask, and whether by TLS.
fn addresses(dsn: &Dsn, env: Env<'_>) -> Result<(Vec<String>, bool), DsnError> {
    let variable = env("CONSUL_HTTP_ADDR").filter(|_| dsn.addresses.is_empty());
    let (scheme, found) = match &variable {
        Some(text) => match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme), vec![rest.trim_end_matches('/').to_owned()]),
            None => (None, vec![text.clone()]),
        },
        None => (None, dsn.addresses.clone()),
    };
    let name = if variable.is_some() { "CONSUL_HTTP_ADDR" } else { "address" };
    let by_scheme = match scheme {
        None => None,
        Some("http") => Some(false),
        Some("https") => Some(true),
        Some(_) => return Err(DsnError::Value { name, reason: "neither http:// nor https://" }),
    };
    let by_variable = flag("CONSUL_HTTP_SSL", env("CONSUL_HTTP_SSL").as_deref())?;
    let tls = flag("tls", dsn.get("tls"))?.or(by_scheme).or(by_variable).unwrap_or(false);
    let port = if tls { 8501 } else { 8500 };
    let found = if found.is_empty() { vec!["127.0.0.1".to_owned()] } else { found };
    let reason = "not `host:port`, an IPv6 address in brackets";
    let complete = |address: &String| with_port(address, port).ok_or(DsnError::Value { name, reason });
    Ok((found.iter().map(complete).collect::<Result<_, _>>()?, tls))
}

fn identity(dsn: &Dsn, env: Env<'_>) -> Result<ConsulTls, DsnError> {
    let path = |name: &str, variable: &str| dsn.get(name).map(str::to_owned).or_else(|| env(variable));
    let identity = match (path("cert_file", "CONSUL_CLIENT_CERT"), path("key_file", "CONSUL_CLIENT_KEY")) {
        (Some(chain), Some(key)) => Some((chain.into(), key.into())),
        (None, None) => None,
        (Some(_), None) => return Err(DsnError::Value { name: "cert_file", reason: "needs `key_file` too" }),
        (None, Some(_)) => return Err(DsnError::Value { name: "key_file", reason: "needs `cert_file` too" }),
    };
    Ok(ConsulTls { ca_file: path("ca_file", "CONSUL_CACERT").map(Into::into), identity })
}

/// Files for TLS in the DSN mean that TLS was meant. The variables may stand there for other tools.
fn no_tls(dsn: &Dsn) -> Result<Option<ConsulTls>, DsnError> {
    match ["ca_file", "cert_file", "key_file"].into_iter().find(|name| dsn.get(name).is_some()) {
        Some(name) => Err(DsnError::Value { name, reason: "needs `tls=true`" }),
        None => Ok(None),
    }
}

fn token(dsn: &Dsn, env: Env<'_>) -> Result<TokenSource, DsnError> {
    let fixed = |name, token: &str| {
        let reason = "not a token: visible ASCII characters only";
        Secret::new(token).map(TokenSource::Fixed).ok_or(DsnError::Value { name, reason })
    };
    match (dsn.get("token"), dsn.get("token_file")) {
        (Some(_), Some(_)) => {
            Err(DsnError::Value { name: "token_file", reason: "not together with `token`" })
        }
        (Some(token), None) => fixed("token", token),
        (None, Some(path)) => Ok(TokenSource::File(path.into())),
        // The file first, as Consul's own tools have it.
        (None, None) => match (env("CONSUL_HTTP_TOKEN_FILE"), env("CONSUL_HTTP_TOKEN")) {
            (Some(path), _) => Ok(TokenSource::File(path.into())),
            (None, Some(token)) => fixed("CONSUL_HTTP_TOKEN", &token),
            (None, None) => Ok(TokenSource::None),
        },
    }
}

fn refuse(env: Env<'_>) -> Result<(), DsnError> {
    for (name, reason) in NOT_OFFERED {
        if env(name).is_some() {
            return Err(DsnError::Value { name, reason });
        }
    }
    let name = "CONSUL_HTTP_SSL_VERIFY";
    match flag(name, env(name).as_deref())? {
        Some(false) => Err(DsnError::Value { name, reason: "Consul's certificate is always verified" }),
        _ => Ok(()),
    }
}

fn flag(name: &'static str, value: Option<&str>) -> Result<Option<bool>, DsnError> {
    match value {
        None => Ok(None),
        Some("true" | "1") => Ok(Some(true)),
        Some("false" | "0") => Ok(Some(false)),
        Some(_) => Err(DsnError::Value { name, reason: "neither `true` nor `false`" }),
    }
}

fn wait(text: &str) -> Result<Duration, DsnError> {
    let error = DsnError::Value { name: "wait", reason: "not a duration of 1s to 10m, such as `55s`" };
    let number = |unit| text.strip_suffix(unit).and_then(|number| number.parse::<u64>().ok());
    let Some(seconds) = number('s').or_else(|| Some(number('m')?.saturating_mul(60))) else {
        return Err(error);
    };
    if (1..=600).contains(&seconds) { Ok(Duration::from_secs(seconds)) } else { Err(error) }
}

fn client(text: &str) -> Result<ConsulClient, DsnError> {
    match text {
        "http" => Ok(ConsulClient::Http),
        #[cfg(feature = "consulrs")]
        "consulrs" => Ok(ConsulClient::Consulrs),
        #[cfg(not(feature = "consulrs"))]
        "consulrs" => {
            let reason = "this gateway was built without the feature `consulrs`";
            Err(DsnError::Value { name: "client", reason })
        }
        _ => Err(DsnError::Value { name: "client", reason: "neither `http` nor `consulrs`" }),
    }
}

#[cfg(test)]
mod tests;
