//! What the provider needs of an HTTP client: one question, as an object-safe trait.
//!
//! The question is complete when it gets here (address, path, query, token), and its answer is raw: all rules about
//! indexes, health and waiting are the provider's, so every client has them. A client is to follow no redirect.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gw_core::{BoxError, BoxFuture};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::secret::Secret;
use crate::Consistency;

/// All but the unreserved characters of RFC 3986 §2.3.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Carries one question to Consul. Implemented over reqwest, and over `consulrs` with the feature of that name.
pub trait ConsulApi: Send + Sync + 'static {
    /// `GET /v1/health/service/<service>` at one address. No time limit of its own is needed but for connecting:
    /// the caller drops the future when it has waited long enough.
    ///
    /// # Errors
    /// [`ConsulError::Connection`], [`ConsulError::Status`] for anything but 200, [`ConsulError::TooLarge`],
    /// [`ConsulError::Garbage`] for a field that cannot be understood.
    ///
    /// # Cancel safety
    /// Dropping the future abandons the question, and closes its connection.
    fn health(&self, query: HealthQuery) -> BoxFuture<'_, Result<HealthAnswer, ConsulError>>;
}

/// One question.
#[derive(Clone, Debug)]
pub struct HealthQuery {
    /// Whom to ask: `http://10.0.0.1:8500`, without path or final slash.
    pub base: Arc<str>,
    /// The service, as it was asked for.
    pub service: Arc<str>,
    /// The query, escaped, without `?`.
    pub query: String,
    /// Goes into `X-Consul-Token`.
    pub token: Option<Secret>,
}

impl HealthQuery {
    /// The service as the last segment of a path: escaped.
    pub fn segment(&self) -> String {
        utf8_percent_encode(&self.service, ESCAPED).to_string()
    }
}

/// What a question is asked with, besides its service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameters<'a> {
    pub(super) datacenter: Option<&'a str>,
    pub(super) namespace: Option<&'a str>,
    pub(super) partition: Option<&'a str>,
    pub(super) tags: &'a [String],
    pub(super) passing: bool,
    pub(super) how: Consistency,
    /// The answer may wait until the index is another than this. `None`: answer at once.
    pub(super) blocking: Option<(u64, Duration)>,
}

impl Parameters<'_> {
    /// The query, in an order that never changes.
    pub(super) fn query(&self) -> String {
        let mut query = String::new();
        let mut add = |name: &str, value: Option<&str>| {
            let separator = if query.is_empty() { "" } else { "&" };
            query.push_str(separator);
            query.push_str(name);
            if let Some(value) = value {
                let _ = write!(query, "={}", utf8_percent_encode(value, ESCAPED));
            }
        };
        for (name, value) in [("dc", self.datacenter), ("ns", self.namespace), ("partition", self.partition)]
        {
            if value.is_some() {
                add(name, value);
            }
        }
        for tag in self.tags {
            add("tag", Some(tag));
        }
        if self.passing {
            add("passing", Some("1"));
        }
        match self.how {
            Consistency::Default => {}
            Consistency::Stale => add("stale", None),
            Consistency::Consistent => add("consistent", None),
        }
        if let Some((index, wait)) = self.blocking {
            add("index", Some(&index.to_string()));
            add("wait", Some(&format!("{}ms", wait.as_millis())));
        }
        query
    }
}

/// A raw answer with status 200.
#[derive(Clone, Debug)]
pub struct HealthAnswer {
    /// `X-Consul-Index`, if there is one.
    pub index: Option<u64>,
    /// `X-Consul-Results-Filtered-By-ACLs`: the token may not see everything. Consul says it since 1.11.
    pub filtered_by_acls: bool,
    /// `X-Consul-KnownLeader`: false says that whoever answered has lost its leader. True if not said.
    pub known_leader: bool,
    /// JSON.
    pub body: Bytes,
}

impl HealthAnswer {
    /// Reads the header fields, which `field` looks up by lower-case name.
    ///
    /// # Errors
    /// [`ConsulError::Garbage`] if the index is no number.
    pub fn new<'a>(field: impl Fn(&str) -> Option<&'a str>, body: Bytes) -> Result<Self, ConsulError> {
        let index = match field("x-consul-index") {
            None => None,
            Some(text) => Some(
                text.trim()
                    .parse()
                    .map_err(|_| ConsulError::Garbage { what: "X-Consul-Index is no number" })?,
            ),
        };
        let says = |name, what| field(name).is_some_and(|text| text.trim().eq_ignore_ascii_case(what));
        Ok(Self {
            index,
            filtered_by_acls: says("x-consul-results-filtered-by-acls", "true"),
            known_leader: !says("x-consul-knownleader", "false"),
            body,
        })
    }
}

/// Why Consul did not tell. Never holds a token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConsulError {
    /// No connection, or one that broke before the answer was complete.
    #[error("no answer from {base}")]
    Connection {
        /// Who was asked.
        base: Arc<str>,
        /// What went wrong.
        #[source]
        source: BoxError,
    },
    /// Nothing came within the time that a blocking query may take.
    #[error("no answer from {base} within {after:?}")]
    TimedOut {
        /// Who was asked.
        base: Arc<str>,
        /// How long was waited.
        after: Duration,
    },
    /// An answer that is no success.
    #[error("{base} answered {status}: {text}")]
    Status {
        /// Who was asked.
        base: Arc<str>,
        /// The status code.
        status: u16,
        /// The beginning of the answer.
        text: String,
    },
    /// The answer is larger than what is read.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The most that is read.
        limit: usize,
    },
    /// The answer cannot be understood.
    #[error("the answer is not understood: {what}")]
    Garbage {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The answer is no list of instances.
    #[error("the answer is no list of instances")]
    Json {
        /// Where it ceases to be one.
        #[source]
        source: serde_json::Error,
    },
    /// An empty list, and the token may not see everything: that says nothing.
    #[error("the list is empty because the token may not read the service")]
    FilteredByAcls,
    /// An empty list from a server that has lost its leader: that says nothing.
    #[error("the list is empty and the server that answered has no leader")]
    NoLeader,
    /// A file of the configuration cannot be used.
    #[error("cannot read {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: std::io::Error,
    },
    /// The client cannot be made.
    #[error("cannot set up the client of Consul")]
    Client {
        /// What went wrong.
        #[source]
        source: BoxError,
    },
}

impl ConsulError {
    /// Whether nobody was there to be asked. To try again soon costs such a server nothing.
    pub(super) const fn is_absence(&self) -> bool {
        matches!(self, Self::Connection { .. })
    }

    /// It and its causes in one line.
    pub(super) fn line(&self) -> String {
        let mut line = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            let cause = error.to_string();
            // Some errors say their cause themselves.
            if !line.ends_with(&cause) {
                let _ = write!(line, ": {cause}");
            }
            source = error.source();
        }
        line
    }

    /// An answer without success, with the first 200 characters of what it says.
    pub(super) fn status(base: &Arc<str>, status: u16, body: &[u8], token: Option<&Secret>) -> Self {
        let text = String::from_utf8_lossy(body);
        let text = token.map_or_else(|| text.to_string(), |token| token.blot(&text));
        let text = text.trim().chars().take(200).collect();
        Self::Status { base: Arc::clone(base), status, text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters() -> Parameters<'static> {
        Parameters {
            datacenter: None,
            namespace: None,
            partition: None,
            tags: &[],
            passing: false,
            how: Consistency::Default,
            blocking: None,
        }
    }

    #[test]
    fn a_query_says_what_it_must_and_no_more() {
        assert_eq!(parameters().query(), "");
        let tags = ["a b".to_owned(), "version=1&x".to_owned()];
        let all = Parameters {
            datacenter: Some("dc1"),
            namespace: Some("team"),
            partition: Some("p"),
            tags: &tags,
            passing: true,
            how: Consistency::Stale,
            blocking: Some((17, Duration::from_secs(55))),
        };
        let expect =
            "dc=dc1&ns=team&partition=p&tag=a%20b&tag=version%3D1%26x&passing=1&stale&index=17&wait=55000ms";
        assert_eq!(all.query(), expect);
        assert_eq!(Parameters { how: Consistency::Consistent, ..parameters() }.query(), "consistent");
    }

    #[test]
    fn a_name_stays_one_segment() {
        let query = HealthQuery {
            base: "http://a:1".into(),
            service: "pay ments/../ü?#%".into(),
            query: String::new(),
            token: None,
        };
        assert_eq!(query.segment(), "pay%20ments%2F..%2F%C3%BC%3F%23%25");
    }

    #[test]
    fn header_fields_are_read_as_consul_writes_them() {
        let answer = |fields: &'static [(&str, &str)]| {
            let field = |name: &str| fields.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
            HealthAnswer::new(field, Bytes::new())
        };
        let plain = answer(&[]).unwrap();
        assert_eq!((plain.index, plain.filtered_by_acls, plain.known_leader), (None, false, true));
        let full = answer(&[
            ("x-consul-index", "18446744073709551615"),
            ("x-consul-results-filtered-by-acls", "true"),
            ("x-consul-knownleader", "false"),
        ]);
        let full = full.unwrap();
        assert_eq!((full.index, full.filtered_by_acls, full.known_leader), (Some(u64::MAX), true, false));
        assert!(answer(&[("x-consul-index", "-1")]).is_err());
        assert!(answer(&[("x-consul-index", "")]).is_err());
    }
}
