//! What each way to fail means: the outcome, how far the request had got, the attempt that is noted.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gw_core::{Body, Client, Clock, Error, Outcome, Progress};
use gw_discovery::Static;
use http::Method;
use http::header::CONTENT_LENGTH;
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use super::harness::{Caller, Origin, context, read, request};
use crate::{BackendSpec, ClientFactory, ClientOptions, ClusterSpec, Protocol, Target};

/// Sends a POST to an origin that says `answer` and hangs up.
async fn check(answer: &'static str, expect: Outcome) {
    let origin = Origin::start(move |mut wire, _| async move {
        wire.head().await;
        wire.send(answer).await;
    })
    .await;
    let caller = Caller::new(origin.address);
    let context = context();
    let sent = caller.send_in(&context, request(Method::POST, Body::empty())).await;
    let error = match sent {
        Ok(response) => read(response).await.unwrap_err(),
        Err(error) => {
            let attempts = context.attempts();
            assert_eq!(attempts.len(), 1, "{answer:?}");
            assert_eq!((attempts[0].outcome, attempts[0].status), (expect, None), "{answer:?}");
            error
        }
    };
    assert_eq!((error.outcome(), error.progress()), (expect, Progress::MaybeSent), "{answer:?}");
    assert_eq!(caller.in_flight(), 0, "{answer:?}");
    assert!(caller.cluster.inspect().nodes[0].success < 1.0, "{answer:?}");
    assert_eq!(caller.connections().open, 0, "{answer:?}");
}

#[tokio::test]
async fn broken_answers_are_resets_or_malformed() {
    check("", Outcome::UpstreamReset).await;
    check("HTTP/1.1 200 OK\r\ncontent-le", Outcome::UpstreamReset).await;
    check("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab", Outcome::UpstreamReset).await;
    check("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", Outcome::UpstreamReset).await;
    check("garbage\r\n\r\n", Outcome::UpstreamMalformed).await;
    check("HTTP/1.1 200 OK\r\nbad header: x\r\n\r\n", Outcome::UpstreamMalformed).await;
    check("HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n", Outcome::UpstreamMalformed).await;
    check("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", Outcome::UpstreamMalformed)
        .await;
    check("HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\nabcde", Outcome::UpstreamMalformed).await;
    check("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", Outcome::UpstreamMalformed).await;
    check("HTTP/1.1 101 Switching Protocols\r\n\r\n", Outcome::UpstreamMalformed).await;
    for codings in ["gzip", "xchunked", "chunked, gzip", "gzip, chunked", "chunked, chunked"] {
        let answer = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: {codings}\r\n\r\n2\r\nok\r\n0\r\n\r\n");
        check(answer.leak(), Outcome::UpstreamMalformed).await;
    }
}

/// hyper's half reads them for ever.
#[cfg(not(feature = "hyper-h1"))]
#[tokio::test]
async fn interim_answers_without_end_are_malformed() {
    let endless = "HTTP/1.1 100 Continue\r\n\r\n".repeat(17) + "HTTP/1.1 200 OK\r\n\r\n";
    check(endless.leak(), Outcome::UpstreamMalformed).await;
}

/// What follows its head would pass for the answer.
#[cfg(not(feature = "hyper-h1"))]
#[tokio::test]
async fn an_interim_answer_with_a_body_is_malformed() {
    for framing in ["content-length: 40", "transfer-encoding: chunked"] {
        let inner = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno";
        let answer = format!(
            "HTTP/1.1 100 Continue\r\n{framing}\r\n\r\n{inner}HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
        );
        check(answer.leak(), Outcome::UpstreamMalformed).await;
    }
}

/// Asks with HEAD; what hyper then does not read of the answer's framing is checked all the same.
async fn check_head(lengths: &'static [&'static str], expect: Option<&str>) {
    let origin = Origin::start(move |mut wire, _| async move {
        wire.head().await;
        let lines: String = lengths.iter().map(|length| format!("content-length: {length}\r\n")).collect();
        wire.send(&format!("HTTP/1.1 200 OK\r\n{lines}\r\n")).await;
    })
    .await;
    let caller = Caller::new(origin.address);
    let answer = caller.send_in(&context(), request(Method::HEAD, Body::empty())).await;
    match (answer, expect) {
        (Ok(response), Some(length)) => {
            let lines: Vec<_> = response.headers().get_all(CONTENT_LENGTH).iter().collect();
            assert_eq!(lines, [length], "{lengths:?}");
        }
        (Err(error), None) => assert_eq!(error.outcome(), Outcome::UpstreamMalformed, "{lengths:?}"),
        (answer, _) => panic!("{lengths:?}: {:?}", answer.map(|response| response.into_parts().0)),
    }
}

#[tokio::test]
async fn the_length_of_a_body_that_does_not_follow_is_one_number() {
    check_head(&["2"], Some("2")).await;
    check_head(&["2", "2"], Some("2")).await;
    check_head(&["2, 2"], Some("2")).await;
    check_head(&["2", "5"], None).await;
    check_head(&["2, 5"], None).await;
    check_head(&["+2"], None).await;
    check_head(&["x"], None).await;
    check_head(&[""], None).await;
}

#[tokio::test]
async fn a_refused_connection_is_unsent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let caller = Caller::new(address);
    let error = caller.get().await.unwrap_err();
    assert_eq!((error.outcome(), error.progress()), (Outcome::ConnectRefused, Progress::Unsent));
    assert_eq!((caller.in_flight(), caller.connections().open), (0, 0));
}

#[tokio::test]
async fn connecting_takes_no_longer_than_allowed() {
    // The handshake is never answered: the accept queue is not TLS.
    let origin = Origin::start(|wire, _| wire.closed()).await;
    let profile = gw_tls::Profile { insecure: true, ..gw_tls::Profile::default() };
    let caller = Caller::with(origin.address, |spec| {
        spec.backends[0].tls = Some(gw_tls::ClientProfile::build(&profile).unwrap());
        spec.connect_timeout = Duration::from_millis(20);
    });
    let error = caller.get().await.unwrap_err();
    assert_eq!((error.outcome(), error.progress()), (Outcome::ConnectTimeout, Progress::Unsent));
    assert_eq!((caller.in_flight(), caller.connections().open), (0, 0));
}

#[tokio::test]
async fn the_clients_broken_body_is_the_clients_fault() {
    let origin = Origin::start(|wire, _| wire.closed()).await;
    let caller = Caller::new(origin.address);
    let frames = [Ok(Frame::data(Bytes::from_static(b"half"))), Err(Error::new(Outcome::ClientClosed))];
    let body = Body::stream(StreamBody::new(futures_util::stream::iter(frames)));
    let error = caller.post(body).await.unwrap_err();
    assert_eq!((error.outcome(), error.progress()), (Outcome::ClientClosed, Progress::MaybeSent));
    assert_eq!(caller.cluster.inspect().nodes[0].success, 1.0);
}

#[tokio::test]
async fn a_fault_of_the_body_that_was_noted_wins_over_the_upstreams() {
    let hang_up = Arc::new(tokio::sync::Notify::new());
    let signal = Arc::clone(&hang_up);
    let origin = Origin::start(move |mut wire, _| {
        let signal = Arc::clone(&signal);
        async move {
            wire.head().await;
            wire.send("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab").await;
            signal.notified().await;
        }
    })
    .await;
    let caller = Caller::new(origin.address);
    let context = context();
    let response = caller.send_in(&context, request(Method::GET, Body::empty())).await.unwrap();
    context.note_body_fault(Outcome::ClientTimeout);
    hang_up.notify_one();
    assert_eq!(read(response).await.unwrap_err().outcome(), Outcome::ClientTimeout);
}

#[tokio::test]
async fn a_server_error_counts_against_the_node_and_is_an_answer() {
    let origin = Origin::answering("HTTP/1.1 503 Sorry\r\ncontent-length: 2\r\n\r\n{n}!").await;
    let caller = Caller::new(origin.address);
    let context = context();
    let response = caller.send_in(&context, request(Method::GET, Body::empty())).await.unwrap();
    assert_eq!(response.status(), 503);
    let attempt = &context.attempts()[0];
    assert_eq!((attempt.status, attempt.outcome), (Some(503), Outcome::UpstreamStatus));
    assert_eq!(*attempt.node, *origin.address.to_string());
    assert_eq!(read(response).await.unwrap(), b"0!");
    assert!(caller.cluster.inspect().nodes[0].success < 1.0);
}

#[tokio::test]
async fn filters_and_tried_nodes_are_heeded() {
    let (a, b) = (Origin::answering(super::harness::OK).await, Origin::answering(super::harness::OK).await);
    let backends = [&a, &b].map(|origin| BackendSpec::new(Target::Address(origin.address)));
    let caller = Caller::of(backends.to_vec(), |_| ());
    let context = context();
    for _ in 0..2 {
        caller.send_in(&context, request(Method::GET, Body::empty())).await.unwrap();
    }
    let mut tried = context.tried();
    tried.dedup();
    assert_eq!(tried.len(), 2, "the second attempt goes to the other node");
    let only: Arc<str> = a.address.to_string().into();
    context.push_filter(Arc::new(move |node| node.address == only));
    caller.send_in(&context, request(Method::GET, Body::empty())).await.unwrap();
    assert_eq!(*context.current_node().unwrap().address, *a.address.to_string());
    context.push_filter(Arc::new(|_| false));
    let error = caller.send_in(&context, request(Method::GET, Body::empty())).await.unwrap_err();
    assert_eq!((error.outcome(), error.progress()), (Outcome::NoHealthyUpstream, Progress::Unsent));
}

#[tokio::test]
async fn a_cluster_without_backends_has_no_node() {
    let error = Caller::of(Vec::new(), |_| ()).get().await.unwrap_err();
    assert_eq!((error.outcome(), error.progress()), (Outcome::NoHealthyUpstream, Progress::Unsent));
}

#[tokio::test]
async fn an_attempt_lasts_until_the_head_of_the_answer_or_the_failure() {
    const HOUR: Duration = Duration::from_secs(3600);
    let clock = Clock::movable();
    let time = clock.clone();
    let origin = Origin::start(move |mut wire, number| {
        let time = time.clone();
        async move {
            wire.head().await;
            time.advance(HOUR);
            if number == 0 {
                wire.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n").await;
                wire.closed().await;
            }
        }
    })
    .await;
    let mut options = ClientOptions::new(Handle::current(), Arc::new(Static::new()));
    options.clock = clock.clone();
    let backends = vec![BackendSpec::new(Target::Address(origin.address))];
    let factory = ClientFactory::new(options);
    let cluster = factory.cluster(ClusterSpec::new("test", Protocol::Http, backends)).unwrap();
    for status in [Some(200), None] {
        let context = context();
        let mut post = request(Method::POST, Body::empty());
        post.extensions_mut().insert(Arc::clone(&context));
        let answer = cluster.call(post).await;
        // A body may take its time.
        clock.advance(10 * HOUR);
        drop(answer);
        let [attempt] = &context.attempts()[..] else { panic!("one attempt") };
        assert_eq!(attempt.status, status);
        assert!((HOUR..2 * HOUR).contains(&attempt.elapsed), "{attempt:?}");
    }
}
