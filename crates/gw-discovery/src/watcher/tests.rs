//! Watches against a source that follows a script, on a clock that only moves when everybody waits.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use gw_core::{DebugRequest, Debuggable};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::*;
use crate::scripted::{Scripted, Step, ids, snapshot};
use crate::{BoxStream, Consistency, DiscoveryError, Guard, GuardOptions, Snapshot, SourceStatus};

/// How long a test waits for what must happen; only a failing test gets there.
const PATIENCE: Duration = Duration::from_secs(10);

struct Fixture {
    source: Arc<Scripted>,
    clock: Clock,
    running: Arc<AtomicUsize>,
    watcher: Arc<ServiceWatcher>,
}

fn start() -> Fixture {
    let (source, clock, running) = (Scripted::new(), Clock::movable(), Arc::<AtomicUsize>::default());
    let count = Arc::clone(&running);
    let spawn: Spawn = Arc::new(move |task| {
        let count = Arc::clone(&count);
        count.fetch_add(1, SeqCst);
        drop(tokio::spawn(async move {
            task.await;
            count.fetch_sub(1, SeqCst);
        }));
    });
    let watcher = ServiceWatcher::new(Arc::clone(&source) as _, spawn, clock.clone(), 1);
    Fixture { source, clock, running, watcher: Arc::new(watcher) }
}

/// Lets every task run until it waits, and time pass until then.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(10)).await;
}

fn known(subscription: &Subscription) -> String {
    subscription.known().instances.map_or("unknown".to_owned(), |instances| ids(&instances))
}

#[tokio::test(start_paused = true)]
async fn one_watch_for_all_and_the_late_see_at_once_what_is_known() {
    let Fixture { source, watcher, .. } = start();
    let early = watcher.subscribe("users", "a");
    assert!(early.known().is_pending());
    settle().await;
    source.say("1 2");
    settle().await;
    let late = watcher.subscribe("users", "b");
    assert_eq!((known(&early), known(&late)), ("1 2".to_owned(), "1 2".to_owned()));
    assert!(late.changes().has_changed().unwrap(), "what is known counts as a change");
    source.say("2");
    settle().await;
    assert_eq!((known(&late), source.begun()), ("2".to_owned(), 1));
}

/// A source that, while it is asked, has another thread look into the watcher.
#[derive(Default)]
struct Watched {
    watcher: OnceLock<Weak<ServiceWatcher>>,
    seen: Mutex<Vec<usize>>,
}

impl Discovery for Watched {
    fn watch(&self, _: &str) -> BoxStream<'static, Result<Snapshot, DiscoveryError>> {
        let watcher = self.watcher.get().unwrap().upgrade().unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let _other = watcher.subscribe("other", "b");
            tell.send(watcher.inspect().len())
        });
        self.seen.lock().push(told.recv_timeout(PATIENCE).expect("no lock is held"));
        Box::pin(futures_util::stream::pending())
    }

    fn read<'a>(&'a self, _: &'a str, _: Consistency) -> BoxFuture<'a, Result<Snapshot, DiscoveryError>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn others_subscribe_and_look_while_a_source_is_asked() {
    let source = Arc::new(Watched::default());
    let tasks = tokio::runtime::Handle::current();
    let spawn: Spawn = Arc::new(move |task| drop(tasks.spawn(task)));
    let watcher = Arc::new(ServiceWatcher::new(Arc::clone(&source) as _, spawn, Clock::system(), 1));
    source.watcher.set(Arc::downgrade(&watcher)).unwrap();
    let slow = watcher.subscribe("slow", "a");
    while source.seen.lock().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(source.seen.lock()[0], 2, "both services are known while the first is asked about");
    assert!(slow.known().is_pending());
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_all_answers_waits_for_good_ones_about_what_is_still_watched() {
    let Fixture { source, watcher, .. } = start();
    let wait = || {
        let watcher = Arc::clone(&watcher);
        tokio::spawn(async move { watcher.answered().await })
    };
    let _users = watcher.subscribe("users", "a");
    let waiting = wait();
    settle().await;
    source.fail();
    settle().await;
    assert!(!waiting.is_finished(), "a failure is no answer");
    source.say("1");
    waiting.await.unwrap();
    let given_up = watcher.subscribe("given up", "a");
    let waiting = wait();
    settle().await;
    assert!(!waiting.is_finished(), "nothing is known of the second service");
    drop(given_up);
    waiting.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_with_its_last_subscription_and_not_before() {
    let Fixture { source, running, watcher, .. } = start();
    let old = watcher.subscribe("users", "old");
    settle().await;
    source.say("1");
    settle().await;
    let new = watcher.subscribe("users", "new");
    let mut changes = old.changes();
    drop(old);
    settle().await;
    assert_eq!((running.load(SeqCst), source.begun()), (1, 1), "a reload keeps a watch that is still used");
    drop(new);
    settle().await;
    assert_eq!(running.load(SeqCst), 0);
    assert!(source.ended());
    changes.mark_unchanged();
    assert!(changes.changed().await.is_err(), "a receiver keeps no watch alive");
    let _again = watcher.subscribe("users", "again");
    settle().await;
    assert_eq!(source.begun(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_or_panics_is_begun_again_and_what_was_known_stays() {
    let Fixture { source, watcher, .. } = start();
    let users = watcher.subscribe("users", "a");
    settle().await;
    source.say("1");
    for (step, why) in [(Step::End, "the watch ended"), (Step::Panic, "the watch panicked")] {
        let begun = source.begun();
        source.step(step);
        settle().await;
        assert_eq!((known(&users), source.begun()), ("1".to_owned(), begun), "not at once");
        assert!(users.known().failure.unwrap().error.ends_with(why));
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(source.begun(), begun + 1);
        source.say("1");
        settle().await;
        assert_eq!(users.known().failure, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_keeps_ending_is_begun_less_and_less_often() {
    let Fixture { source, watcher, .. } = start();
    let _users = watcher.subscribe("users", "a");
    for _ in 0..8 {
        settle().await;
        source.step(Step::End);
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    assert_eq!(source.begun(), 9);
    source.step(Step::End);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(source.begun(), 9, "the wait has grown");
}

#[tokio::test(start_paused = true)]
async fn a_failure_shows_since_when_and_its_end_is_seen_though_nothing_changed() {
    let Fixture { source, clock, watcher, .. } = start();
    let users = watcher.subscribe("users", "a");
    settle().await;
    source.say("1");
    settle().await;
    clock.advance(Duration::from_secs(100));
    source.fail();
    settle().await;
    clock.advance(Duration::from_secs(50));
    source.fail();
    settle().await;
    let state = watcher.inspect().remove(0);
    assert_eq!(state.error.as_deref(), Some("cannot look up `users`: no route"));
    assert_eq!(state.failing.unwrap().as_secs(), 50);
    assert_eq!(state.answered.unwrap().as_secs(), 150);
    assert_eq!(known(&users), "1");
    source.say("1");
    settle().await;
    let state = watcher.inspect().remove(0);
    assert_eq!((state.error, state.failing), (None, None));
    assert_eq!(state.answered.unwrap().as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_held_instance_can_leave_and_is_back_when_it_is_listed() {
    let Fixture { source, watcher, .. } = start();
    let (users, other) = (watcher.subscribe("users", "a"), watcher.subscribe("users", "b"));
    settle().await;
    let mut told = Vec::new();
    for ids in ["1 2~ 3~", "1 2~ 3~ 4", "1 2 3~", "1 2~ 3~"] {
        source.say(ids);
        settle().await;
        told.push(known(&other));
        users.leave("1");
        users.leave("2");
        users.leave("nobody");
        told.push(known(&other));
    }
    let expect = ["1 2~ 3~", "1 3~", "1 3~ 4", "1 3~ 4", "1 2 3~", "1 2 3~", "1 2~ 3~", "1 3~"];
    assert_eq!(told, expect, "and those who share the watch hear of it");
}

async fn page(pages: &WatcherDebug, tail: &str) -> Option<Value> {
    let (path, _) = tail.split_once('?').unwrap_or((tail, ""));
    let request: DebugRequest =
        http::Request::builder().uri(format!("/debug/watcher/{tail}")).body(gw_core::Body::empty()).unwrap();
    let response = pages.handle(path, request).await?;
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Some(serde_json::from_slice(&body).unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_pages_show_nodes_and_appliers() {
    let Fixture { source, watcher, .. } = start();
    let pages = WatcherDebug(vec![Arc::clone(&watcher)]);
    let _quiet = watcher.subscribe("quiet", "a");
    settle().await;
    let _users = [watcher.subscribe("users", "a"), watcher.subscribe("users", "b")];
    settle().await;
    let mut found = snapshot("1 2~");
    Arc::get_mut(&mut found.instances).unwrap()[0].metadata.insert("weight".into(), "5".into());
    source.step(Step::Say(Ok(found)));
    settle().await;
    let node = |id: &str, metadata: Value, held: bool| {
        let endpoints = [format!("http://{id}.test:80")];
        json!({ "id": id, "name": "users", "version": "", "metadata": metadata, "endpoints": endpoints, "held": held })
    };
    let nodes = json!([node("1", json!({"weight": "5"}), false), node("2", json!({}), true)]);
    assert_eq!(page(&pages, "nodes?service=users").await, Some(nodes.clone()));
    assert_eq!(page(&pages, "nodes?service=%75sers").await, Some(nodes.clone()));
    assert_eq!(page(&pages, "nodes").await, Some(json!({ "quiet": null, "users": nodes })));
    assert_eq!(page(&pages, "nodes?service=nobody").await, Some(Value::Null));
    let appliers = json!({ "1": { "name": "a" }, "2": { "name": "b" } });
    assert_eq!(page(&pages, "appliers?service=users").await, Some(appliers));
    assert_eq!(page(&pages, "appliers?service=nobody").await, Some(Value::Null));
    let services = page(&pages, "services").await.unwrap();
    assert_eq!((&services["users"]["held"], &services["quiet"]["instances"]), (&json!(1), &Value::Null));
    assert_eq!(page(&pages, "else").await, None);
}

/// Behind a guard too, which is what stands between a watcher and Consul.
#[tokio::test(start_paused = true)]
async fn the_source_page_shows_how_the_source_stands() {
    let Fixture { source, clock, .. } = start();
    let guard = Guard::new(Arc::clone(&source) as _, GuardOptions::default(), clock.clone());
    let watcher = ServiceWatcher::new(Arc::new(guard), Arc::new(drop), clock, 1);
    let pages = WatcherDebug(vec![Arc::new(watcher)]);
    assert_eq!(page(&pages, "source").await, Some(json!({})));
    let users = SourceStatus {
        service: "users".to_owned(),
        asked: "http://127.0.0.1:8500".to_owned(),
        index: 42,
        last_success: Some(Duration::from_secs(3)),
        last_error: Some("status 500".to_owned()),
        skipped: 2,
        requests: 7,
    };
    source.show(users);
    source.show(SourceStatus { service: "new".to_owned(), ..SourceStatus::default() });
    let users = json!({
        "asked": "http://127.0.0.1:8500", "index": 42, "answered_seconds_ago": 3.0, "error": "status 500",
        "skipped": 2, "requests": 7,
    });
    assert_eq!(page(&pages, "source?service=users").await, Some(users.clone()));
    let all = page(&pages, "source").await.unwrap();
    assert_eq!((&all["users"], &all["new"]["answered_seconds_ago"]), (&users, &Value::Null));
    assert_eq!(page(&pages, "source?service=nobody").await, Some(Value::Null));
}
