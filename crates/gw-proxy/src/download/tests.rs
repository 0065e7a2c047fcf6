//! How bodies end, as their clients and the metrics see it.

use std::sync::Arc;

use gw_core::{Clock, EndpointInfo, Request, Response};
use gw_telemetry::{BuildInfo, Metrics};
use http_body_util::{BodyExt as _, StreamBody};

use super::*;
use crate::exchange::Records;
use crate::headers::Seen;

struct Fixture {
    metrics: Arc<Metrics>,
    clock: Clock,
    exchange: Box<Exchange>,
}

fn fixture(form: AnswerForm) -> Fixture {
    let metrics = Metrics::new(1, BuildInfo::default());
    let clock = Clock::movable();
    let endpoint = EndpointInfo { name: "test".into(), route: "/".into(), ..EndpointInfo::default() };
    let cx = crate::testing::context(endpoint, form, clock.now());
    let records = Records::new(&cx.endpoint, &metrics, None, &clock);
    let exchange = Exchange::new(&Request::new(Body::empty()), &Seen::default(), Arc::new(cx), &records);
    Fixture { metrics, clock, exchange }
}

fn chunks(count: usize) -> Body {
    let frames = (0..count).map(|_| Ok(Frame::data(Bytes::from_static(b"abc"))));
    Body::stream(StreamBody::new(futures_util::stream::iter(frames)))
}

fn limits(idle: Option<Duration>, deadline: Option<Instant>) -> BodyLimits {
    BodyLimits { idle, deadline }
}

#[tokio::test]
async fn a_call_that_never_pauses_ends_at_its_deadline_with_a_status() {
    let Fixture { clock, exchange, .. } = fixture(AnswerForm::Grpc);
    let deadline = clock.now() + Duration::from_secs(1);
    let mut body = track(chunks(1_000_000), exchange, limits(None, Some(deadline)), false);
    assert!(body.frame().await.unwrap().unwrap().is_data());
    clock.advance(Duration::from_secs(1));
    let last = body.frame().await.unwrap().unwrap();
    assert_eq!(last.trailers_ref().unwrap()["grpc-status"], "4");
    assert!(body.frame().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stands_still_is_cut_off() {
    let Fixture { exchange, .. } = fixture(AnswerForm::Text);
    let silent = Body::stream(StreamBody::new(futures_util::stream::pending()));
    let mut body = track(silent, exchange, limits(Some(Duration::from_secs(5)), None), false);
    let error = body.frame().await.unwrap().unwrap_err();
    assert_eq!(error.outcome(), Outcome::UpstreamTimeout);
}

#[tokio::test]
async fn a_body_counts_as_delivered_only_at_its_end() {
    for (read, word) in [(3, ""), (2, "client_closed")] {
        let Fixture { metrics, exchange, .. } = fixture(AnswerForm::Text);
        let series = metrics.route("/", "test");
        let mut exchange = exchange;
        exchange.respond(&Response::new(Body::empty()));
        let mut body = track(chunks(3), exchange, limits(None, None), false);
        for _ in 0..read {
            body.frame().await.unwrap().unwrap();
        }
        if read == 3 {
            assert!(body.frame().await.is_none());
        }
        drop(body);
        let text = metrics.encode();
        let counted = |line: &str| {
            line.starts_with("http_server_request_duration_seconds_count{")
                && line.contains("http_response_status_code=\"200\"")
                && line.contains(&format!("error_type=\"{word}\""))
                && line.ends_with(" 1")
        };
        assert!(text.lines().any(counted), "{read}: {text}");
        assert!(text.contains(&format!(
            "http_server_response_body_bytes_total{{http_route=\"/\",endpoint=\"test\"}} {}",
            read * 3
        )));
        drop(series);
    }
}
