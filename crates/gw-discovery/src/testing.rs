//! What every [`Discovery`] must keep, as a function that any implementation can be run through.
//!
//! For tests only: it panics at the first rule that is broken. It needs a tokio runtime with time enabled.

use std::collections::BTreeSet;

use futures_util::future::{Either, select};
use futures_util::{FutureExt, StreamExt};
use gw_core::BoxFuture;

use crate::{Consistency, Discovery, DiscoveryError, Instance, Snapshot};

/// A source, and a hand on what it finds.
pub trait Fixture: Send + Sync {
    /// The source under test.
    fn source(&self) -> &dyn Discovery;

    /// A service that the source can know. Nothing is known of it until [`set`](Self::set).
    fn service(&self) -> String;

    /// Another service of which nothing will ever be known.
    fn unknown(&self) -> String;

    /// Makes this many instances of the service exist, at least one, at addresses that begin as before.
    fn set(&self, instances: usize) -> BoxFuture<'_, ()>;

    /// Makes the source find the same again, in another order if it can; resolves once it has looked. A watch is
    /// polled meanwhile.
    fn repeat(&self) -> BoxFuture<'_, ()>;
}

/// Checks the rules that stand at [`Discovery`].
///
/// # Panics
/// If a rule is broken.
pub async fn contract(fixture: &dyn Fixture) {
    an_unknown_service_is_an_error(fixture).await;
    fixture.set(2).await;
    let two = reads_and_watches_agree(fixture, 2).await;
    watches_are_independent(fixture, &two).await;
    only_changes_are_told(fixture, &two).await;
}

async fn an_unknown_service_is_an_error(fixture: &dyn Fixture) {
    let (source, unknown) = (fixture.source(), fixture.unknown());
    let read = source.read(&unknown, Consistency::Default).await;
    is_error_of(read, &unknown);
    let mut watch = source.watch(&unknown);
    let Some(first) = watch.next().await else { fail(format_args!("a watch does not end")) };
    is_error_of(first, &unknown);
    assert!(watch.next().now_or_never().is_none(), "the watch goes on, and is not told twice of one outage");
}

async fn reads_and_watches_agree(fixture: &dyn Fixture, instances: usize) -> Snapshot {
    let (source, service) = (fixture.source(), fixture.service());
    let watched = first(source, &service).await;
    for how in [Consistency::Default, Consistency::Stale, Consistency::Consistent] {
        let read = source.read(&service, how).await;
        assert!(read.is_ok_and(|read| read == watched), "a read ({how:?}) and a watch agree");
    }
    assert_eq!(watched.instances.len(), instances, "every instance is told");
    check_instances(&watched, &service);
    watched
}

async fn watches_are_independent(fixture: &dyn Fixture, expect: &Snapshot) {
    let (source, service) = (fixture.source(), fixture.service());
    let mut early = source.watch(&service);
    assert_eq!(&next(&mut early).await, expect);
    let (unpolled, dropped) = (source.watch(&service), source.watch(&service));
    drop(dropped);
    let mut late = source.watch(&service);
    assert_eq!(&next(&mut late).await, expect, "a later watch begins with what is known");
    drop(early);
    assert_eq!(&first(source, &service).await, expect, "the end of one watch is not that of another");
    drop(unpolled);
}

async fn only_changes_are_told(fixture: &dyn Fixture, before: &Snapshot) {
    let (source, service) = (fixture.source(), fixture.service());
    let mut watch = source.watch(&service);
    assert_eq!(&next(&mut watch).await, before);
    assert!(watch.next().now_or_never().is_none(), "nothing changed");
    match select(watch.next(), fixture.repeat()).await {
        Either::Left((item, _)) => fail(format_args!("nothing changed, but a watch told {item:?}")),
        Either::Right(((), _)) => {}
    }
    fixture.set(3).await;
    let after = next(&mut watch).await;
    assert_eq!(after.instances.len(), 3, "the next item is the change, not the repetition");
    check_instances(&after, &service);
    let read = source.read(&service, Consistency::Consistent).await;
    assert!(read.is_ok_and(|read| read == after), "a read and a watch agree on the change");
    let kept = |instance: &&Instance| before.instances.contains(instance);
    assert_eq!(
        after.instances.iter().filter(kept).count(),
        2,
        "what stays the same is told in the same words"
    );
}

async fn first(source: &dyn Discovery, service: &str) -> Snapshot {
    next(&mut source.watch(service)).await
}

async fn next(watch: &mut crate::BoxStream<'static, Result<Snapshot, DiscoveryError>>) -> Snapshot {
    match watch.next().await {
        Some(Ok(snapshot)) => snapshot,
        Some(Err(error)) => fail(format_args!("the service is known, but: {error:?}")),
        None => fail(format_args!("a watch does not end")),
    }
}

#[track_caller]
fn is_error_of(answer: Result<Snapshot, DiscoveryError>, service: &str) {
    match answer {
        Ok(snapshot) => fail(format_args!("{service} is not known: {snapshot:?}")),
        Err(error) => assert_eq!(error.service(), service, "an error names the service"),
    }
}

#[track_caller]
fn check_instances(snapshot: &Snapshot, service: &str) {
    let ids: BTreeSet<_> = snapshot.instances.iter().map(|instance| &instance.id).collect();
    assert_eq!(ids.len(), snapshot.instances.len(), "ids name instances: {ids:?}");
    for instance in &*snapshot.instances {
        assert_eq!(instance.name, service, "an instance names its service");
        assert!(!instance.endpoints.is_empty(), "an instance can be reached: {instance:?}");
        let is_url =
            |endpoint: &String| endpoint.split_once("://").is_some_and(|(_, rest)| rest.contains(':'));
        assert!(instance.endpoints.iter().all(is_url), "endpoints are URLs with a port: {instance:?}");
    }
}

#[track_caller]
#[expect(clippy::panic, reason = "a contract is for tests, which fail by panicking")]
fn fail(why: std::fmt::Arguments<'_>) -> ! {
    panic!("{why}")
}
