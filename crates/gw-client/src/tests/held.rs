//! Nodes that the source no longer lists: used while they accept, gone with the first connection that is refused.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gw_core::{Body, Client, Clock, Outcome};
use gw_discovery::{Guard, GuardOptions, Static};
use http::Method;
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use super::harness::{OK, Origin, context, instances, request, text, until};
use crate::{BackendSpec, ClientFactory, ClientOptions, Cluster, ClusterSpec, Protocol, Target};

/// A cluster of the service `users`, behind a guard.
struct Guarded {
    source: Arc<Static>,
    factory: Arc<ClientFactory>,
    cluster: Arc<Cluster>,
}

impl Guarded {
    async fn start(addresses: &[SocketAddr]) -> Self {
        let source = Arc::new(Static::new());
        source.set("users", instances(addresses));
        let guard = Guard::new(Arc::clone(&source) as _, GuardOptions::default(), Clock::system());
        let mut options = ClientOptions::new(Handle::current(), Arc::new(Static::new()));
        options.discovery = Some(Arc::new(guard));
        let factory = ClientFactory::new(options);
        let cluster = factory.cluster(spec()).unwrap();
        let guarded = Self { source, factory, cluster };
        until(|| guarded.nodes().len() == addresses.len()).await;
        guarded
    }

    /// The addresses, those that are held with `~`.
    fn nodes(&self) -> Vec<String> {
        let nodes = self.cluster.inspect().nodes.into_iter();
        nodes.map(|node| format!("{}{}", node.address, if node.held { "~" } else { "" })).collect()
    }

    async fn empty(&self) {
        self.source.set("users", Vec::new());
        until(|| self.nodes().iter().all(|node| node.ends_with('~'))).await;
    }

    async fn send(&self, method: Method) -> Result<String, Outcome> {
        let mut request = request(method, Body::empty());
        request.extensions_mut().insert(context());
        match self.cluster.call(request).await {
            Ok(response) => Ok(text(response).await),
            Err(error) => Err(error.outcome()),
        }
    }
}

fn spec() -> ClusterSpec {
    let service = BackendSpec::new(Target::Service("users".into()));
    let mut spec = ClusterSpec::new("guarded", Protocol::Http, vec![service]);
    spec.policy = gw_selector::Policy::RoundRobin;
    spec.connect_timeout = Duration::from_secs(10);
    spec
}

async fn deaf() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn an_emptied_service_goes_on_and_a_dead_node_of_it_leaves_without_loss() {
    let origin = Origin::answering(OK).await;
    let dead = deaf().await;
    let guarded = Guarded::start(&[origin.address, dead]).await;
    let other = guarded.factory.cluster(spec()).unwrap();
    guarded.empty().await;
    for _ in 0..20 {
        assert_eq!(guarded.send(Method::POST).await, Ok("0!".to_owned()));
    }
    let left = [format!("{}~", origin.address)];
    until(|| guarded.nodes() == left).await;
    until(|| other.inspect().nodes.len() == 1).await;
    // Listed again, it is a node like others, and its failures are failures.
    guarded.source.set("users", instances(&[origin.address, dead]));
    until(|| guarded.nodes().len() == 2).await;
    let outcomes = [guarded.send(Method::POST).await, guarded.send(Method::POST).await];
    assert!(outcomes.contains(&Err(Outcome::ConnectRefused)), "{outcomes:?}");
    assert_eq!(guarded.nodes().len(), 2, "what is listed stays");
}

#[tokio::test]
async fn a_node_that_dies_with_connections_open_leaves_without_loss() {
    let origin = Origin::answering(OK).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dying = listener.local_addr().unwrap();
    // It answers once, and closes when it has read the next request.
    let victim = Origin::on(listener, |mut wire, _| async move {
        wire.head().await;
        wire.send(&OK.replace("{n}", "v")).await;
        wire.head().await;
    });
    let guarded = Guarded::start(&[origin.address, dying]).await;
    let answers = [guarded.send(Method::GET).await, guarded.send(Method::GET).await];
    assert!(answers.contains(&Ok("v!".to_owned())), "{answers:?}");
    guarded.empty().await;
    drop(victim);
    until(|| std::net::TcpStream::connect(dying).is_err()).await;
    for _ in 0..10 {
        assert_eq!(guarded.send(Method::GET).await, Ok("0!".to_owned()));
    }
    until(|| guarded.nodes().len() == 1).await;
}

#[tokio::test]
async fn in_flight_requests_outlive_the_departure_of_their_node() {
    let (go, gone) = tokio::sync::watch::channel(());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let busy = Origin::on(listener, move |mut wire, _| {
        let mut gone = gone.clone();
        async move {
            wire.head().await;
            wire.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhalf".split_at(40).0).await;
            drop(gone.changed().await);
            wire.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhalf".split_at(40).1).await;
        }
    });
    let guarded = Guarded::start(&[address]).await;
    let mut first = request(Method::GET, Body::empty());
    first.extensions_mut().insert(context());
    let answer = guarded.cluster.call(first).await.unwrap();
    guarded.empty().await;
    drop(busy);
    until(|| std::net::TcpStream::connect(address).is_err()).await;
    assert_eq!(guarded.send(Method::POST).await, Err(Outcome::ConnectRefused));
    until(|| guarded.nodes().is_empty()).await;
    assert_eq!(guarded.send(Method::POST).await, Err(Outcome::NoHealthyUpstream));
    drop(go);
    assert_eq!(text(answer).await, "half");
}
