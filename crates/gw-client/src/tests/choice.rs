//! Which nodes a request may use: version, colour and zone against brute force, over what the selector decides.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use gw_core::NodeFilter;
use gw_discovery::{Instance, Static};
use gw_selector::Policy;
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::harness::{Caller, until};
use crate::nodes::Wish;
use crate::{
    BackendSpec, COLOR_HEADER, ClientFactory, ClientOptions, Cluster, ClusterSpec, Protocol, Target,
};

/// Everything about a node that may count.
#[derive(Clone, Debug)]
struct Peer {
    port: u16,
    version: &'static str,
    color: &'static str,
    zone: &'static str,
    priority: u32,
    weight: u32,
    tried: bool,
    filtered: bool,
}

impl Peer {
    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn backend(&self) -> BackendSpec {
        let mut spec = BackendSpec::new(Target::Address(SocketAddr::from(([127, 0, 0, 1], self.port))));
        (spec.priority, spec.weight) = (self.priority, self.weight);
        let pairs = [("version", self.version), ("color", self.color), ("zone", self.zone)];
        let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        spec.metadata = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        spec
    }
}

fn peers() -> impl Strategy<Value = Vec<Peer>> {
    let words = |words: &'static [&'static str]| prop::sample::select(words);
    let texts = (words(&["", "1", "2"]), words(&["", "", "red", "blue"]), words(&["", "a", "b"]));
    let numbers = (0..2u32, prop::sample::select(&[0u32, 100, 300][..]));
    let peer = (texts, numbers, prop::bool::weighted(0.3), prop::bool::weighted(0.2));
    prop::collection::vec(peer, 1..7).prop_map(|peers| {
        let peers = peers.into_iter().zip(1..);
        let peer = |(((version, color, zone), (priority, weight), tried, filtered), port)| Peer {
            port,
            version,
            color,
            zone,
            priority,
            weight,
            tried,
            filtered,
        };
        peers.map(peer).collect()
    })
}

/// Those that are wanted, if there are any, else all.
fn narrow(peers: Vec<&Peer>, wanted: impl Fn(&Peer) -> bool) -> Vec<&Peer> {
    let some: Vec<_> = peers.iter().copied().filter(|peer| wanted(peer)).collect();
    if some.is_empty() { peers } else { some }
}

/// The rules over again, one after another.
fn oracle(peers: &[Peer], versions: &[&str], color: &str, zone: Option<&str>) -> BTreeSet<String> {
    let mut left: Vec<_> = peers.iter().collect();
    left.retain(|peer| (versions.is_empty() || versions.contains(&peer.version)) && !peer.filtered);
    if left.iter().any(|peer| !color.is_empty() && peer.color == color) {
        left.retain(|peer| peer.color == color);
    } else {
        left = narrow(left, |peer| peer.color.is_empty());
    }
    left = narrow(left, |peer| peer.weight > 0);
    left = narrow(left, |peer| !peer.tried);
    let lowest = left.iter().map(|peer| peer.priority).min();
    left.retain(|peer| Some(peer.priority) == lowest);
    left = narrow(left, |peer| zone.is_some_and(|zone| peer.zone == zone));
    left.into_iter().map(Peer::address).collect()
}

/// All that a cluster picks for such a request.
fn picks(cluster: &Cluster, peers: &[Peer], color: &str) -> BTreeSet<String> {
    let mut headers = HeaderMap::new();
    if !color.is_empty() {
        headers.insert(COLOR_HEADER, HeaderValue::from_str(color).unwrap());
    }
    let some = |which: fn(&Peer) -> bool| peers.iter().filter(move |peer| which(peer)).map(Peer::address);
    let tried: Vec<Arc<str>> = some(|peer| peer.tried).map(Into::into).collect();
    let refused: BTreeSet<_> = some(|peer| peer.filtered).collect();
    let filters: [NodeFilter; 1] = [Arc::new(move |node| !refused.contains(&*node.address))];
    let wish = Wish { key: None, tried: &tried, filters: &filters, worker: 0, headers: &headers };
    let pick = |_| cluster.nodes.try_pick(&wish, Instant::now()).ok();
    // Equal turns: every eligible node has had one.
    (0..peers.len()).filter_map(pick).map(|(picked, _)| picked.node().info.address.to_string()).collect()
}

proptest! {
    // A node of a lower level in a zone of its own beside a better one far away is rare.
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_request_gets_the_nodes_that_brute_force_finds(
        peers in peers(),
        versions in prop::sample::select(vec![vec![], vec!["1"], vec!["1", "2"], vec!["3"]]),
        color in prop::sample::select(&["", "red", "green"][..]),
        zone in prop::sample::select(&[None, Some("a"), Some("c")][..]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let options = ClientOptions::new(runtime.handle().clone(), Arc::new(Static::new()));
        let backends = peers.iter().map(Peer::backend).collect();
        let mut spec = ClusterSpec::new("x", Protocol::Http, backends);
        spec.policy = Policy::RoundRobin;
        spec.versions = versions.iter().map(|version| (*version).to_owned()).collect();
        spec.zone = zone.map(Into::into);
        let cluster = ClientFactory::new(options).cluster(spec).unwrap();
        prop_assert_eq!(picks(&cluster, &peers, color), oracle(&peers, &versions, color, zone));
    }
}

#[tokio::test]
async fn instances_bring_version_colour_and_zone_and_the_level_shown_is_the_configured_one() {
    let mut backend = BackendSpec::new(Target::Service("users".into()));
    backend.priority = 3;
    let caller = Caller::of(vec![backend], |spec| {
        (spec.versions, spec.zone) = (vec!["2".to_owned()], Some("a".into()));
    });
    let instance = |port: u16, version: &str, metadata: &[(&str, &str)]| Instance {
        version: version.to_owned(),
        metadata: metadata
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        ..Instance::at("users", format_args!("127.0.0.1:{port}"))
    };
    let found = [
        instance(1, "1", &[]),
        instance(2, "2", &[("zone", "a")]),
        instance(3, "", &[("version", "2"), ("zone", "b")]),
        instance(4, "2", &[("zone", "b"), ("color", "red")]),
    ];
    caller.dns.set("users", found.to_vec());
    until(|| caller.cluster.inspect().nodes.len() == 3).await;
    assert!(caller.cluster.inspect().nodes.iter().all(|node| node.priority == 3));
    let pick = |color: Option<&'static str>| {
        let headers = color.map(|color| (COLOR_HEADER, HeaderValue::from_static(color)));
        let headers = headers.into_iter().collect();
        let wish = Wish { key: None, tried: &[], filters: &[], worker: 0, headers: &headers };
        let (picked, _) = caller.cluster.nodes.try_pick(&wish, Instant::now()).unwrap();
        picked.node().info.address.to_string()
    };
    assert_eq!(pick(None), "127.0.0.1:2");
    assert_eq!(pick(Some("red")), "127.0.0.1:4");
    assert_eq!(pick(Some("green")), "127.0.0.1:2");
}
