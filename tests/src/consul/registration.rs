//! What an instance says of itself to Consul, in the form in which kratos' services do.

use std::net::SocketAddr;

use serde_json::{Map, Value, json};

/// An instance to be registered.
#[derive(Clone, Debug)]
pub struct Registration {
    service: String,
    id: String,
    address: SocketAddr,
    scheme: &'static str,
    check: Check,
    meta: Map<String, Value>,
}

/// How Consul knows whether an instance is healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// By what [`ConsulAgent::report`](super::ConsulAgent::report) said last. Healthy at first.
    Reported,
    /// By connecting every 200 ms: the instance must listen where the container reaches it. Healthy at first.
    Connects,
}

impl Registration {
    /// An HTTP instance whose id is the service's name and its port.
    pub fn http(service: &str, address: SocketAddr) -> Self {
        let id = format!("{service}-{}", address.port());
        let (service, meta) = (service.to_owned(), Map::new());
        Self { service, id, address, scheme: "http", check: Check::Reported, meta }
    }

    /// A gRPC instance.
    pub fn grpc(service: &str, address: SocketAddr) -> Self {
        Self { scheme: "grpc", ..Self::http(service, address) }
    }

    /// With another check than [`Check::Reported`].
    #[must_use]
    pub fn check(mut self, check: Check) -> Self {
        self.check = check;
        self
    }

    /// With an entry of metadata.
    #[must_use]
    pub fn meta(mut self, key: &str, value: &str) -> Self {
        self.meta.insert(key.to_owned(), value.into());
        self
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The body of `PUT /v1/agent/service/register`. The port of the plain address is a wrong one, so that only who
    /// reads the tagged addresses finds the instance.
    pub(super) fn json(&self) -> Value {
        let url = format!("{}://{}", self.scheme, self.address);
        let check = match self.check {
            // Long enough to be set by reports alone.
            Check::Reported => json!({ "TTL": "1h", "Status": "passing" }),
            Check::Connects => {
                // Who is dead refuses at once; who is slow is not.
                json!({ "TCP": self.address.to_string(), "Interval": "200ms", "Timeout": "30s", "Status": "passing" })
            }
        };
        json!({
            "ID": self.id,
            "Name": self.service,
            "Tags": ["version=v1"],
            "Meta": self.meta,
            "Address": self.address.ip().to_string(),
            "Port": 9,
            "TaggedAddresses": { self.scheme: { "Address": url, "Port": self.address.port() } },
            "Check": check,
        })
    }
}
