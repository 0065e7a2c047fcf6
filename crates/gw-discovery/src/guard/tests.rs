//! The guarded stream against a source that follows a script, on a clock that only moves when everybody waits.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::scripted::{Scripted, Step, ids, snapshot, unavailable};
use crate::testing::{Fixture, contract};
use crate::{Instance, Static};

const MINUTE: Duration = Duration::from_secs(60);

/// A guarded watch whose items are collected.
struct Seen {
    source: Arc<Scripted>,
    clock: Clock,
    watch: BoxStream<'static, Result<Snapshot, DiscoveryError>>,
}

impl Seen {
    async fn start() -> Self {
        let (source, clock) = (Scripted::new(), Clock::movable());
        let guard = Guard::new(Arc::clone(&source) as _, GuardOptions::default(), clock.clone());
        let mut seen = Self { source, clock, watch: guard.watch("users") };
        assert_eq!(seen.wait(Duration::from_millis(1)).await, [""; 0]);
        seen
    }

    async fn says(&mut self, ids: &str) -> Vec<String> {
        self.source.say(ids);
        self.wait(Duration::from_millis(1)).await
    }

    /// What is told within `time`.
    async fn wait(&mut self, time: Duration) -> Vec<String> {
        let mut told = Vec::new();
        // The timers go by tokio's clock and the marks by ours: both move in step.
        let step = time.min(Duration::from_secs(1));
        let mut steps = tokio::time::interval_at(tokio::time::Instant::now() + step, step);
        let clock = self.clock.clone();
        let tick = async {
            for _ in 0..time.as_millis() / step.as_millis() {
                steps.tick().await;
                clock.advance(step);
            }
        };
        let all = async {
            while let Some(item) = self.watch.next().await {
                told.push(item.map_or("error".to_owned(), |snapshot| {
                    let unhealthy = snapshot.unhealthy.iter().map(|id| format!(" {id}!"));
                    ids(&snapshot.instances) + &unhealthy.collect::<String>()
                }));
            }
        };
        let Either::Left(_) = select(pin!(tick), pin!(all)).await else { panic!("a watch never ends") };
        told
    }
}

impl Fixture for (Arc<Static>, Guard) {
    fn source(&self) -> &dyn Discovery {
        &self.1
    }

    fn service(&self) -> String {
        "users".to_owned()
    }

    fn unknown(&self) -> String {
        "nobody".to_owned()
    }

    fn set(&self, instances: usize) -> BoxFuture<'_, ()> {
        let at = |n| Instance::at("users", format_args!("10.0.0.{n}:80"));
        self.0.set("users", (0..instances).map(at).collect());
        Box::pin(std::future::ready(()))
    }

    fn repeat(&self) -> BoxFuture<'_, ()> {
        Fixture::set(self, 2)
    }
}

#[tokio::test]
async fn keeps_the_contract() {
    let source = Arc::new(Static::new());
    let guard = Guard::new(Arc::clone(&source) as _, GuardOptions::default(), Clock::system());
    contract(&(source, guard)).await;
}

#[tokio::test(start_paused = true)]
async fn a_doubtful_answer_is_asked_about_and_what_is_confirmed_present_never_left() {
    let mut seen = Seen::start().await;
    assert_eq!(seen.says("1 2").await, ["1 2"]);
    seen.source.read_next(Ok(snapshot("1 2")));
    assert_eq!(seen.says("").await, [""; 0], "a follower that knew nothing yet");
    assert_eq!(seen.source.asked(), [Consistency::Consistent]);
    seen.source.read_next(Ok(snapshot("2 3")));
    assert_eq!(seen.says("").await, ["2 3"], "what the leader says counts");
}

#[tokio::test(start_paused = true)]
async fn an_emptied_service_is_held_for_its_time_and_no_longer() {
    let mut seen = Seen::start().await;
    assert_eq!(seen.says("1 2").await, ["1 2"]);
    seen.source.read_next(Ok(snapshot("")));
    assert_eq!(seen.says("").await, ["1~ 2~"]);
    assert_eq!(seen.wait(MINUTE).await, [""; 0]);
    assert_eq!(seen.says("2").await, ["2 1~"], "listed again, and present at once");
    assert_eq!(seen.wait(3 * MINUTE + MINUTE / 2).await, [""; 0]);
    // The last question stays without answer, which changes nothing.
    assert_eq!(seen.wait(MINUTE).await, ["2"]);
    assert_eq!(seen.source.asked().len(), 2);
    assert_eq!(seen.wait(60 * MINUTE).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_the_last_question_finds_is_present() {
    let mut seen = Seen::start().await;
    assert_eq!(seen.says("1 2").await, ["1 2"]);
    seen.source.read_next(Err(unavailable()));
    assert_eq!(seen.says("").await, ["1~ 2~"], "an error confirms nothing, and is no list either");
    seen.source.read_next(Ok(snapshot("1")));
    assert_eq!(seen.wait(6 * MINUTE).await, ["1"]);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_does_not_confirm_is_not_waited_for() {
    let mut seen = Seen::start().await;
    assert_eq!(seen.says("1").await, ["1"]);
    assert_eq!(seen.says("").await, [""; 0]);
    assert_eq!(seen.wait(Duration::from_secs(6)).await, ["1~"]);
    assert_eq!(seen.wait(6 * MINUTE).await, [""]);
}

#[tokio::test(start_paused = true)]
async fn errors_pass_and_nothing_is_given_up_in_an_outage() {
    let mut seen = Seen::start().await;
    seen.source.fail();
    assert_eq!(seen.wait(MINUTE).await, ["error"]);
    assert_eq!(seen.says("1 2").await, ["1 2"]);
    seen.source.fail();
    assert_eq!(seen.wait(MINUTE).await, ["error"]);
    assert_eq!(seen.says("1 2").await, ["1 2"], "the end of an outage is told");
    seen.source.read_next(Ok(snapshot("")));
    assert_eq!(seen.says("").await, ["1~ 2~"]);
    seen.source.fail();
    assert_eq!(seen.wait(60 * MINUTE).await, ["error"]);
    assert_eq!(seen.says("1").await, ["1"], "what is still missed has had its time");
}

#[tokio::test(start_paused = true)]
async fn what_the_source_knows_to_be_unhealthy_is_believed_unasked() {
    let mut seen = Seen::start().await;
    assert_eq!(seen.says("1 2 3 4").await, ["1 2 3 4"]);
    assert_eq!(seen.says("1 2! 3! 4!").await, ["1 2! 3! 4!"]);
    assert_eq!(seen.says("1").await, ["1"]);
    assert_eq!(seen.says("1!").await, [" 1!"]);
    assert!(seen.source.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_breaks_forgets_nothing() {
    let mut seen = Seen::start().await;
    assert_eq!(seen.says("1").await, ["1"]);
    for step in [Step::Panic, Step::End] {
        seen.source.step(step);
        assert_eq!(seen.wait(MINUTE).await, ["error"]);
        seen.source.read_next(Ok(snapshot("")));
        assert_eq!(seen.says("").await, ["1~"]);
        assert_eq!(seen.says("1").await, ["1"]);
    }
    assert_eq!(seen.source.begun(), 3);
}
