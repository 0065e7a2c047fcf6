//! Connections are kept, used last in first out, and closed when they idle or may not serve again.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use gw_core::{Body, Error, Outcome};
use http::header::{CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use http::{Method, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::Notify;

use super::harness::{CHUNKED, Caller, OK, Origin, PATIENCE, request, text, until};
use crate::{BackendSpec, ClusterSpec, HashKey, Policy, Target};

#[tokio::test]
async fn one_connection_serves_one_request_after_another() {
    let origin = Origin::answering(OK).await;
    let caller = Caller::new(origin.address);
    for _ in 0..5 {
        assert_eq!(caller.text().await, "0!");
    }
    assert_eq!(origin.accepted(), 1);
    assert_eq!((caller.connections().open, caller.connections().idle), (1, 1));
}

/// What waits seldom is boxed, and the request is moved once: every attempt is a box of this size, filled and freed.
/// mimalloc has small ones at hand up to 1 KiB.
#[cfg(not(feature = "hyper-h1"))]
#[tokio::test]
async fn an_attempt_is_small() {
    let caller = Caller::new(([127, 0, 0, 1], 9).into());
    let (cluster, get) = (&*caller.cluster, || request(Method::GET, Body::empty()));
    let whole = size_of_val(&*gw_core::Client::call(cluster, get()));
    let lent = size_of_val(&*gw_core::Client::call_lent(cluster, &mut get()));
    assert!(whole <= 1024 && lent <= 768, "{whole} and {lent} bytes");
}

/// A body that its client spoils is not sent as an empty one, over this connection or another.
#[tokio::test]
async fn a_request_whose_body_fails_at_once_never_leaves() {
    let origin = Origin::start(|mut wire, number| async move {
        while let Some(head) = wire.head().await {
            assert!(head.starts_with("GET"), "{head}");
            wire.send(&OK.replace("{n}", &number.to_string())).await;
        }
    })
    .await;
    let caller = Caller::new(origin.address);
    for known in [false, true] {
        assert!(caller.text().await.ends_with('!'));
        let spoilt = futures_util::stream::iter([Err(Error::new(Outcome::ClientMalformed))]);
        let mut delete = request(Method::DELETE, Body::stream(StreamBody::new(spoilt)));
        if known {
            delete.headers_mut().insert(CONTENT_LENGTH, 5.into());
        } else {
            delete.headers_mut().insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        assert_eq!(caller.send(delete).await.unwrap_err().outcome(), Outcome::ClientMalformed);
        assert!(caller.text().await.ends_with('!'));
    }
    assert!(origin.accepted() <= 3, "no connection was opened for nothing");
}

#[tokio::test]
async fn answers_without_a_body_give_the_connection_back_too() {
    let origin = Origin::start(|mut wire, _| async move {
        while let Some(head) = wire.head().await {
            let answer = match head.split(' ').next() {
                Some("HEAD") => "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n",
                Some("GET") => "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
                Some("DELETE") => "HTTP/1.1 204 No Content\r\n\r\n",
                _ => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            };
            wire.send(answer).await;
        }
    })
    .await;
    let caller = Caller::new(origin.address);
    for method in [Method::HEAD, Method::GET, Method::DELETE, Method::OPTIONS, Method::GET] {
        let response = caller.send(request(method, Body::empty())).await.unwrap();
        assert_eq!(text(response).await, "");
    }
    assert_eq!(origin.accepted(), 1);
}

/// Nobody has to read an answer for its connection to serve again, if all of it is there.
#[cfg(not(feature = "hyper-h1"))]
#[tokio::test]
async fn an_answer_that_came_whole_holds_no_connection() {
    let origin = Origin::answering(OK).await;
    let caller = Caller::new(origin.address);
    let (first, second) = (caller.get().await.unwrap(), caller.get().await.unwrap());
    assert_eq!((origin.accepted(), caller.connections().idle, caller.in_flight()), (1, 1, 0));
    assert_eq!((text(second).await, text(first).await), ("0!".to_owned(), "0!".to_owned()));
}

#[tokio::test]
async fn the_connection_used_last_is_used_first() {
    let origin = Origin::answering(CHUNKED).await;
    let caller = Caller::new(origin.address);
    // Two at once make two connections; the body that ends last is given back last.
    let (first, second) = (caller.get().await.unwrap(), caller.get().await.unwrap());
    let (first, second) = (text(first).await, text(second).await);
    assert_eq!((first.as_str(), second.as_str()), ("0!", "1!"));
    assert_eq!(caller.text().await, "1!");
    assert_eq!(caller.text().await, "1!");
    assert_eq!(origin.accepted(), 2);
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_time() {
    let origin = Origin::answering(OK).await;
    let caller = Caller::with(origin.address, |spec| spec.idle_timeout = Duration::from_millis(1));
    caller.text().await;
    until(|| caller.connections().open == 0).await;
    until(|| caller.factory.tasks() == 0).await;
    assert_eq!(caller.text().await, "1!");
}

#[tokio::test]
async fn a_connection_that_the_peer_closes_is_forgotten() {
    let hang_up = Arc::new(Notify::new());
    let signal = Arc::clone(&hang_up);
    let origin = Origin::start(move |mut wire, _| {
        let signal = Arc::clone(&signal);
        async move {
            wire.head().await;
            wire.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
            signal.notified().await;
        }
    })
    .await;
    let caller = Caller::new(origin.address);
    caller.get().await.unwrap();
    assert_eq!(caller.connections().idle, 1);
    hang_up.notify_one();
    until(|| caller.connections().open == 0).await;
}

#[tokio::test]
async fn an_answer_dropped_early_closes_the_connection() {
    let (closed, mut was_closed) = tokio::sync::mpsc::channel(1);
    let origin = Origin::start(move |mut wire, _| {
        let closed = closed.clone();
        async move {
            wire.head().await;
            wire.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc").await;
            wire.closed().await;
            closed.send(()).await.unwrap();
        }
    })
    .await;
    let caller = Caller::new(origin.address);
    let mut response = caller.get().await.unwrap();
    response.body_mut().frame().await.unwrap().unwrap();
    assert_eq!(caller.in_flight(), 1);
    drop(response);
    was_closed.recv().await.unwrap();
    assert_eq!((caller.in_flight(), caller.connections().open), (0, 0));
}

#[tokio::test]
async fn what_follows_an_answer_unasked_is_never_the_next_answer() {
    let origin = Origin::start(|mut wire, number| async move {
        wire.head().await;
        let poison = if number == 0 { "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison" } else { "" };
        wire.send(&format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{number}!{poison}")).await;
        wire.closed().await;
    })
    .await;
    let caller = Caller::new(origin.address);
    assert_eq!(caller.text().await, "0!");
    assert_eq!(caller.text().await, "1!");
}

/// A broken upstream sends a body where there is none by the rules, and later than the head. hyper cannot tell before its
/// own task has read it.
#[cfg(not(feature = "hyper-h1"))]
#[tokio::test]
async fn a_body_that_none_may_have_is_never_the_next_answer() {
    for (method, head) in [
        (Method::HEAD, "HTTP/1.1 200 OK\r\ncontent-length: 44\r\n\r\n"),
        (Method::GET, "HTTP/1.1 304 Not Modified\r\n\r\n"),
        (Method::DELETE, "HTTP/1.1 204 No Content\r\n\r\n"),
    ] {
        let (go, gone) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (wait, tell) = (Arc::clone(&go), Arc::clone(&gone));
        let origin = Origin::start(move |mut wire, number| {
            let (wait, tell) = (Arc::clone(&wait), Arc::clone(&tell));
            async move {
                wire.head().await;
                if number == 0 {
                    wire.send(head).await;
                    wait.notified().await;
                    wire.send("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison").await;
                    tell.notify_one();
                } else {
                    wire.send(&OK.replace("{n}", &number.to_string())).await;
                }
                wire.closed().await;
            }
        })
        .await;
        let caller = Caller::new(origin.address);
        assert_eq!(text(caller.send(request(method, Body::empty())).await.unwrap()).await, "");
        assert_eq!(caller.connections().idle, 1);
        // A task comes to its turn before the runtime looks at its sockets.
        let next = tokio::spawn(async move {
            go.notify_one();
            gone.notified().await;
            caller.text().await
        });
        assert_eq!(next.await.unwrap(), "1!", "{head}");
    }
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_request_does_not_poison_the_connection() {
    let origin = Origin::start(|mut wire, number| async move {
        let head = wire.head().await.unwrap();
        if head.starts_with("POST") {
            wire.send("HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n").await;
        } else {
            wire.send(&format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{number}!")).await;
        }
        wire.closed().await;
    })
    .await;
    let caller = Caller::new(origin.address);
    let endless = StreamBody::new(futures_util::stream::pending());
    let response = caller.post(Body::stream(endless)).await.unwrap();
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(caller.text().await, "1!");
    until(|| caller.connections().open == 1).await;
}

/// Control holds its lock while it makes the next set of nodes; requests go on with the one at hand.
#[tokio::test]
async fn a_request_waits_for_no_update_of_the_nodes() {
    let origin = Origin::answering(OK).await;
    let caller = Caller::new(origin.address);
    let cluster = Arc::clone(&caller.cluster);
    let ((begin, begun), (end, ended)) = (mpsc::channel(), mpsc::channel::<()>());
    let update = std::thread::spawn(move || {
        let _updating = cluster.nodes.updates.lock();
        begin.send(()).unwrap();
        // A request that waits for the lock gets its answer only after this gave up.
        ended.recv_timeout(PATIENCE).is_ok()
    });
    begun.recv().unwrap();
    assert_eq!(caller.text().await, "0!");
    let _ = end.send(());
    assert!(update.join().unwrap(), "the request waited");
}

#[tokio::test]
async fn clusters_share_what_they_agree_on_and_the_last_one_closes_it() {
    let origin = Origin::answering(OK).await;
    let caller = Caller::new(origin.address);
    caller.text().await;
    let mut backend = BackendSpec::new(Target::Address(origin.address));
    backend.weight = 7;
    let other = caller.cluster(vec![backend]);
    let Caller { factory, dns, cluster } = caller;
    drop(cluster);
    let caller = Caller { factory, dns, cluster: other };
    assert_eq!(caller.text().await, "0!");
    assert_eq!(caller.cluster.inspect().nodes[0].weight, 7);
    assert_eq!(caller.factory.upstreams(), 1);
    let factory = caller.factory;
    drop(caller.cluster);
    assert_eq!(factory.upstreams(), 0);
    until(|| factory.tasks() == 0).await;
}

#[tokio::test]
async fn clusters_that_differ_in_their_name_alone_share_all_else() {
    let caller = Caller::of(vec![BackendSpec::new(Target::Service("users".into()))], |_| ());
    let named = |name: &str, change: &dyn Fn(&mut ClusterSpec)| {
        let mut spec = ClusterSpec { name: name.into(), ..caller.cluster.nodes.spec.clone() };
        change(&mut spec);
        caller.factory.cluster(spec).unwrap()
    };
    let same = named("same", &|_| ());
    assert!(Arc::ptr_eq(&same.nodes, &caller.cluster.nodes));
    let other = named("other", &|spec| spec.max_pending += 1);
    assert!(!Arc::ptr_eq(&other.nodes, &caller.cluster.nodes));
    let hashed = named("hashed", &|spec| spec.hash_key = HashKey::Cookie("id".to_owned()));
    assert!(!Arc::ptr_eq(&hashed.nodes, &caller.cluster.nodes));
    drop(hashed);
    // Each has its own turns.
    let turns = ["one", "two"].map(|name| named(name, &|spec| spec.policy = Policy::RoundRobin));
    assert!(!Arc::ptr_eq(&turns[0].nodes, &turns[1].nodes));
    drop(turns);
    let heavier = named("heavier", &|spec| spec.backends[0].weight += 1);
    assert!(!Arc::ptr_eq(&heavier.nodes, &caller.cluster.nodes));

    // Each is known by its own name, to whoever looks at it and to those who watch its services.
    let clusters = caller.factory.inspect().clusters;
    let names: Vec<_> = clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    assert_eq!(names, ["test", "same", "other", "heavier"]);
    let appliers = || {
        let watched: Vec<_> =
            caller.factory.watchers().iter().flat_map(|watcher| watcher.inspect()).collect();
        assert_eq!(watched.len(), 1);
        watched[0].appliers.iter().map(|applier| applier.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(appliers(), ["test", "same", "other", "heavier"]);
    drop(same);
    assert_eq!(appliers(), ["test", "other", "heavier"]);
}
