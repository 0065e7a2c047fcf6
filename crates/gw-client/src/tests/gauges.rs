//! What the metrics say of the watches.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use gw_core::{BoxFuture, Clock};
use gw_discovery::{
    BoxStream, Consistency, Discovery, DiscoveryError, Guard, GuardOptions, Snapshot, Static,
};
use gw_telemetry::{BuildInfo, Metrics};
use tokio::runtime::Handle;

use super::harness::{instances, until};
use crate::{BackendSpec, ClientFactory, ClientOptions, ClusterSpec, Protocol, Target};

/// A source that cannot be asked.
struct Down;

impl Discovery for Down {
    fn watch(&self, service: &str) -> BoxStream<'static, Result<Snapshot, DiscoveryError>> {
        let down = DiscoveryError::Unavailable { service: service.to_owned(), source: "down".into() };
        Box::pin(stream::iter([Err(down)]).chain(stream::pending()))
    }

    fn read<'a>(&'a self, _: &'a str, _: Consistency) -> BoxFuture<'a, Result<Snapshot, DiscoveryError>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn services_are_fresh_held_or_failing() {
    let clock = Clock::movable();
    let source = Arc::new(Static::new());
    let addresses = [1, 2, 3].map(|port| ([127, 0, 0, 1], port).into());
    source.set("users", instances(&addresses));
    let guard = Guard::new(Arc::clone(&source) as _, GuardOptions::default(), clock.clone());
    let mut options = ClientOptions::new(Handle::current(), Arc::new(Down));
    options.discovery = Some(Arc::new(guard));
    options.clock = clock.clone();
    let factory = ClientFactory::new(options);
    let metrics = Metrics::new(1, BuildInfo::default());
    factory.watch_discovery(&metrics);
    let targets = [Target::Service("users".into()), Target::Name { host: "svc.test".into(), port: 80 }];
    let backends = targets.map(BackendSpec::new).into();
    let cluster = factory.cluster(ClusterSpec::new("x", Protocol::Http, backends)).unwrap();
    let shows = |line: &str| metrics.encode().lines().any(|shown| shown == line);

    until(|| shows(r#"gateway_discovery_failing{service="svc.test:80"} 1"#)).await;
    until(|| shows(r#"gateway_discovery_instances{service="users",state="present"} 3"#)).await;
    assert!(shows(r#"gateway_discovery_instances{service="users",state="held"} 0"#));
    assert!(shows(r#"gateway_discovery_failing{service="users"} 0"#));
    clock.advance(Duration::from_secs(7));
    let age = metrics.encode().lines().find_map(|line| {
        let age = line.strip_prefix(r#"gateway_discovery_last_success_age_seconds{service="users"} "#)?;
        age.parse::<f64>().ok()
    });
    assert!(age >= Some(7.0), "{age:?}");
    for family in ["last_success_age_seconds", "instances"] {
        let unknown = format!("gateway_discovery_{family}{{service=\"svc");
        assert!(!metrics.encode().contains(&unknown), "nothing is known of it: {unknown}");
    }

    source.set("users", Vec::new());
    until(|| shows(r#"gateway_discovery_instances{service="users",state="held"} 3"#)).await;
    assert!(shows(r#"gateway_discovery_instances{service="users",state="present"} 0"#));

    drop((cluster, factory));
    assert!(!metrics.encode().contains("gateway_discovery"), "metrics keep no watch");
}
