//! What a source says about a service: plain data.

use std::collections::BTreeMap;
use std::sync::Arc;

/// One running copy of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instance {
    /// Names it among the instances of its service.
    pub id: String,
    /// The service, as it was asked for.
    pub name: String,
    /// Its version, empty if unknown.
    pub version: String,
    /// What the source says of it besides, e.g. `weight`.
    pub metadata: BTreeMap<String, String>,
    /// Where it listens, as URLs: `http://10.0.0.1:80`, `grpc://10.0.0.1:90?isSecure=true`.
    pub endpoints: Vec<String>,
    /// Whether the source no longer lists it, and a [`Guard`](crate::Guard) keeps it for a bounded time. A source
    /// leaves this `false`.
    pub held: bool,
}

impl Instance {
    /// The instance at one address (`ip:port`) of which no protocol is known: it has an `http` and a `grpc`
    /// endpoint, both plaintext.
    pub fn at(service: &str, address: impl std::fmt::Display) -> Self {
        Self {
            id: address.to_string(),
            name: service.to_owned(),
            endpoints: vec![format!("http://{address}"), format!("grpc://{address}")],
            ..Self::default()
        }
    }

    /// The `host:port` of the first plaintext endpoint for `scheme`, in lower case.
    ///
    /// Endpoints that say `isSecure=true` are passed over. Source: kratos client/node.go.
    pub fn authority(&self, scheme: &str) -> Option<&str> {
        self.endpoints.iter().find_map(|endpoint| {
            let (found, rest) = endpoint.split_once("://")?;
            let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
            let query = tail.split_once('?').map_or("", |(_, query)| query);
            let query = query.split_once('#').map_or(query, |(query, _)| query);
            let secure = query.split('&').any(|pair| pair.eq_ignore_ascii_case("isSecure=true"));
            (found.eq_ignore_ascii_case(scheme) && !secure).then_some(authority)
        })
    }
}

/// The instances of a service at one moment. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Those that may be used, in an order that only changes with them.
    pub instances: Arc<[Instance]>,
    /// The ids of those that the source lists and says not to use, such as those with a critical check. Empty if the
    /// source knows no such thing. What is in neither list has vanished.
    pub unhealthy: Arc<[String]>,
}

impl From<Vec<Instance>> for Snapshot {
    fn from(instances: Vec<Instance>) -> Self {
        Self { instances: instances.into(), unhealthy: Arc::default() }
    }
}

/// How fresh the answer to a read must be. A source that knows no difference ignores it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consistency {
    /// What the source does by default.
    #[default]
    Default,
    /// Any replica may answer, however old its knowledge: the cheapest.
    Stale,
    /// Confirmed by a quorum: to be asked before an emptied service is believed.
    Consistent,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(endpoints: &[&str], scheme: &str, expect: Option<&str>) {
        let endpoints = endpoints.iter().map(|endpoint| (*endpoint).to_owned()).collect();
        let instance = Instance { endpoints, ..Instance::default() };
        assert_eq!(instance.authority(scheme), expect);
    }

    #[test]
    fn authority_is_that_of_the_plaintext_endpoint() {
        check(&["http://10.0.0.1:80"], "http", Some("10.0.0.1:80"));
        check(&["http://10.0.0.1:80/"], "http", Some("10.0.0.1:80"));
        check(&["HTTP://10.0.0.1:80"], "http", Some("10.0.0.1:80"));
        check(&["grpc://[::1]:90?isSecure=false"], "grpc", Some("[::1]:90"));
        check(&["grpc://[::1]:90"], "http", None);
        check(&["10.0.0.1:80"], "http", None);
        check(&[], "http", None);
    }

    #[test]
    fn secure_endpoints_are_passed_over() {
        check(&["http://a:1?isSecure=true", "http://b:2"], "http", Some("b:2"));
        check(&["http://a:1/?x=1&isSecure=true#top"], "http", None);
        check(&["http://a:1?isSecure=1"], "http", Some("a:1"));
    }

    #[test]
    fn an_instance_of_unknown_protocol_serves_both() {
        let instance = Instance::at("users:80", "10.0.0.1:80");
        assert_eq!((instance.id.as_str(), instance.name.as_str()), ("10.0.0.1:80", "users:80"));
        assert_eq!(instance.authority("http"), Some("10.0.0.1:80"));
        assert_eq!(instance.authority("grpc"), Some("10.0.0.1:80"));
    }
}
