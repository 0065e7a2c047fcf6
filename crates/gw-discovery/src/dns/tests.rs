//! The resolver against a server of our own: real sockets, answers written by hand.

use std::net::{Ipv4Addr, Ipv6Addr};

use futures_util::{FutureExt, StreamExt};

use self::server::{Code, Reply, Server, Zone};
use super::*;
use crate::testing::{Fixture, contract};

mod server;

const NAME: &str = "users.test";
const SERVICE: &str = "users.test:8000";

fn zone(v4: &[[u8; 4]], ttl: u32) -> Zone {
    let v4 = v4.iter().copied().map(Ipv4Addr::from).collect();
    Zone { a: Reply::Records(v4), aaaa: Reply::Records(Vec::new()), ttl }
}

async fn start(zone: Zone) -> (Server, Dns) {
    let server = Server::start(NAME, zone).await;
    let dns = Dns::with_servers(&[server.address()], 1);
    (server, dns)
}

fn ids(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.instances.iter().map(|instance| instance.id.as_str()).collect()
}

impl Fixture for (Server, Dns) {
    fn source(&self) -> &dyn Discovery {
        &self.1
    }

    fn service(&self) -> String {
        SERVICE.to_owned()
    }

    fn unknown(&self) -> String {
        "nobody.test:8000".to_owned()
    }

    fn set(&self, instances: usize) -> BoxFuture<'_, ()> {
        let addresses: Vec<_> = (1..=instances).map(|n| [10, 0, 0, n as u8]).collect();
        self.0.set(zone(&addresses, 0));
        Box::pin(std::future::ready(()))
    }

    fn repeat(&self) -> BoxFuture<'_, ()> {
        self.0.set(zone(&[[10, 0, 0, 2], [10, 0, 0, 1]], 0));
        // One question for each family, and both again: the first two have been heard by then.
        async { self.0.wait_for(self.0.questions() + 4).await }.boxed()
    }
}

#[tokio::test]
async fn keeps_the_contract() {
    contract(&start(zone(&[], 0)).await).await;
}

#[tokio::test]
async fn both_families_ipv4_first_by_number() {
    let v6 = |n| Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, n);
    let aaaa = Reply::Records(vec![v6(2), v6(1)]);
    let (_server, dns) = start(Zone { aaaa, ..zone(&[[10, 0, 0, 10], [10, 0, 0, 9]], 300) }).await;
    let snapshot = dns.read(SERVICE, Consistency::Default).await.unwrap();
    assert_eq!(ids(&snapshot), ["10.0.0.9:8000", "10.0.0.10:8000", "[fd00::1]:8000", "[fd00::2]:8000"]);
    assert_eq!(snapshot.instances[2].authority("grpc"), Some("[fd00::1]:8000"));
    assert_eq!(snapshot.instances[0].name, SERVICE);
}

#[tokio::test]
async fn the_shortest_ttl_counts() {
    let (server, dns) = start(zone(&[[10, 0, 0, 1], [10, 0, 0, 2]], 30)).await;
    assert_eq!(dns.resolver.resolve(NAME).await.unwrap().ttl, Duration::from_secs(30));
    let aaaa = Reply::Records(vec![Ipv6Addr::LOCALHOST]);
    server.set(Zone { aaaa, ..zone(&[[10, 0, 0, 1], [10, 0, 0, 2]], 20) });
    assert_eq!(dns.resolver.resolve(NAME).await.unwrap().ttl, Duration::from_secs(20));
}

#[tokio::test]
async fn an_answer_is_not_kept_for_longer_than_a_watch_may() {
    let (server, dns) = start(zone(&[[10, 0, 0, 1]], 3600)).await;
    assert_eq!(ids(&dns.read(SERVICE, Consistency::Default).await.unwrap()), ["10.0.0.1:8000"]);
    server.set(zone(&[[10, 0, 0, 2]], 3600));
    assert_eq!(ids(&dns.read(SERVICE, Consistency::Default).await.unwrap()), ["10.0.0.2:8000"]);
}

#[tokio::test]
async fn a_watch_asks_again_and_holds_what_it_knows_through_failures() {
    let (server, dns) = start(zone(&[[10, 0, 0, 1]], 0)).await;
    let mut watch = dns.watch(SERVICE);
    assert_eq!(ids(&watch.next().await.unwrap().unwrap()), ["10.0.0.1:8000"]);

    server.set(zone(&[[10, 0, 0, 2]], 0));
    assert_eq!(ids(&watch.next().await.unwrap().unwrap()), ["10.0.0.2:8000"]);

    // An emptied name is told as an error, never as a snapshot without instances.
    server.set(zone(&[], 0));
    assert!(matches!(watch.next().await, Some(Err(DiscoveryError::NotFound { .. }))));

    server.set(zone(&[[10, 0, 0, 3]], 0));
    assert_eq!(ids(&watch.next().await.unwrap().unwrap()), ["10.0.0.3:8000"]);
}

#[tokio::test]
async fn each_way_to_fail_is_an_error() {
    let refuse = |code| Zone { a: Reply::Code(code), aaaa: Reply::Code(code), ttl: 0 };
    let (server, dns) = start(zone(&[], 0)).await;
    let mut seen = Vec::new();
    for zone in [zone(&[], 0), refuse(Code::NoSuchName), refuse(Code::ServerFailure), refuse(Code::Refused)] {
        server.set(zone);
        seen.push(match dns.read(SERVICE, Consistency::Default).await {
            Err(DiscoveryError::NotFound { .. }) => "not found",
            Err(DiscoveryError::Unavailable { .. }) => "unavailable",
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(seen, ["not found", "not found", "unavailable", "unavailable"]);
}

#[tokio::test]
async fn one_family_is_enough() {
    let known = zone(&[[10, 0, 0, 1]], 300);
    let (server, dns) = start(known.clone()).await;
    for aaaa in [Reply::Code(Code::ServerFailure), Reply::Code(Code::NoSuchName), Reply::Silence] {
        server.set(Zone { aaaa, ..known.clone() });
        assert_eq!(ids(&dns.read(SERVICE, Consistency::Default).await.unwrap()), ["10.0.0.1:8000"]);
    }
}

#[tokio::test]
async fn one_empty_and_one_failing_family_is_a_failure() {
    let aaaa = Reply::Code(Code::ServerFailure);
    let (_server, dns) = start(Zone { aaaa, ..zone(&[], 0) }).await;
    let answer = dns.read(SERVICE, Consistency::Default).await;
    assert!(matches!(answer, Err(DiscoveryError::Unavailable { .. })), "{answer:?}");
}

#[tokio::test]
async fn literals_and_loopback_names_need_no_server() {
    let (server, dns) = start(zone(&[], 0)).await;
    for (service, expect) in
        [("127.0.0.1:80", "127.0.0.1:80"), ("[::1]:80", "[::1]:80"), ("localhost:80", "127.0.0.1:80")]
    {
        let mut watch = dns.watch(service);
        let snapshot = watch.next().await.unwrap().unwrap();
        assert_eq!(ids(&snapshot)[0], expect);
        assert_eq!(snapshot, dns.read(service, Consistency::Default).await.unwrap());
        assert!(watch.next().now_or_never().is_none());
    }
    assert_eq!(server.questions(), 0);
}

#[tokio::test]
async fn what_is_no_address_is_told_at_once_and_for_ever() {
    let (server, dns) = start(zone(&[], 0)).await;
    let mut watch = dns.watch("users");
    assert!(matches!(watch.next().await, Some(Err(DiscoveryError::InvalidName { .. }))));
    assert!(watch.next().now_or_never().is_none());
    let read = dns.read("users", Consistency::Default).await;
    assert!(matches!(read, Err(DiscoveryError::InvalidName { .. })));
    assert_eq!(server.questions(), 0);
}

#[tokio::test]
async fn the_system_resolver_needs_no_configuration() {
    let snapshot = Dns::system(1).read("localhost:80", Consistency::Default).await.unwrap();
    assert_eq!(ids(&snapshot)[0], "127.0.0.1:80");
}
