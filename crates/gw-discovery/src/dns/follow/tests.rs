//! The rhythm of a watch, on a clock that only moves when everybody waits.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use futures_util::StreamExt;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::*;
use crate::dns::resolve::Family;

/// Answers that were thought up before, and when each was asked for.
#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<VecDeque<Result<Found, Failure>>>>,
    asked: Arc<Mutex<Vec<Instant>>>,
}

impl Script {
    fn new(answers: impl IntoIterator<Item = Result<Found, Failure>>) -> Self {
        Self { answers: Arc::new(Mutex::new(answers.into_iter().collect())), asked: Arc::default() }
    }

    fn follow(&self) -> std::pin::Pin<Box<dyn Stream<Item = Result<Snapshot, DiscoveryError>> + Send>> {
        let script = self.clone();
        let ask = move || {
            script.asked.lock().push(Instant::now());
            let answer = script.answers.lock().pop_front();
            async move {
                match answer {
                    Some(answer) => answer,
                    None => std::future::pending().await,
                }
            }
        };
        Box::pin(follow("users:80".to_owned(), 80, ask, Backoff::new(1)))
    }

    /// Follows to the end of the script and returns what was told: addresses, or `error`.
    async fn play(&self) -> Vec<String> {
        let told = Mutex::new(Vec::new());
        let all = self.follow().for_each(|item| {
            told.lock().push(match item {
                Ok(snapshot) => {
                    let ids: Vec<_> =
                        snapshot.instances.iter().map(|instance| instance.id.as_str()).collect();
                    ids.join(" ")
                }
                Err(_) => "error".to_owned(),
            });
            std::future::ready(())
        });
        // Far beyond the end of any script: the clock jumps there when nothing else is left to do.
        let day = Duration::from_secs(86_400);
        tokio::time::timeout(day, all).await.expect_err("a watch never ends");
        told.into_inner()
    }

    /// The seconds between one question and the next.
    fn gaps(&self) -> Vec<f64> {
        self.asked.lock().windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect()
    }
}

fn family(list: &str) -> Family {
    Family::Known(list.split_whitespace().map(|ip| ip.parse().unwrap()).collect::<BTreeSet<_>>())
}

#[expect(clippy::unnecessary_wraps, reason = "a script is written in results")]
fn found(v4: &str, v6: &str, seconds: u64) -> Result<Found, Failure> {
    Ok(Found { v4: family(v4), v6: family(v6), ttl: Duration::from_secs(seconds) })
}

fn failed() -> Result<Found, Failure> {
    Err(Failure::Failed("no route".into()))
}

fn nothing() -> Result<Found, Failure> {
    Err(Failure::Nothing)
}

/// Gaps as the millisecond timer of tokio has them.
#[track_caller]
fn check_gaps(script: &Script, expect: &[f64], part: f64) {
    let gaps = script.gaps();
    let close = |(gap, expect): (&f64, &f64)| (gap - expect).abs() <= expect * part + 0.002;
    assert!(gaps.len() == expect.len() && gaps.iter().zip(expect).all(close), "{gaps:?}, not {expect:?}");
}

#[tokio::test(start_paused = true)]
async fn asks_again_when_the_ttl_has_passed_within_limits() {
    let script = Script::new(
        [0, 1, 30, 60, 3600].map(|ttl| found("10.0.0.1", "", ttl)).into_iter().chain([nothing()]),
    );
    assert_eq!(script.play().await, ["10.0.0.1:80", "error"]);
    let gaps = script.gaps();
    assert_eq!(gaps.len(), 6, "the last question stays without answer");
    for (gap, expect) in gaps.iter().zip([1.0, 1.0, 30.0, 60.0, 60.0]) {
        assert!((gap - expect).abs() < 0.002, "{gaps:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn tells_only_changes() {
    let script = Script::new([
        found("10.0.0.1 10.0.0.2", "", 5),
        found("10.0.0.2 10.0.0.1", "", 5),
        found("10.0.0.2", "", 5),
        found("10.0.0.2", "::1", 5),
        found("10.0.0.2", "::1", 5),
    ]);
    assert_eq!(script.play().await, ["10.0.0.1:80 10.0.0.2:80", "10.0.0.2:80", "10.0.0.2:80 [::1]:80"]);
    check_gaps(&script, &[5.0; 5], 0.0);
}

#[tokio::test(start_paused = true)]
async fn failures_never_replace_what_is_known() {
    let script = Script::new([
        found("10.0.0.1", "", 5),
        failed(),
        nothing(),
        failed(),
        found("10.0.0.1", "", 5),
        found("10.0.0.1", "", 5),
    ]);
    let told = ["10.0.0.1:80", "error", "10.0.0.1:80"];
    assert_eq!(script.play().await, told, "one outage is told once, and so is its end");
    check_gaps(&script, &[5.0, 1.0, 2.0, 4.0, 5.0, 5.0], 0.25);
}

#[tokio::test(start_paused = true)]
async fn every_outage_is_told_and_begins_with_a_short_wait() {
    let script = Script::new([
        failed(),
        failed(),
        failed(),
        found("10.0.0.1", "", 5),
        nothing(),
        found("10.0.0.2", "", 5),
    ]);
    assert_eq!(script.play().await, ["error", "10.0.0.1:80", "error", "10.0.0.2:80"]);
    check_gaps(&script, &[1.0, 2.0, 4.0, 5.0, 1.0, 5.0], 0.25);
}

#[tokio::test(start_paused = true)]
async fn a_long_outage_is_asked_about_twice_a_minute() {
    let script = Script::new((0..9).map(|_| failed()));
    assert_eq!(script.play().await, ["error"]);
    check_gaps(&script, &[1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, 30.0], 0.25);
}

#[tokio::test(start_paused = true)]
async fn one_failing_family_does_not_lose_its_addresses() {
    let half = Ok(Found { v4: family("10.0.0.2"), v6: Family::Unknown, ttl: Duration::from_secs(5) });
    let script = Script::new([found("10.0.0.1", "::1", 5), half, found("10.0.0.2", "", 5)]);
    assert_eq!(script.play().await, ["10.0.0.1:80 [::1]:80", "10.0.0.2:80 [::1]:80", "10.0.0.2:80"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_before_the_first_poll() {
    let script = Script::new([found("10.0.0.1", "", 5)]);
    let watch = script.follow();
    tokio::time::advance(Duration::from_secs(60)).await;
    assert!(script.asked.lock().is_empty());
    drop(watch);
}
