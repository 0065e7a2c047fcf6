//! The provider against a Consul of our own, by every client: each failure mode of docs/consul.md has its test.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use serde_json::json;

use self::server::{Fault, Server, entries, entry, tokens};
use super::*;
use crate::Instance;
use crate::testing::{Fixture, contract};

mod faults;
mod server;
mod tls;

const SERVICE: &str = "users";

const CLIENTS: &[ConsulClient] = &[
    ConsulClient::Http,
    #[cfg(feature = "consulrs")]
    ConsulClient::Consulrs,
];

/// Short, as the sockets are real; and no test depends on how long something takes.
fn timing() -> Timing {
    let short = Duration::from_millis(1);
    let waits = Waits { quick: short, first: short, calm: short, calm_for: short, last: short };
    Timing { answer: Duration::from_secs(5), waits, burst: u32::MAX, interval: short, ..Timing::default() }
}

fn options(server: &Server, client: ConsulClient) -> ConsulOptions {
    ConsulOptions { addresses: vec![server.address()], client, seed: 1, ..ConsulOptions::default() }
}

fn consul(options: ConsulOptions, timing: Timing) -> Consul {
    let api = options.api().unwrap();
    Consul::with_timing(options, api, timing)
}

async fn start(client: ConsulClient) -> (Server, Consul) {
    let server = Server::start().await;
    let consul = consul(options(&server, client), timing());
    (server, consul)
}

fn ids(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.instances.iter().map(|instance| instance.id.as_str()).collect()
}

type Watch = BoxStream<'static, Result<Snapshot, DiscoveryError>>;

#[track_caller]
fn told(item: Option<Result<Snapshot, DiscoveryError>>) -> usize {
    item.unwrap().unwrap().instances.len()
}

/// The cause of the failure that comes next, in one line.
async fn failure(watch: &mut Watch) -> String {
    match watch.next().await.unwrap() {
        Ok(snapshot) => panic!("not a failure: {snapshot:?}"),
        Err(error) => cause(&error),
    }
}

fn cause(error: &DiscoveryError) -> String {
    let DiscoveryError::Unavailable { source, .. } = error else { return error.to_string() };
    source.downcast_ref::<ConsulError>().unwrap().line()
}

impl Fixture for (Server, Consul) {
    fn source(&self) -> &dyn Discovery {
        &self.1
    }

    fn service(&self) -> String {
        SERVICE.to_owned()
    }

    fn unknown(&self) -> String {
        "nobody".to_owned()
    }

    fn set(&self, instances: usize) -> BoxFuture<'_, ()> {
        self.0.set(SERVICE, entries(instances));
        Box::pin(std::future::ready(()))
    }

    fn repeat(&self) -> BoxFuture<'_, ()> {
        let mut reversed = entries(2);
        reversed.reverse();
        let before = self.0.asked().len();
        self.0.set(SERVICE, reversed);
        // The watch asks again when it has heard.
        async move { self.0.wait_for(before + 1).await }.boxed()
    }
}

#[tokio::test]
async fn keeps_the_contract() {
    for client in CLIENTS {
        contract(&start(*client).await).await;
    }
}

#[tokio::test]
async fn asks_as_consul_documents_it() {
    for client in CLIENTS {
        let server = Server::start().await;
        server.set(SERVICE, entries(1));
        let options = ConsulOptions {
            datacenter: Some("dc1".to_owned()),
            tags: vec!["a b".to_owned()],
            token: TokenSource::Fixed(Secret::new("b1gs-ecret").unwrap()),
            stale: true,
            ..options(&server, *client)
        };
        let consul = consul(options, timing());
        let mut watch = consul.watch(SERVICE);
        assert_eq!(told(watch.next().await), 1);
        assert!(watch.next().now_or_never().is_none());
        server.wait_for(2).await;
        for how in [Consistency::Default, Consistency::Stale, Consistency::Consistent] {
            consul.read(SERVICE, how).await.unwrap();
        }
        let asked = server.asked();
        let query = |n: usize| {
            let query = asked[n].query.iter().map(|(name, value)| format!("{name}={value}"));
            query.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(asked[0].path, "/v1/health/service/users");
        let expect = [
            "dc=dc1 passing=1 stale= tag=a%20b",
            "dc=dc1 index=11 passing=1 stale= tag=a%20b wait=55000ms",
            "dc=dc1 stale= tag=a%20b",
            "dc=dc1 stale= tag=a%20b",
            "consistent= dc=dc1 tag=a%20b",
        ];
        assert_eq!((0..asked.len()).map(query).collect::<Vec<_>>(), expect);
        assert_eq!(tokens(&asked), ["b1gs-ecret".to_owned()].into());
    }
}

#[tokio::test]
async fn a_watch_asks_for_the_healthy_and_a_read_tells_the_others() {
    for client in CLIENTS {
        let (server, consul) = start(*client).await;
        let mut all = entries(2);
        all.extend([entry(3, &["passing", "critical"]), entry(4, &["warning"])]);
        server.set(SERVICE, all);
        let mut watch = consul.watch(SERVICE);
        let watched = watch.next().await.unwrap().unwrap();
        assert_eq!(ids(&watched), ["n1/users-1", "n2/users-2"]);
        assert!(watched.unhealthy.is_empty() && server.asked()[0].query.contains_key("passing"));
        for how in [Consistency::Default, Consistency::Consistent] {
            let read = consul.read(SERVICE, how).await.unwrap();
            assert_eq!(read.instances, watched.instances);
            assert_eq!(*read.unhealthy, ["n3/users-3".to_owned(), "n4/users-4".to_owned()]);
        }
    }
}

#[tokio::test]
async fn warnings_are_used_if_wanted() {
    for client in CLIENTS {
        let server = Server::start().await;
        server.set(SERVICE, vec![entry(1, &["warning"]), entry(2, &["critical"])]);
        let consul = consul(ConsulOptions { warning: true, ..options(&server, *client) }, timing());
        let watched = consul.watch(SERVICE).next().await.unwrap().unwrap();
        assert_eq!((ids(&watched), watched.unhealthy.len()), (vec!["n1/users-1"], 1));
    }
}

#[tokio::test]
async fn an_emptied_service_is_empty_and_one_that_never_was_is_unknown() {
    for client in CLIENTS {
        let (server, consul) = start(*client).await;
        let mut watch = consul.watch(SERVICE);
        assert!(matches!(watch.next().await, Some(Err(DiscoveryError::NotFound { .. }))));
        server.set(SERVICE, entries(1));
        assert_eq!(told(watch.next().await), 1);
        server.set(SERVICE, Vec::new());
        assert_eq!(told(watch.next().await), 0);
        let read = consul.read(SERVICE, Consistency::Consistent).await.unwrap();
        assert_eq!(read, Snapshot::default());
        let read = consul.read("nobody", Consistency::Consistent).await;
        assert!(matches!(read, Err(DiscoveryError::NotFound { .. })));
    }
}

#[tokio::test]
async fn the_token_of_a_file_is_read_again() {
    for client in CLIENTS {
        let server = Server::start().await;
        server.set(SERVICE, entries(1));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "first\n").unwrap();
        let token = TokenSource::File(path.clone());
        let consul = consul(ConsulOptions { token, ..options(&server, *client) }, timing());
        let mut watch = consul.watch(SERVICE);
        assert_eq!(told(watch.next().await), 1);
        std::fs::write(&path, "second\n").unwrap();
        server.set(SERVICE, entries(2));
        assert_eq!(told(watch.next().await), 2);
        assert_eq!(tokens(&server.asked()), ["first".to_owned(), "second".to_owned()].into());
    }
}

#[tokio::test]
async fn bad_entries_are_counted_and_the_rest_is_used() {
    for client in CLIENTS {
        let (server, consul) = start(*client).await;
        let mut odd = entries(2);
        odd[0]["Service"]["Port"] = json!(0);
        odd.push(json!("what"));
        server.set(SERVICE, odd);
        let mut watch = consul.watch(SERVICE);
        let watched = watch.next().await.unwrap().unwrap();
        let at = Instance::at(SERVICE, "10.0.0.2:80");
        assert_eq!(watched.instances[0].endpoints, at.endpoints);
        assert_eq!((watched.instances.len(), watched.instances[0].version.as_str()), (1, "1.2"));
        let status = consul.inspect().remove(0);
        assert_eq!((status.service.as_str(), status.skipped, status.index), (SERVICE, 2, 11));
        assert_eq!((status.requests, status.last_error), (1, None));
        assert!(status.last_success.is_some());
        drop(watch);
        assert!(consul.inspect().is_empty(), "nothing is kept of what nobody uses");
    }
}

#[tokio::test]
async fn names_that_cannot_be_are_told_at_once_and_for_ever() {
    let (server, consul) = start(ConsulClient::Http).await;
    for name in ["", ".", "..", "a\nb"] {
        let mut watch = consul.watch(name);
        assert!(matches!(watch.next().await, Some(Err(DiscoveryError::InvalidName { .. }))));
        assert!(watch.next().now_or_never().is_none());
    }
    assert!(server.asked().is_empty());
}
