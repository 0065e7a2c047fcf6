//! The race with a peer that closes an idle connection just when it is used again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use gw_core::{Body, Outcome, Progress};
use http::Method;

use super::harness::{Caller, Origin, read, request};

/// An origin that announces nothing and closes each connection after one answer. It counts the POST bodies it saw.
async fn closing(posts: &Arc<AtomicUsize>) -> Origin {
    let posts = Arc::clone(posts);
    Origin::start(move |mut wire, _| {
        let posts = Arc::clone(&posts);
        async move {
            let Some(head) = wire.head().await else { return };
            if head.starts_with("POST") {
                wire.body(4).await;
                posts.fetch_add(1, Ordering::SeqCst);
            }
            wire.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        }
    })
    .await
}

async fn race(method: Method) {
    let posts = Arc::new(AtomicUsize::new(0));
    let origin = closing(&posts).await;
    let caller = Arc::new(Caller::new(origin.address));
    let callers = (0..8).map(|_| {
        let (caller, method) = (Arc::clone(&caller), method.clone());
        tokio::spawn(async move {
            let (mut answered, mut unsure) = (0, 0);
            for _ in 0..100 {
                let body = if method == Method::POST {
                    Body::from(Bytes::from_static(b"body"))
                } else {
                    Body::empty()
                };
                match caller.send(request(method.clone(), body)).await {
                    Ok(response) => {
                        assert_eq!(read(response).await.unwrap(), b"ok");
                        answered += 1;
                    }
                    Err(error) => {
                        assert_eq!(error.outcome(), Outcome::UpstreamReset, "{error:?}");
                        assert_eq!(error.progress(), Progress::MaybeSent, "{error:?}");
                        unsure += 1;
                    }
                }
            }
            (answered, unsure)
        })
    });
    let ended = futures_util::future::join_all(callers).await;
    let (answered, unsure) =
        ended.into_iter().map(Result::unwrap).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    if method == Method::POST {
        let seen = posts.load(Ordering::SeqCst);
        assert_eq!(answered + unsure, 800);
        assert!(
            (answered..=answered + unsure).contains(&seen),
            "{seen} POSTs arrived for {answered} answers"
        );
    } else {
        assert_eq!((answered, unsure), (800, 0));
    }
    assert_eq!(caller.in_flight(), 0);
}

#[tokio::test]
async fn no_get_fails_on_one_thread() {
    race(Method::GET).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_get_fails_on_two_threads() {
    race(Method::GET).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_post_arrives_twice() {
    race(Method::POST).await;
}

/// An origin that answers its first request, and at the next one on that connection hangs up.
async fn hanging_up(read_body: bool) -> Origin {
    Origin::start(move |mut wire, number| async move {
        wire.head().await;
        wire.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        if number == 0 {
            wire.head().await;
            if read_body {
                wire.body(4).await;
            }
            return;
        }
        wire.closed().await;
    })
    .await
}

#[tokio::test]
async fn an_idempotent_request_that_got_no_word_is_sent_on_a_new_connection() {
    let origin = hanging_up(false).await;
    let caller = Caller::new(origin.address);
    for _ in 0..2 {
        assert_eq!(caller.text().await, "ok");
    }
    assert_eq!(origin.accepted(), 2);
}

#[tokio::test]
async fn a_post_that_got_no_word_may_have_been_sent() {
    let origin = hanging_up(true).await;
    let caller = Caller::new(origin.address);
    assert_eq!(caller.text().await, "ok");
    let error = caller.post(Bytes::from_static(b"body")).await.unwrap_err();
    assert_eq!((error.outcome(), error.progress()), (Outcome::UpstreamReset, Progress::MaybeSent));
    assert_eq!(origin.accepted(), 1);
}

#[tokio::test]
async fn a_get_that_fails_on_a_new_connection_is_not_sent_again() {
    let origin = Origin::start(|mut wire, _| async move {
        wire.head().await;
    })
    .await;
    let caller = Caller::new(origin.address);
    let error = caller.get().await.unwrap_err();
    assert_eq!((error.outcome(), error.progress()), (Outcome::UpstreamReset, Progress::MaybeSent));
    assert_eq!(origin.accepted(), 1);
}
