//! The breaker as its users meet it: options in, an upstream that fails, a clock that is moved.

use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use gw_core::{Body, Client, EndpointInfo, Error, Outcome};
use gw_value::Value;
use http::StatusCode;
use http_body_util::BodyExt as _;
use serde_json::json;

use super::*;
use crate::{Chain, Clients, Surroundings, client_fn};

/// Failures of the gateway itself are told apart from statuses by being above them.
const FAILS: u16 = 1000;

/// An upstream whose answers the test sets: a status, or [`FAILS`] and the outcome's place in the table.
struct Upstream {
    answers: AtomicU16,
    asked: AtomicUsize,
}

struct Bench {
    surroundings: Surroundings,
    upstream: Arc<Upstream>,
    dialect: Dialect,
}

impl Bench {
    fn new(dialect: Dialect) -> Self {
        let mut surroundings = Surroundings::alone(Clock::movable());
        surroundings.random = Arc::new(|| 7);
        let upstream = Upstream { answers: AtomicU16::new(200), asked: AtomicUsize::new(0) };
        Self { surroundings, upstream: Arc::new(upstream), dialect }
    }

    fn context(&self) -> BuildContext {
        let backup: Clients = Arc::new(|options: &Options| {
            let value = options.value().map(|value| value.get("fails").and_then(Value::as_bool));
            let fails = value.flatten().unwrap_or_default();
            Ok(Arc::new(client_fn(move |req: Request| async move {
                if fails {
                    return Err(Error::unsent(Outcome::ConnectRefused));
                }
                Ok(Response::new(req.into_body()))
            })))
        });
        let endpoint = EndpointInfo { name: "shop".into(), ..EndpointInfo::default() };
        BuildContext::new(Arc::new(endpoint), self.surroundings.clone(), backup, "shop\nendpoint")
    }

    fn build(&self, options: serde_json::Value) -> Result<Arc<Chain>, BuildError> {
        let value = serde_json::from_value(options).unwrap();
        let options = Options::new(value, self.dialect, false);
        let middleware = Factory.build(&options, &self.context())?;
        let renderer = |error: &Error, _: Option<&RequestContext>| {
            let mut response = Response::new(Body::from(error.outcome().as_str()));
            *response.status_mut() = error.status();
            response
        };
        Ok(Chain::new(vec![middleware], self.client(), Arc::new(renderer)))
    }

    fn client(&self) -> Arc<dyn Client> {
        let upstream = Arc::clone(&self.upstream);
        Arc::new(client_fn(move |_| {
            upstream.asked.fetch_add(1, Relaxed);
            let answer = upstream.answers.load(Relaxed);
            async move {
                if let Some(outcome) = answer.checked_sub(FAILS) {
                    return Err(Error::new(Outcome::ALL[usize::from(outcome)]));
                }
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::from_u16(answer).unwrap();
                Ok(response)
            }
        }))
    }

    /// Lets the upstream answer so to `count` requests, and says how many of them it was asked.
    async fn ask(&self, chain: &Arc<Chain>, count: usize, answer: u16) -> usize {
        self.upstream.answers.store(answer, Relaxed);
        let before = self.upstream.asked.load(Relaxed);
        for _ in 0..count {
            chain.run(Request::new(Body::empty())).await;
        }
        self.upstream.asked.load(Relaxed) - before
    }

    fn metrics(&self) -> String {
        self.surroundings.metrics.encode()
    }
}

fn failure(outcome: Outcome) -> u16 {
    FAILS + Outcome::ALL.iter().position(|other| *other == outcome).unwrap() as u16
}

async fn answer(chain: &Arc<Chain>, body: &'static str) -> (u16, String) {
    let response = chain.run(Request::new(Body::from(body))).await;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn it_opens_under_failures_and_closes_when_the_window_has_forgotten_them() {
    let bench = Bench::new(Dialect::Native);
    let chain = bench.build(json!({ "success_ratio": { "request": 20, "window": "1s" } })).unwrap();
    assert_eq!(bench.ask(&chain, 20, 500).await, 20, "too few to judge");
    let asked = bench.ask(&chain, 1000, 500).await;
    assert!(asked < 100, "{asked}: but a few always pass");
    let metrics = bench.metrics();
    let denied = format!("gateway_circuit_breaker_denied_total{{endpoint=\"shop\"}} {}\n", 1000 - asked);
    assert!(metrics.contains(&denied), "{metrics}");
    let ratio = metrics.lines().find_map(|line| {
        line.strip_prefix("gateway_circuit_breaker_refused_ratio{endpoint=\"shop\"} ")?.parse::<f64>().ok()
    });
    // Of those that were asked, and none that were refused, all failed.
    let failed = (20 + asked) as f64;
    assert!(ratio.is_some_and(|ratio| (ratio - failed / (failed + 1.0)).abs() < 1e-9), "{metrics}");
    bench.surroundings.clock.advance(Duration::from_secs(1));
    assert_eq!(bench.ask(&chain, 1000, 200).await, 1000);
    assert!(bench.metrics().contains("gateway_circuit_breaker_refused_ratio{endpoint=\"shop\"} 0\n"));
}

/// The table of docs/configuration.md.
#[tokio::test]
async fn what_counts_as_a_failure() {
    const NATIVE: Dialect = Dialect::Native;
    let conditions = json!([{ "by_status_code": "200-404" }, { "by_header": { "name": "a", "value": "b" } }]);
    for (dialect, conditions, answer, opens) in [
        (NATIVE, json!([]), 200, false),
        (NATIVE, json!([]), 404, false),
        (NATIVE, json!([]), 503, true),
        (NATIVE, json!([]), failure(Outcome::ConnectRefused), true),
        (NATIVE, json!([]), failure(Outcome::UpstreamTimeout), true),
        (NATIVE, json!([]), failure(Outcome::NoHealthyUpstream), true),
        (NATIVE, json!([]), failure(Outcome::ClientClosed), false),
        (NATIVE, json!([]), failure(Outcome::ClientTimeout), false),
        (NATIVE, json!([]), failure(Outcome::RateLimited), false),
        (NATIVE, json!([]), failure(Outcome::Overloaded), false),
        (Dialect::Go, json!([]), 503, false),
        (Dialect::Go, json!([]), failure(Outcome::ConnectRefused), true),
        (Dialect::Go, json!([]), failure(Outcome::ClientClosed), false),
        (NATIVE, conditions.clone(), 404, false),
        (NATIVE, conditions.clone(), 409, true),
        (Dialect::Go, conditions.clone(), 503, true),
        (Dialect::Go, conditions.clone(), failure(Outcome::UpstreamReset), true),
        (Dialect::Go, conditions, failure(Outcome::ClientClosed), false),
    ] {
        let bench = Bench::new(dialect);
        let options = json!({ "success_ratio": { "request": 10 }, "assert_condtions": conditions });
        let chain = bench.build(options).unwrap();
        let asked = bench.ask(&chain, 100, answer).await;
        assert_eq!(asked < 100, opens, "{dialect:?} {conditions} {answer}: asked {asked}");
    }
}

/// 100 requests are too few to judge, 0.6 of them have to succeed, and after 3 s they are forgotten. The Go gateway's zeros are
/// defaults.
#[tokio::test]
async fn without_a_trigger_the_success_ratio_has_its_defaults() {
    let zeros = json!({ "successRatio": { "success": 0, "request": 0, "bucket": "0", "window": "0s" } });
    for (dialect, options) in [(Dialect::Native, json!({})), (Dialect::Go, json!({})), (Dialect::Go, zeros)] {
        let bench = Bench::new(dialect);
        let chain = bench.build(options).unwrap();
        let failure = failure(Outcome::ConnectRefused);
        assert_eq!(bench.ask(&chain, 60, 200).await + bench.ask(&chain, 40, failure).await, 100);
        assert_eq!(bench.ask(&chain, 1, failure).await, 1, "60 of 100 are just enough");
        let asked = bench.ask(&chain, 1000, failure).await;
        assert!(asked < 500, "{dialect:?}: asked {asked}");
        bench.surroundings.clock.advance(Duration::from_secs(2));
        assert!(bench.ask(&chain, 100, 200).await < 100, "{dialect:?}");
        bench.surroundings.clock.advance(Duration::from_secs(1));
        assert_eq!(bench.ask(&chain, 100, 200).await, 100, "{dialect:?}");
    }
}

#[tokio::test]
async fn what_failed_before_others_succeeded_is_outweighed() {
    let bench = Bench::new(Dialect::Native);
    let chain = bench.build(json!({ "success_ratio": { "success": 0.5, "request": 10 } })).unwrap();
    bench.ask(&chain, 9, 500).await;
    assert_eq!(bench.ask(&chain, 1, 200).await, 1);
    let chain = bench.build(json!({ "success_ratio": { "success": 0.1, "request": 10 } })).unwrap();
    assert_eq!(bench.ask(&chain, 100, 200).await, 100, "one of ten is enough for this one");
}

#[tokio::test]
async fn its_window_outlives_it_whatever_becomes_of_its_options() {
    let bench = Bench::new(Dialect::Native);
    let first = bench.build(json!({ "success_ratio": { "request": 20 } })).unwrap();
    bench.ask(&first, 100, 500).await;
    let second =
        bench.build(json!({ "success_ratio": { "request": 21 }, "response_data": { "body": "later" } }));
    let second = second.unwrap();
    drop(first);
    let asked = bench.ask(&second, 100, 500).await;
    assert!(asked < 20, "it was open before: {asked}");
}

#[tokio::test]
async fn a_ratio_lets_its_share_pass() {
    let bench = Bench::new(Dialect::Go);
    for (ratio, least, most) in [(0, 0, 0), (2_500, 2_300, 2_700), (10_000, 10_000, 10_000)] {
        let chain = bench.build(json!({ "ratio": ratio })).unwrap();
        let asked = bench.ask(&chain, 10_000, 500).await;
        assert!((least..=most).contains(&asked), "{ratio}: {asked}");
    }
}

#[tokio::test]
async fn what_is_answered_instead() {
    let go = Bench::new(Dialect::Go);
    let native = Bench::new(Dialect::Native);
    for (bench, action, expected) in [
        (&native, json!({}), (503, "breaker_open")),
        (&native, json!({ "response_data": {} }), (503, "")),
        (&native, json!({ "response_data": { "status_code": 200, "body": "later" } }), (200, "later")),
        (&native, json!({ "response_data": { "body_base64": "bGF0ZXI=" } }), (503, "later")),
        (&go, json!({ "responseData": { "statusCode": "429", "body": "bGF0ZXI=" } }), (429, "later")),
        (&go, json!({ "responseData": { "statusCode": 0 } }), (503, "")),
        (&native, json!({ "backup_service": { "endpoint": {} } }), (200, "asked")),
        (&go, json!({ "backupService": { "endpoint": { "fails": true } } }), (502, "connect_refused")),
    ] {
        let mut options = action.clone();
        options["ratio"] = json!(0);
        let chain = bench.build(options).unwrap();
        assert_eq!(answer(&chain, "asked").await, (expected.0, expected.1.to_owned()), "{action}");
    }
    let header = json!([{ "key": "X-A", "value": ["1", "2"] }, { "key": "x-b", "value": [] }]);
    let chain = native.build(json!({ "ratio": 0, "response_data": { "header": header } })).unwrap();
    let response = chain.run(Request::new(Body::empty())).await;
    assert_eq!(response.headers().get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(response.extensions().get::<Failure>().unwrap().outcome, Outcome::BreakerOpen);
}

#[test]
fn options_that_cannot_be_meant_are_refused() {
    let bench = Bench::new(Dialect::Native);
    for (options, path) in [
        (json!({ "ratio": 10_001 }), "ratio"),
        (json!({ "ratio": 1, "success_ratio": {} }), "ratio"),
        (json!({ "success_ratio": { "success": 0.0 } }), "success_ratio.success"),
        (json!({ "success_ratio": { "success": 1.5 } }), "success_ratio.success"),
        (json!({ "success_ratio": { "request": 0 } }), "success_ratio.request"),
        (json!({ "success_ratio": { "bucket": 0 } }), "success_ratio.bucket"),
        (json!({ "success_ratio": { "bucket": 1001 } }), "success_ratio.bucket"),
        (json!({ "success_ratio": { "bucket": 10, "window": "9ms" } }), "success_ratio.window"),
        (json!({ "success_ratio": { "window": "2h" } }), "success_ratio.window"),
        (json!({ "success_ratio": { "bucket": -1 } }), "success_ratio.bucket"),
        (json!({ "response_data": { "status_code": 101 } }), "status_code"),
        (json!({ "response_data": { "status_code": 204, "body": "x" } }), "response_data.body"),
        (json!({ "response_data": { "body": "x", "body_base64": "eA==" } }), "response_data"),
        (json!({ "response_data": { "body_base64": "x" } }), "body_base64"),
        (json!({ "response_data": { "header": [{ "key": "te", "value": ["x"] }] } }), "header[0].key"),
        (json!({ "response_data": { "header": [{ "key": "a", "value": ["\n"] }] } }), "header[0].value"),
        (json!({ "response_data": {}, "backup_service": { "endpoint": {} } }), "backup_service"),
        (json!({ "backup_service": {} }), "backup_service"),
        (json!({ "assert_conditions": [{}] }), "assert_conditions[0]"),
        (json!({ "assert_conditions": [{ "by_status_code": "5xx" }] }), "assert_conditions[0]"),
        (json!({ "assert_condition": [] }), "assert_condition"),
    ] {
        match bench.build(options.clone()) {
            Err(BuildError::Options(faults)) => {
                assert!(faults.iter().any(|fault| fault.path.ends_with(path)), "{options}: {faults:?}");
            }
            other => panic!("{options}: {:?}", other.map(|_| "built")),
        }
    }
}
