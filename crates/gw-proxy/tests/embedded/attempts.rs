//! How long attempts take and how often they are made, as configured.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use gw_client::ClusterSpec;
use gw_core::{Body, Clock, Response};
use gw_middleware::{Registry, client_fn};
use gw_proxy::{Interceptors, Proxy};
use gw_telemetry::{BuildInfo, Metrics};
use http_body::Frame;
use http_body_util::StreamBody;

use super::{Made, get, naming, publish, serving};

#[tokio::test(start_paused = true)]
async fn a_hook_replaces_the_deadline_of_an_attempt() {
    let silent = |_: ClusterSpec| -> Made { Ok(Arc::new(client_fn(|_| std::future::pending()))) };
    let text = "[[endpoints]]\npath = '/'\ntimeout = '1h'\nretry = { attempts = 1 }\nbackends = [{ target = '192.0.2.1:1' }]\n";
    let hooks = Interceptors::new().attempt_deadline(|cx, now, configured| {
        assert_eq!(&*cx.endpoint.route, "/");
        assert!(configured.is_some_and(|configured| configured > now + Duration::from_secs(3000)));
        Some(now + Duration::from_millis(1))
    });
    let proxy = serving(text, hooks, &silent);
    let answered = tokio::time::timeout(Duration::from_secs(1), get(&proxy, "/")).await;
    assert_eq!(answered.unwrap().0, 504);
}

/// One of an hour all in all; what an attempt has is its own time, else the endpoint's.
#[tokio::test]
async fn an_attempt_has_its_own_time_else_the_endpoints() {
    for (retry, seconds) in [("attempts = 1, per_try_timeout = '7s'", 7), ("attempts = 1", 3600)] {
        let seen = Arc::new(parking_lot::Mutex::new(None));
        let note = Arc::clone(&seen);
        let hooks = Interceptors::new().attempt_deadline(move |_, now, configured| {
            *note.lock() = configured.map(|configured| configured - now);
            configured
        });
        let text = format!(
            "[[endpoints]]\npath = '/'\ntimeout = '1h'\nretry = {{ {retry} }}\nbackends = [{{ target = '192.0.2.1:1' }}]\n"
        );
        assert_eq!(get(&serving(&text, hooks, &naming), "/").await.0, 200);
        let left = seen.lock().unwrap();
        assert_eq!(left.as_millis().div_ceil(1000), seconds, "{left:?}");
    }
}

/// The Go gateway's runs over the body, which ends streams and downloads.
#[tokio::test(start_paused = true)]
async fn the_timeout_ends_with_the_headers_and_a_body_takes_its_time() {
    let late = |_: ClusterSpec| -> Made {
        Ok(Arc::new(client_fn(|_| async {
            let chunk = async {
                tokio::time::sleep(Duration::from_secs(60)).await;
                Ok(Frame::data(Bytes::from_static(b"late")))
            };
            let chunks = StreamBody::new(Box::pin(futures_util::stream::once(chunk)));
            Ok(Response::new(Body::stream(chunks)))
        })))
    };
    for protocol in ["http", "grpc"] {
        let text = format!(
            "[[endpoints]]\npath = '/'\nprotocol = '{protocol}'\ntimeout = '1s'\nbackends = [{{ target = '192.0.2.1:1' }}]\n"
        );
        let proxy = serving(&text, Interceptors::new(), &late);
        assert_eq!(get(&proxy, "/").await, (200, "late".to_owned()), "{protocol}");
    }
}

/// Each has its own, which a reload keeps: were it new, ten failed retries would be too few to judge again.
#[tokio::test]
async fn the_retry_breaker_of_an_endpoint_outlives_a_reload() {
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let failing = move |_: ClusterSpec| -> Made {
        let count = Arc::clone(&count);
        Ok(Arc::new(client_fn(move |_| {
            count.fetch_add(1, SeqCst);
            let mut response = Response::new(Body::empty());
            *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
            async { Ok(response) }
        })))
    };
    let text = |timeout: &str| {
        let endpoint = |path: &str| {
            format!(
                "[[endpoints]]\npath = '{path}'\ntimeout = '{timeout}'\nbackends = [{{ target = '192.0.2.1:1' }}]\n\
                 retry = {{ attempts = 2, conditions = [{{ by_status_code = '503' }}] }}\n"
            )
        };
        endpoint("/one") + &endpoint("/two")
    };
    // Time stands still.
    let proxy = Proxy::builder(1, Metrics::new(1, BuildInfo::default())).clock(Clock::movable()).build();
    publish(&proxy, Registry::built_in(), &text("1s"), &failing);
    let ask = async |path: &str, requests: usize| {
        let before = made.load(SeqCst);
        for _ in 0..requests {
            assert_eq!(get(&proxy, path).await.0, 503);
        }
        made.load(SeqCst) - before
    };
    assert!(ask("/one", 100).await < 150);
    publish(&proxy, Registry::built_in(), &text("2s"), &failing);
    assert!(ask("/one", 10).await < 20);
    assert_eq!(ask("/two", 10).await, 20);
}
