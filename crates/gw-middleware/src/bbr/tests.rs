//! The limit against an oracle that remembers every request, and an overload from its beginning to its end.

use std::collections::HashMap;

use gw_core::{Body, EndpointInfo};
use gw_value::{Dialect, Value};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Chain, Surroundings, client_fn};

const MS: Duration = Duration::from_millis(1);

/// Requests by the part of the window in which they ended, with their times in microseconds.
#[derive(Default)]
struct Oracle(Vec<(u64, u64)>);

impl Oracle {
    /// The formula as aegis writes it, over those parts of the last 10 s that are over.
    fn max_in_flight(&self, now_ms: u64) -> i64 {
        let current = now_ms / 100;
        let mut parts: HashMap<u64, Vec<u64>> = HashMap::new();
        for (part, micros) in &self.0 {
            if *part < current && part + 100 > current {
                parts.entry(*part).or_default().push(*micros);
            }
        }
        let most = parts.values().map(Vec::len).max().unwrap_or(1).max(1);
        let mean_ms = |times: &Vec<u64>| times.iter().sum::<u64>() as f64 / times.len() as f64 / 1000.0;
        let least = parts.values().map(mean_ms).fold(f64::INFINITY, f64::min);
        let least = if least.is_finite() { least.ceil().max(1.0) } else { 1.0 };
        (most as f64 * least * 10.0 / 1000.0).floor() as i64
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_limit_is_that_of_the_best_parts(
        steps in prop::collection::vec((0_u64..400, 1_usize..20, 0_u64..3_000_000), 1..60),
    ) {
        let start = Instant::now();
        let limiter = Limiter::new(Duration::from_secs(10), start);
        let (mut oracle, mut at) = (Oracle::default(), 4000);
        for (wait, requests, micros) in steps {
            at += wait;
            let now = start + MS * at as u32;
            for _ in 0..requests {
                prop_assert!(limiter.begin(false, || now));
                limiter.end(now - Duration::from_micros(micros), now);
                oracle.0.push((at / 100, micros));
            }
            prop_assert_eq!(limiter.max_in_flight(now), oracle.max_in_flight(at));
            let later = at + 150;
            prop_assert_eq!(limiter.max_in_flight(start + MS * later as u32), oracle.max_in_flight(later));
            at = later;
        }
    }
}

/// Half a second of one request each 10 ms that takes 200 ms: 10 end in each part, so that 20 fit.
fn warm(limiter: &Limiter, start: Instant) -> Instant {
    for step in 0..50 {
        let now = start + MS * 10 * step;
        assert!(limiter.begin(false, || now));
        limiter.end(now, now + 200 * MS);
    }
    let now = start + 1000 * MS;
    assert_eq!(limiter.max_in_flight(now), 20);
    now
}

#[test]
fn an_overload_is_shed_and_the_limit_holds_for_a_second_after_its_first_refusal() {
    let start = Instant::now();
    let limiter = Limiter::new(Duration::from_secs(10), start);
    let now = warm(&limiter, start);
    let begin = |overloaded, at| limiter.begin(overloaded, || at);
    for _ in 0..30 {
        assert!(begin(false, now), "a calm gateway has no limit");
    }
    assert!(!begin(true, now), "30 are more than 20");
    let soon = now + 900 * MS;
    assert!(!begin(false, soon), "calm again, but for less than a second");
    for _ in 0..10 {
        limiter.end(now, soon);
    }
    assert!(begin(true, soon), "20 fit");
    assert!(!begin(true, soon));
    assert!(begin(false, now + 1001 * MS), "the second is over");
    assert!(begin(false, soon), "and forgotten");
}

#[test]
fn two_are_always_let_in() {
    let now = Instant::now();
    let limiter = Limiter::new(Duration::from_secs(10), now);
    assert_eq!(limiter.max_in_flight(now), 0);
    let begun = (0..5).filter(|_| limiter.begin(true, || now)).count();
    assert_eq!(begun, 2);
}

fn context(surroundings: &Surroundings) -> BuildContext {
    let none: crate::Clients = Arc::new(|_| Err(BuildError::Failed("none".into())));
    let endpoint = EndpointInfo { name: "shop".into(), ..EndpointInfo::default() };
    BuildContext::new(Arc::new(endpoint), surroundings.clone(), none, "shop")
}

fn build(options: serde_json::Value, surroundings: &Surroundings) -> Result<Arc<dyn Middleware>, BuildError> {
    let value: Value = serde_json::from_value(options).unwrap();
    Factory.build(&Options::new(value, Dialect::Native, false), &context(surroundings))
}

/// Whether the chain refuses a request; one that it lets pass stays in flight in the list.
async fn refuses(chain: &Arc<Chain>, in_flight: &mut Vec<tokio::task::JoinHandle<()>>) -> bool {
    let (sender, begun) = tokio::sync::oneshot::channel::<()>();
    let mut req = Request::new(Body::empty());
    req.extensions_mut().insert(Arc::new(parking_lot::Mutex::new(Some(sender))));
    let chain = Arc::clone(chain);
    in_flight.push(tokio::spawn(async move {
        drop(chain.run(req).await);
    }));
    begun.await.is_err()
}

#[tokio::test]
async fn shedding_begins_with_the_load_and_ends_with_it() {
    type Begun = Arc<parking_lot::Mutex<Option<tokio::sync::oneshot::Sender<()>>>>;
    let surroundings = Surroundings::alone(Clock::movable());
    let load = context(&surroundings).shared(Load::default);
    load.set(799);
    let bbr = build(json!({}), &surroundings).unwrap();
    let upstream = client_fn(|req: Request| async move {
        if let Some(sender) = req.extensions().get::<Begun>().and_then(|begun| begun.lock().take()) {
            sender.send(()).unwrap();
        }
        std::future::pending().await
    });
    let renderer = |error: &Error, _: Option<&RequestContext>| {
        assert_eq!(error.outcome(), Outcome::RateLimited);
        Response::new(Body::empty())
    };
    let chain = Chain::new(vec![bbr], Arc::new(upstream), Arc::new(renderer));
    let mut in_flight = Vec::new();
    for _ in 0..10 {
        assert!(!refuses(&chain, &mut in_flight).await, "799 is not yet too much");
    }
    load.set(800);
    for _ in 0..5 {
        assert!(refuses(&chain, &mut in_flight).await);
    }
    let dropped = "gateway_bbr_dropped_total{endpoint=\"shop\"} 5\n";
    assert!(surroundings.metrics.encode().contains(dropped), "{}", surroundings.metrics.encode());
    let second = build(json!({ "cpu_threshold": 900 }), &surroundings).unwrap();
    drop(second);
    load.set(0);
    assert!(refuses(&chain, &mut in_flight).await, "it cools down");
    surroundings.clock.advance(Duration::from_millis(1001));
    assert!(!refuses(&chain, &mut in_flight).await);
    load.set(1000);
    // Whoever goes away is in flight no more.
    for task in in_flight {
        task.abort();
        let _ = task.await;
    }
    assert!(!refuses(&chain, &mut Vec::new()).await);
}

/// It has no options there.
#[test]
fn what_is_not_said_is_as_in_the_go_gateway() {
    let BbrOptions { cpu_threshold, window } = BbrOptions::default();
    assert_eq!((*cpu_threshold, window), (800, Duration::from_secs(10)));
}

#[test]
fn options_that_cannot_be_meant_are_refused() {
    let surroundings = Surroundings::alone(Clock::system());
    for options in [json!({ "cpu_threshold": 1001 }), json!({ "window": "10ms" }), json!({ "window": "1h" })]
    {
        assert!(
            matches!(build(options, &surroundings), Err(BuildError::Options(faults)) if faults.len() == 1)
        );
    }
}
