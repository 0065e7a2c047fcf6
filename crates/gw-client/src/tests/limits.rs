//! The limit of connections, the queue before it, and its end.

use gw_core::{Outcome, Progress};
use http_body_util::BodyExt;
use tokio::sync::mpsc;

use super::harness::{CHUNKED, Caller, Origin, text, until};

#[tokio::test]
async fn beyond_the_limit_requests_wait_in_order_and_beyond_the_queue_they_are_refused() {
    let origin = Origin::answering(CHUNKED).await;
    let caller = Caller::with(origin.address, |spec| (spec.max_connections, spec.max_pending) = (1, 2));
    let holder = caller.get().await.unwrap();
    let (order, mut ended) = mpsc::unbounded_channel();
    let wait = |name: &'static str| {
        let (caller, order) = (&caller, order.clone());
        async move {
            let text = text(caller.get().await.unwrap()).await;
            order.send((name, text)).unwrap();
        }
    };
    let overflow = async {
        until(|| caller.connections().waiting == 2).await;
        let error = caller.get().await.unwrap_err();
        assert_eq!((error.outcome(), error.progress()), (Outcome::Overloaded, Progress::Unsent));
        assert_eq!(text(holder).await, "0!");
    };
    tokio::join!(biased; wait("first"), wait("second"), overflow);
    assert_eq!(ended.recv().await.unwrap(), ("first", "0!".to_owned()));
    assert_eq!(ended.recv().await.unwrap(), ("second", "0!".to_owned()));
    assert_eq!((origin.accepted(), caller.in_flight()), (1, 0));
}

#[tokio::test]
async fn one_who_leaves_the_queue_does_not_hold_it_up() {
    let origin = Origin::answering(CHUNKED).await;
    let caller = Caller::with(origin.address, |spec| (spec.max_connections, spec.max_pending) = (1, 1));
    let holder = caller.get().await.unwrap();
    {
        let mut leaver = Box::pin(caller.get());
        assert!(futures_util::poll!(&mut leaver).is_pending());
        assert_eq!((caller.connections().waiting, caller.in_flight()), (1, 2));
    }
    assert_eq!(caller.in_flight(), 1);
    // Its place in the queue is free again, and so is the connection after the answer.
    let mut stayer = Box::pin(caller.get());
    assert!(futures_util::poll!(&mut stayer).is_pending());
    text(holder).await;
    assert_eq!(text(stayer.await.unwrap()).await, "0!");
}

#[tokio::test]
async fn a_connection_granted_to_one_who_left_goes_to_the_next() {
    let origin = Origin::answering(CHUNKED).await;
    let caller = Caller::with(origin.address, |spec| spec.max_connections = 1);
    let holder = caller.get().await.unwrap();
    let mut leaver = Box::pin(caller.get());
    let mut stayer = Box::pin(caller.get());
    assert!(futures_util::poll!(&mut leaver).is_pending());
    assert!(futures_util::poll!(&mut stayer).is_pending());
    text(holder).await;
    // Granted, but it never looks.
    drop(leaver);
    assert_eq!(text(stayer.await.unwrap()).await[1..], *"!");
    until(|| caller.connections().open == 1).await;
}

#[tokio::test]
async fn when_the_only_connection_breaks_the_next_in_line_opens_another() {
    let origin = Origin::start(|mut wire, number| async move {
        while wire.head().await.is_some() {
            let length = if number == 0 { 3 } else { 2 };
            wire.send(&format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{number}!")).await;
        }
    })
    .await;
    let caller = Caller::with(origin.address, |spec| spec.max_connections = 1);
    let mut holder = caller.get().await.unwrap();
    holder.body_mut().frame().await.unwrap().unwrap();
    let mut waiter = Box::pin(caller.get());
    assert!(futures_util::poll!(&mut waiter).is_pending());
    drop(holder);
    assert_eq!(text(waiter.await.unwrap()).await, "1!");
}

#[tokio::test]
async fn all_who_wait_for_a_connection_hear_that_it_cannot_be_opened() {
    // It accepts, and never says a word of TLS.
    let origin = Origin::start(|wire, _| wire.closed()).await;
    let profile = gw_tls::Profile { insecure: true, ..gw_tls::Profile::default() };
    let caller = Caller::with(origin.address, |spec| {
        spec.protocol = crate::Protocol::Http2;
        spec.backends[0].tls = Some(gw_tls::ClientProfile::build(&profile).unwrap());
        spec.connect_timeout = std::time::Duration::from_millis(50);
    });
    let calls = futures_util::future::join_all((0..5).map(|_| caller.get()));
    for answer in calls.await {
        let error = answer.unwrap_err();
        assert_eq!((error.outcome(), error.progress()), (Outcome::ConnectTimeout, Progress::Unsent));
    }
    assert_eq!((origin.accepted(), caller.in_flight(), caller.connections().open), (1, 0, 0));
}

#[tokio::test]
async fn a_worker_has_at_least_one_connection() {
    let origin = Origin::answering(CHUNKED).await;
    let mut options = crate::ClientOptions::new(
        tokio::runtime::Handle::current(),
        std::sync::Arc::new(gw_discovery::Static::new()),
    );
    options.workers = 4;
    let factory = crate::ClientFactory::new(options);
    let backend = crate::BackendSpec::new(crate::Target::Address(origin.address));
    let mut spec = crate::ClusterSpec::new("x", crate::Protocol::Http, vec![backend]);
    (spec.max_connections, spec.max_pending) = (2, 0);
    let cluster = factory.cluster(spec).unwrap();
    let call = || {
        let mut request = super::harness::request(http::Method::GET, gw_core::Body::empty());
        request.extensions_mut().insert(super::harness::context());
        gw_core::Client::call(&*cluster, request)
    };
    let holder = call().await.unwrap();
    assert_eq!(call().await.unwrap_err().outcome(), Outcome::Overloaded);
    assert_eq!(text(holder).await, "0!");
    assert_eq!(cluster.inspect().nodes[0].workers.len(), 4);
}
