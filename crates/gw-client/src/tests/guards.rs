//! Whatever is dropped, and wherever: nothing stays in flight, and the upstream sees that nobody waits.

use bytes::Bytes;
use futures_util::poll;
use gw_core::{Body, Outcome};
use http::Method;
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::mpsc;

use gw_core::Client;

use super::harness::{Caller, Origin, PATIENCE, context, request, until};

#[tokio::test]
async fn a_cancelled_attempt_is_seen_by_the_upstream_and_noted() {
    let (tell, mut told) = mpsc::channel(2);
    let origin = Origin::start(move |mut wire, _| {
        let tell = tell.clone();
        async move {
            wire.head().await;
            tell.send("head").await.unwrap();
            wire.closed().await;
            tell.send("closed").await.unwrap();
        }
    })
    .await;
    let caller = Caller::new(origin.address);
    for why in [None, Some(Outcome::UpstreamTimeout)] {
        let context = context();
        let mut request = request(Method::GET, Body::empty());
        request.extensions_mut().insert(context.clone());
        let mut call = caller.cluster.call(request);
        tokio::select! {
            _ = &mut call => panic!("there is no answer"),
            head = told.recv() => assert_eq!(head, Some("head")),
        }
        context.set_abandoned(why);
        drop(call);
        assert_eq!(told.recv().await, Some("closed"));
        assert_eq!((caller.in_flight(), caller.connections().open), (0, 0));
        let outcome = why.unwrap_or(Outcome::ClientClosed);
        assert_eq!(context.attempts()[0].outcome, outcome);
        let hurt = caller.cluster.inspect().nodes[0].success < 1.0;
        assert_eq!(hurt, outcome.facts().hurts_node);
    }
}

/// Polls a call `polls` times and drops it; returns whether it was still pending.
async fn dropped_after(caller: &Caller, polls: usize) -> bool {
    let mut request = request(Method::GET, Body::empty());
    request.extensions_mut().insert(context());
    let mut call = caller.cluster.call(request);
    for _ in 0..polls {
        if poll!(&mut call).is_ready() {
            return false;
        }
        tokio::task::yield_now().await;
    }
    true
}

#[tokio::test]
async fn a_call_dropped_at_any_point_leaves_nothing() {
    let origin = Origin::answering(super::harness::OK).await;
    for protocol in [crate::Protocol::Http, crate::Protocol::Http2] {
        let caller = Caller::with(origin.address, |spec| spec.protocol = protocol);
        for polls in 0..200 {
            dropped_after(&caller, polls).await;
            assert_eq!(caller.in_flight(), 0, "{protocol:?} after {polls} polls");
        }
        until(|| caller.connections().waiting == 0).await;
    }
}

#[tokio::test]
async fn a_body_dropped_at_any_frame_leaves_nothing() {
    let origin = Origin::start(|mut wire, _| async move {
        while wire.head().await.is_some() {
            wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n").await;
            wire.send("1\r\nb\r\n0\r\nx-trailer: t\r\n\r\n").await;
        }
    })
    .await;
    let caller = Caller::new(origin.address);
    for frames in 0..5 {
        let mut response = caller.get().await.unwrap();
        assert_eq!(caller.in_flight(), 1);
        for _ in 0..frames {
            drop(response.body_mut().frame().await);
        }
        drop(response);
        assert_eq!(caller.in_flight(), 0, "after {frames} frames");
    }
}

#[tokio::test]
async fn trailers_pass_and_end_the_answer() {
    let origin = Origin::answering(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-trailer: t\r\n\r\n",
    )
    .await;
    let caller = Caller::new(origin.address);
    let body = caller.get().await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()["x-trailer"], "t");
    assert_eq!((caller.in_flight(), caller.connections().idle), (0, 1));
}

#[tokio::test]
async fn an_answer_dropped_while_the_request_is_sent_ends_the_sending() {
    let origin = Origin::start(|mut wire, _| async move {
        wire.head().await;
        wire.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab").await;
        wire.closed().await;
    })
    .await;
    let caller = Caller::new(origin.address);
    let (upload, body) = mpsc::channel::<()>(1);
    let frames = futures_util::stream::unfold(body, |mut body| async move {
        body.recv().await.map(|()| (Ok(Frame::data(Bytes::from_static(b"more"))), body))
    });
    let body = UnsyncBoxBody::<Bytes, gw_core::Error>::new(StreamBody::new(frames));
    let mut request = request(Method::POST, Body::stream(body));
    request.extensions_mut().insert(context());
    let response = caller.cluster.call(request).await.unwrap();
    drop(response);
    assert_eq!((caller.in_flight(), caller.connections().open), (0, 0));
    // The client's body is let go of at once.
    tokio::time::timeout(PATIENCE, upload.closed()).await.unwrap();
}
