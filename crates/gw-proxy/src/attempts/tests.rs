//! Attempts around clients that do as they are told.

mod lent;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};
use gw_core::{AnswerForm, Body, Client, EndpointInfo, Progress as Sent};
use gw_middleware::client_fn;
use gw_telemetry::{BuildInfo, Metrics};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use parking_lot::Mutex;

use super::*;
use crate::replay::BUDGET;
use gw_middleware::Condition;

/// What the client saw, one entry per attempt.
type Seen = Arc<Mutex<Vec<(String, Option<String>)>>>;

/// Reads the body of each attempt, notes it, and answers as `answer` says by the attempt's number.
fn client(answer: impl Fn(usize) -> Result<Response> + Send + Sync + 'static) -> (Arc<dyn Client>, Seen) {
    let seen = Seen::default();
    let notes = Arc::clone(&seen);
    let answer = Arc::new(answer);
    let client = client_fn(move |req: Request| {
        let (notes, answer) = (Arc::clone(&notes), Arc::clone(&answer));
        async move {
            let timeout = req.headers().get("grpc-timeout").map(|value| value.to_str().unwrap().to_owned());
            let body = req.into_body().collect().await?.to_bytes();
            let number = {
                let mut notes = notes.lock();
                notes.push((String::from_utf8(body.to_vec()).unwrap(), timeout));
                notes.len() - 1
            };
            answer(number)
        }
    });
    (Arc::new(client), seen)
}

fn attempts(client: Arc<dyn Client>, attempts: u32, conditions: &[&str]) -> Attempts {
    let renderer = |error: &Error, _: Option<&RequestContext>| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = error.status();
        response
    };
    Attempts {
        chain: Chain::new(Vec::new(), client, Arc::new(renderer)),
        policy: RetryPolicy {
            attempts,
            conditions: conditions.iter().map(|status| Condition::status(status).unwrap()).collect(),
            non_idempotent: false,
            backoff: None,
        },
        gates: FeatureGates::default(),
        timeouts: Timeouts { request: Some(Duration::from_secs(15)), ..Timeouts::default() },
        breaker: Arc::new(crate::retry::breaker(Instant::now())),
        budget: Budget::new(BUDGET),
        series: Metrics::new(1, BuildInfo::default()).upstream("test"),
        clock: Clock::system(),

        interceptors: Interceptors::default(),
    }
}

fn context(grpc: bool) -> Arc<RequestContext> {
    let endpoint = EndpointInfo { grpc, ..EndpointInfo::default() };
    Arc::new(crate::testing::context(endpoint, AnswerForm::Text, Instant::now()))
}

fn request(method: &str, body: Body, cx: &Arc<RequestContext>) -> Request {
    let mut req = http::Request::builder().method(method).uri("/").body(body).unwrap();
    req.extensions_mut().insert(Arc::clone(cx));
    req
}

fn stream(chunks: &[&'static str]) -> Body {
    let frames: Vec<_> = chunks.iter().map(|chunk| Ok(Frame::data(Bytes::from(*chunk)))).collect();
    Body::stream(StreamBody::new(futures_util::stream::iter(frames)))
}

fn status(code: u16, body: &'static str) -> Result<Response> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(code).unwrap();
    Ok(response)
}

async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn an_answer_that_matches_is_tried_again_with_the_whole_body() {
    for body in [stream(&["ab", "cd"]), Body::from("abcd")] {
        let (client, seen) = client(|number| status(if number < 2 { 503 } else { 200 }, "done"));
        let attempts = attempts(client, 3, &["418", "500-504"]);
        let cx = context(false);
        let response = attempts.call(request("POST", body, &cx)).await.unwrap();
        assert_eq!((response.status().as_u16(), text(response).await.as_str()), (200, "done"));
        assert!(seen.lock().iter().all(|(body, _)| body == "abcd") && seen.lock().len() == 3);
        assert!(cx.is_last_attempt());
    }
}

#[tokio::test]
async fn a_closed_gate_ends_all_further_attempts() {
    let (client, seen) = client(|_| status(503, "no"));
    let attempts = attempts(client, 3, &["503"]);
    attempts.gates.set("gw:Retry", false);
    let cx = context(false);
    let response = attempts.call(request("GET", Body::empty(), &cx)).await.unwrap();
    assert_eq!((response.status().as_u16(), text(response).await.as_str()), (503, "no"));
    attempts.gates.set("gw:Retry", true);
    attempts.call(request("GET", Body::empty(), &cx)).await.unwrap();
    assert_eq!(seen.lock().len(), 1 + 3);
}

#[tokio::test]
async fn the_last_answer_arrives_with_its_body() {
    let (client, seen) = client(|number| status(503, ["first", "second"][number]));
    let response =
        attempts(client, 2, &["503"]).call(request("GET", Body::empty(), &context(false))).await.unwrap();
    assert_eq!((response.status().as_u16(), text(response).await.as_str()), (503, "second"));
    assert_eq!(seen.lock().len(), 2);
}

/// What a condition could match in the trailers comes too late for it.
#[tokio::test]
async fn a_good_answer_ends_the_attempts() {
    let (client, seen) = client(|_| {
        let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from(14))]);
        let frames = futures_util::stream::iter([Ok(Frame::trailers(trailers))]);
        Ok(Response::new(Body::stream(StreamBody::new(frames))))
    });
    let mut attempts = attempts(client, 3, &["503"]);
    attempts.policy.conditions.extend(Condition::header("grpc-status", "14"));
    let response = attempts.call(request("GET", Body::empty(), &context(false))).await.unwrap();
    assert_eq!(seen.lock().len(), 1);
    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()["grpc-status"], "14");
}

#[tokio::test]
async fn the_last_failure_is_told_when_none_is_left() {
    let (client, _) = client(|number| {
        Err(Error::new([Outcome::UpstreamMalformed, Outcome::ConnectRefused, Outcome::UpstreamReset][number]))
    });
    let attempts = attempts(client, 3, &[]);
    let response = attempts.call(request("GET", Body::empty(), &context(false))).await.unwrap();
    assert_eq!(response.extensions().get::<Failure>().unwrap().outcome, Outcome::UpstreamReset);
}

/// Two attempts at most, and time stands still for the breaker.
fn pairs(client: Arc<dyn Client>) -> Attempts {
    let mut attempts = attempts(client, 2, &["503"]);
    attempts.clock = Clock::movable();
    attempts.breaker = Arc::new(crate::retry::breaker(attempts.clock.now()));
    attempts
}

/// Ten failed retries are too few to judge; of further ones a few always pass.
#[tokio::test]
async fn retries_that_keep_failing_are_stopped_for_three_seconds() {
    let (client, seen) = client(|_| status(503, ""));
    let attempts = pairs(client);
    let ask = async |requests: usize| {
        let before = seen.lock().len();
        for _ in 0..requests {
            attempts.call(request("GET", Body::empty(), &context(false))).await.unwrap();
        }
        seen.lock().len() - before
    };
    assert_eq!(ask(10).await, 20);
    let made = ask(100).await;
    assert!((100..150).contains(&made), "{made}");
    attempts.clock.advance(Duration::from_secs(3));
    assert_eq!(ask(10).await, 20);
}

/// Each second attempt succeeds: were the first ones counted, half of all would have failed.
#[tokio::test]
async fn first_attempts_say_nothing_about_retries() {
    let (client, seen) = client(|number| status(if number % 2 == 0 { 503 } else { 200 }, ""));
    let attempts = pairs(client);
    for _ in 0..100 {
        let response = attempts.call(request("GET", Body::empty(), &context(false))).await.unwrap();
        assert_eq!(response.status(), 200);
    }
    assert_eq!(seen.lock().len(), 200);
}

#[tokio::test]
async fn a_client_that_leaves_during_a_retry_says_nothing_about_retries() {
    let begun = Arc::new(Mutex::new(0));
    let count = Arc::clone(&begun);
    let attempts = pairs(Arc::new(client_fn(move |_| {
        *count.lock() += 1;
        let retry = *count.lock() % 2 == 0;
        async move { if retry { std::future::pending().await } else { status(503, "") } }
    })));
    for _ in 0..100 {
        let asked = attempts.call(request("GET", Body::empty(), &context(false)));
        assert!(asked.now_or_never().is_none());
    }
    assert_eq!(*begun.lock(), 200, "each was tried again");
}

#[tokio::test]
async fn a_failure_is_repeated_only_where_that_is_safe() {
    for (method, progress, tries) in
        [("GET", Sent::MaybeSent, 2), ("POST", Sent::MaybeSent, 1), ("POST", Sent::Unsent, 2)]
    {
        let failure = move |_| match progress {
            Sent::Unsent => Err(Error::unsent(Outcome::ConnectRefused)),
            Sent::MaybeSent => Err(Error::new(Outcome::UpstreamReset)),
        };
        let (client, seen) = client(failure);
        let response =
            attempts(client, 2, &[]).call(request(method, stream(&["x"]), &context(false))).await.unwrap();
        assert_eq!(response.status(), 502, "rendered where it arose");
        assert_eq!(seen.lock().len(), tries, "{method} {progress:?}");
    }
}

/// At most 100, 200, 400 and 800 ms, each of which chance shortens.
#[tokio::test(start_paused = true)]
async fn a_further_attempt_waits_for_its_pause() {
    let (client, seen) = client(|_| status(503, ""));
    let mut attempts = attempts(client, 5, &["503"]);
    attempts.policy.backoff = Some(Duration::from_millis(100));
    let start = tokio::time::Instant::now();
    attempts.call(request("GET", Body::empty(), &context(false))).await.unwrap();
    assert_eq!(seen.lock().len(), 5);
    let waited = start.elapsed();
    assert!((Duration::from_millis(1)..Duration::from_millis(1_510)).contains(&waited), "{waited:?}");
}

#[tokio::test]
async fn a_body_too_large_to_keep_is_sent_once() {
    let chunk: &'static str = Box::leak("x".repeat(64 << 10).into_boxed_str());
    for body in [stream(&[chunk, "y"]), Body::from(format!("{chunk}y"))] {
        let (client, seen) = client(|_| status(503, ""));
        attempts(client, 3, &["503"]).call(request("PUT", body, &context(false))).await.unwrap();
        assert_eq!(seen.lock().len(), 1);
        assert_eq!(seen.lock()[0].0.len(), (64 << 10) + 1, "but in full");
    }
}

#[tokio::test]
async fn a_broken_body_is_the_clients_fault_whatever_the_upstream_says() {
    let (client, seen) = client(|_| status(200, ""));
    let cx = context(false);
    cx.note_body_fault(Outcome::ClientMalformed);
    let error = attempts(client, 3, &[]).call(request("GET", Body::empty(), &cx)).await.unwrap_err();
    assert_eq!((error.outcome(), seen.lock().len()), (Outcome::ClientMalformed, 1));
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_never_answers_is_given_up_and_blamed() {
    struct Abandoned(Arc<RequestContext>, Arc<Mutex<Option<Outcome>>>);
    impl Drop for Abandoned {
        fn drop(&mut self) {
            *self.1.lock() = Some(self.0.abandoned());
        }
    }
    let blamed = Arc::new(Mutex::new(None));
    let notes = Arc::clone(&blamed);
    let cx = context(false);
    let silent = client_fn(move |req: Request| {
        let guard = Abandoned(RequestContext::of(&req).cloned().unwrap(), Arc::clone(&notes));
        async move {
            std::future::pending::<()>().await;
            drop(guard);
            status(200, "")
        }
    });
    let attempts = attempts(Arc::new(silent), 1, &[]);
    let error = attempts.call(request("GET", Body::empty(), &cx)).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::UpstreamTimeout);
    assert_eq!(*blamed.lock(), Some(Outcome::UpstreamTimeout), "known before the attempt is dropped");
}

/// An upload that stops after its first bytes, before the client that reads it has anything to answer.
async fn stalled_upload(grpc: bool, attempts: Attempts) -> (Outcome, Outcome) {
    let cx = context(grpc);
    let first = futures_util::stream::iter([Ok(Frame::data(Bytes::from_static(b"half")))]);
    let mut body = Body::stream(StreamBody::new(first.chain(futures_util::stream::pending())));
    crate::upload::track(&mut body, &cx, &Clock::system());
    let mut req = request("PUT", body, &cx);
    if grpc {
        req.headers_mut().insert("grpc-timeout", HeaderValue::from_static("1S"));
    }
    let error = attempts.call(req).await.unwrap_err();
    (error.outcome(), cx.abandoned())
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stops_sending_is_blamed_for_the_time_it_takes() {
    for tries in [1, 3] {
        let (client, seen) = client(|_| status(200, ""));
        let blamed = stalled_upload(false, attempts(client, tries, &[])).await;
        assert_eq!(blamed, (Outcome::ClientTimeout, Outcome::ClientTimeout), "{tries} attempts");
        assert!(seen.lock().is_empty());
    }
    let (client, _) = client(|_| status(200, ""));
    let blamed = stalled_upload(true, attempts(client, 1, &[])).await;
    assert_eq!(blamed.0, Outcome::UpstreamTimeout, "a call's own deadline blames nobody else");
}

#[tokio::test]
async fn a_grpc_call_tells_the_upstream_how_long_it_has() {
    for (asked, most) in [("10S", 10), ("1H", 15)] {
        let (client, seen) = client(|_| status(200, ""));
        let cx = context(true);
        let mut req = request("POST", Body::empty(), &cx);
        req.headers_mut().insert("grpc-timeout", HeaderValue::from_static(asked));
        attempts(client, 1, &[]).call(req).await.unwrap();
        let left = seen.lock()[0].1.clone().unwrap();
        let left: u64 = left.strip_suffix('u').unwrap().parse().unwrap();
        assert!(left <= most * 1_000_000 && left > 0, "{asked}: {left}");
        assert!(cx.deadline().is_some(), "the body has it too");
    }
}

/// Its timer is what would wake the request later: the second attempt is looked at when it begins and when its own time
/// is up, and not in between, when that of the first would have been.
#[tokio::test(start_paused = true)]
async fn the_time_of_an_attempt_is_freed_with_it() {
    let start = tokio::time::Instant::now();
    let looks = Arc::new(Mutex::new(Vec::new()));
    let (begun, noted) = (Mutex::new(0), Arc::clone(&looks));
    let client = client_fn(move |_| {
        let attempt = {
            let mut begun = begun.lock();
            *begun += 1;
            *begun
        };
        let looks = Arc::clone(&noted);
        async move {
            if attempt == 1 {
                // Long enough for the timer to be set.
                tokio::time::sleep(Duration::from_millis(1)).await;
                return status(503, "");
            }
            std::future::poll_fn(|_| {
                looks.lock().push(start.elapsed());
                std::task::Poll::Pending
            })
            .await
        }
    });
    let mut attempts = attempts(Arc::new(client), 2, &["503"]);
    attempts.interceptors = Interceptors::new().attempt_deadline(move |_, now, _| {
        let limit = if start.elapsed().is_zero() { 1 } else { 10 };
        Some(now + Duration::from_secs(limit))
    });
    let response = attempts.call(request("GET", Body::empty(), &context(false))).await;
    assert_eq!(response.unwrap_err().outcome(), Outcome::UpstreamTimeout);
    assert!(start.elapsed() > Duration::from_secs(9));
    let looks: Vec<_> = looks.lock().iter().map(Duration::as_secs).collect();
    assert_eq!(looks, [0, 10]);
}
