//! Types like those of the configuration, with one field for each way to be wrong.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::Deserialize;

use crate::{Spanned, Value};

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Gateway {
    pub(super) name: String,
    pub(super) strict: bool,
    pub(super) limits: Limits,
    pub(super) endpoints: Vec<Spanned<Endpoint>>,
    pub(super) tls_store: BTreeMap<String, Spanned<Tls>>,
    pub(super) statuses: BTreeMap<u16, Spanned<String>>,
    pub(super) pair: Option<(u8, String)>,
    pub(super) rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Limits {
    pub(super) connections: usize,
    pub(super) small: i8,
    pub(super) share: f64,
    pub(super) at_least_one: Option<NonZeroU32>,
    #[serde(with = "crate::duration")]
    pub(super) header_timeout: Duration,
    #[serde(with = "crate::duration::option")]
    pub(super) idle_timeout: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 50_000,
            small: 1,
            share: 0.5,
            at_least_one: None,
            header_timeout: Duration::from_secs(10),
            idle_timeout: None,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Endpoint {
    #[serde(alias = "name")]
    pub(super) id: Option<String>,
    pub(super) path: Spanned<String>,
    pub(super) protocol: Protocol,
    pub(super) methods: Vec<Spanned<String>>,
    pub(super) retry: Option<Spanned<Retry>>,
    pub(super) options: Option<Value>,
    pub(super) metadata: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Retry {
    pub(super) attempts: Option<Spanned<u32>>,
    #[serde(with = "crate::duration::option")]
    pub(super) per_try_timeout: Option<Duration>,
}

/// Has keys without a default.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    pub(super) cert: String,
    pub(super) key: String,
    #[serde(default)]
    pub(super) insecure: bool,
}

/// As in gw-config: the alias comes second among the names, and the original's numbers are 0 unspecified, 1 HTTP,
/// 2 gRPC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Protocol {
    #[default]
    #[serde(alias = "unspecified")]
    Http,
    Grpc,
    LongPoll,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Rule {
    Any,
    Prefix(Spanned<String>),
    Between(u8, u8),
    Header { name: String, value: Option<String> },
}
