//! Targets that are names and services: waiting for the first answer, following the next ones, adding up.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::poll;
use gw_core::{Body, Outcome, Progress};
use gw_discovery::Instance;
use http::Method;
use tokio::net::TcpListener;

use super::harness::{Caller, OK, Origin, context, instances, request, text, until};
use crate::{BackendSpec, ClientFactory, ClientOptions, ClusterError, ClusterSpec, Protocol, Target};

fn named(port: u16) -> BackendSpec {
    BackendSpec::new(Target::Name { host: "svc.test".into(), port })
}

fn weights(caller: &Caller) -> Vec<u32> {
    caller.cluster.inspect().nodes.iter().map(|node| node.weight).collect()
}

#[tokio::test]
async fn the_first_request_waits_for_the_first_answer_and_later_answers_are_followed() {
    let (old, new) = (Origin::answering(OK).await, Origin::answering("HTTP/1.1 204 New\r\n\r\n").await);
    let caller = Caller::of(vec![named(80)], |_| ());
    let mut first = Box::pin(caller.get());
    assert!(poll!(&mut first).is_pending());
    caller.dns.set("svc.test:80", instances(&[old.address]));
    // Static knows the name only now, so the first item of the watch may have been a failure: then there is an error.
    match first.await {
        Ok(answer) => assert_eq!(text(answer).await, "0!"),
        Err(error) => assert_eq!(error.outcome(), Outcome::DnsError),
    }
    until(|| caller.cluster.inspect().nodes.len() == 1).await;
    assert_eq!(caller.text().await.chars().last(), Some('!'));
    caller.dns.set("svc.test:80", instances(&[new.address]));
    until(|| caller.cluster.inspect().nodes[0].address == new.address.to_string()).await;
    assert_eq!(caller.get().await.unwrap().status(), 204);
    let target = &caller.cluster.inspect().targets[0];
    assert_eq!((target.target.as_str(), target.addresses), ("svc.test:80", 1));
    assert!(target.resolved_seconds_ago.is_some());
    // The old address is no upstream any more.
    until(|| caller.factory.upstreams() == 1).await;
}

#[tokio::test]
async fn what_is_known_of_a_node_outlives_the_next_answer() {
    let failing = Origin::answering("HTTP/1.1 503 Sorry\r\ncontent-length: 2\r\n\r\n{n}!").await;
    let caller = Caller::of(vec![named(80)], |_| ());
    caller.dns.set("svc.test:80", instances(&[failing.address]));
    until(|| caller.cluster.inspect().nodes.len() == 1).await;
    caller.text().await;
    let before = caller.cluster.inspect().nodes[0].success;
    assert!(before < 1.0);
    caller.dns.set("svc.test:80", instances(&[failing.address, deaf().await]));
    until(|| caller.cluster.inspect().nodes.len() == 2).await;
    let nodes = caller.cluster.inspect().nodes;
    let same = nodes.iter().find(|node| node.address == failing.address.to_string()).unwrap();
    assert_eq!(same.success, before);
}

#[tokio::test]
async fn a_name_without_an_answer_is_a_dns_error() {
    let caller = Caller::of(vec![named(80)], |_| ());
    let error = caller.get().await.unwrap_err();
    assert_eq!((error.outcome(), error.progress()), (Outcome::DnsError, Progress::Unsent));
    assert!(caller.cluster.inspect().targets[0].error.is_some());
}

/// A source that never answers.
struct Silent;

impl gw_discovery::Discovery for Silent {
    fn watch(
        &self,
        _: &str,
    ) -> gw_discovery::BoxStream<'static, Result<gw_discovery::Snapshot, gw_discovery::DiscoveryError>> {
        Box::pin(futures_util::stream::pending())
    }

    fn read<'a>(
        &'a self,
        _: &'a str,
        _: gw_discovery::Consistency,
    ) -> gw_core::BoxFuture<'a, Result<gw_discovery::Snapshot, gw_discovery::DiscoveryError>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_request_waits_for_a_first_answer_no_longer_than_for_a_connection() {
    let mut options = ClientOptions::new(tokio::runtime::Handle::current(), std::sync::Arc::new(Silent));
    options.discovery = Some(std::sync::Arc::new(Silent));
    let factory = ClientFactory::new(options);
    let service = BackendSpec::new(Target::Service("users".into()));
    for (backend, expect) in [(named(80), Outcome::DnsError), (service, Outcome::NoHealthyUpstream)] {
        let mut spec = ClusterSpec::new("silent", Protocol::Http, vec![backend]);
        spec.connect_timeout = Duration::from_millis(10);
        let cluster = factory.cluster(spec).unwrap();
        let mut request = request(Method::GET, Body::empty());
        request.extensions_mut().insert(context());
        let error = gw_core::Client::call(&*cluster, request).await.unwrap_err();
        assert_eq!((error.outcome(), error.progress()), (expect, Progress::Unsent));
    }
    until(|| factory.tasks() == 0).await;
}

/// An address where nothing listens.
async fn deaf() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn an_address_that_refuses_gives_way_to_the_names_next_one_within_the_attempt() {
    let origin = Origin::answering(OK).await;
    let caller = Caller::of(vec![named(80)], |_| ());
    let deaf = [deaf().await, deaf().await];
    caller.dns.set("svc.test:80", instances(&[deaf[0], origin.address, deaf[1]]));
    until(|| caller.cluster.inspect().nodes.len() == 3).await;
    for _ in 0..20 {
        let context = context();
        let answer = caller.send_in(&context, request(Method::POST, Body::empty())).await.unwrap();
        assert!(text(answer).await.ends_with('!'));
        let attempts = context.attempts();
        assert_eq!(attempts.len(), 1);
        assert_eq!(*attempts[0].node, *origin.address.to_string());
        assert_eq!(caller.in_flight(), 0);
    }
    // Without the one that listens, all of them are tried, once.
    caller.dns.set("svc.test:80", instances(&deaf));
    until(|| caller.cluster.inspect().nodes.len() == 2).await;
    let context = context();
    let error = caller.send_in(&context, request(Method::POST, Body::empty())).await.unwrap_err();
    assert_eq!((error.outcome(), error.progress()), (Outcome::ConnectRefused, Progress::Unsent));
    assert_eq!((context.tried().len(), context.attempts().len()), (2, 1));
}

#[tokio::test]
async fn localhost_works_though_only_one_family_listens() {
    let origin = Origin::answering(OK).await;
    let dns = std::sync::Arc::new(gw_discovery::Dns::with_servers(&[], 1));
    let factory = ClientFactory::new(ClientOptions::new(tokio::runtime::Handle::current(), dns));
    let port = origin.address.port();
    let backend = BackendSpec::new(Target::Name { host: "localhost".into(), port });
    let cluster = factory.cluster(ClusterSpec::new("x", Protocol::Http, vec![backend])).unwrap();
    for _ in 0..10 {
        let mut request = request(Method::POST, Body::empty());
        request.extensions_mut().insert(context());
        let answer = gw_core::Client::call(&*cluster, request).await.unwrap();
        assert!(text(answer).await.ends_with('!'));
    }
}

#[tokio::test]
async fn another_backend_is_another_attempt() {
    let origin = Origin::answering(OK).await;
    let other = BackendSpec::new(Target::Address(origin.address));
    let caller = Caller::of(vec![named(80), other], |spec| spec.policy = gw_selector::Policy::Random);
    let deaf = [deaf().await, deaf().await];
    caller.dns.set("svc.test:80", instances(&deaf));
    until(|| caller.cluster.inspect().nodes.len() == 3).await;
    for _ in 0..40 {
        let context = context();
        let answer = caller.send_in(&context, request(Method::POST, Body::empty())).await;
        let first = context.tried()[0].clone();
        assert_eq!(answer.is_ok(), *first == *origin.address.to_string(), "{:?}", context.tried());
    }
}

#[tokio::test]
async fn backends_add_up_and_a_name_splits_its_weight() {
    let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let mut heavy = BackendSpec::new(Target::Address(address(1)));
    heavy.weight = 300;
    let service = BackendSpec::new(Target::Service("users".into()));
    let caller = Caller::of(vec![heavy, named(80), service], |_| ());
    assert_eq!(weights(&caller), [300]);
    caller.dns.set("svc.test:80", instances(&[address(2), address(3)]));
    until(|| weights(&caller).len() == 3).await;
    assert_eq!(weights(&caller), [600, 100, 100]);
    let mut found = instances(&[address(4), address(5)]);
    found[0].metadata.insert("weight".to_owned(), "25".to_owned());
    // Another protocol, and a name, which would have to be resolved.
    for endpoint in ["grpc://127.0.0.1:6", "http://svc.test:6"] {
        found.push(Instance { endpoints: vec![endpoint.to_owned()], ..Instance::default() });
    }
    caller.dns.set("users", found);
    until(|| weights(&caller).len() == 5).await;
    assert_eq!(weights(&caller), [600, 100, 100, 50, 20]);
    caller.dns.set("users", Vec::new());
    until(|| weights(&caller).len() == 3).await;
}

#[tokio::test]
async fn a_cluster_made_later_knows_the_answers_of_an_earlier_one() {
    let origin = Origin::answering(OK).await;
    let caller = Caller::of(vec![named(80)], |_| ());
    caller.dns.set("svc.test:80", instances(&[origin.address]));
    until(|| caller.cluster.inspect().nodes.len() == 1).await;
    let other = caller.cluster(vec![named(80)]);
    assert_eq!(other.inspect().nodes.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_a_cluster_says_why() {
    let options = ClientOptions::new(tokio::runtime::Handle::current(), std::sync::Arc::new(Silent));
    let factory = ClientFactory::new(options);
    let check = |backends: Vec<BackendSpec>, expect: ClusterError| {
        let error = factory.cluster(ClusterSpec::new("x", Protocol::Http, backends)).unwrap_err();
        assert_eq!(error, expect);
    };
    let service = BackendSpec::new(Target::Service("users".into()));
    let target = "discovery:///users".to_owned();
    check(vec![named(80), service], ClusterError::NoDiscovery { backend: 1, target });
    let mut hosted = named(80);
    hosted.host = Some("a b".to_owned());
    check(vec![hosted], ClusterError::Host { backend: 0, host: "a b".to_owned() });
}
