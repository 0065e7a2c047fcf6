//! Who is alive: the discovery contract, and the sources that need no server of their own.
//!
//! A [`Discovery`] answers, for the name of a service, with the [`Instance`]s that are alive. It says nothing about
//! connections, weights in use or health as the gateway sees it, and it starts no tasks: a watch works while it is
//! polled, on the runtime that polls it, and ends when it is dropped. A [`ServiceWatcher`] shares one watch of each
//! service among all who use it, in tasks that its owner spawns.
//!
//! ```
//! use futures_util::StreamExt;
//! use gw_discovery::{Discovery, Instance, Static};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! # runtime.block_on(async {
//! let source = Static::new();
//! source.set("users", vec![Instance::at("users", "10.0.0.1:80")]);
//!
//! let mut watch = source.watch("users");
//! let snapshot = watch.next().await.expect("a watch does not end").expect("the service is known");
//! assert_eq!(snapshot.instances[0].authority("http"), Some("10.0.0.1:80"));
//! # });
//! ```

mod backoff;
mod consul;
mod dns;
mod dsn;
mod error;
mod fixed;
mod guard;
mod host;
mod inspect;
mod instance;
mod random;
#[cfg(test)]
mod scripted;
mod supervised;
pub mod testing;
mod watcher;

use std::pin::Pin;

use futures_core::Stream;
use gw_core::BoxFuture;

pub use consul::{
    Consul, ConsulApi, ConsulClient, ConsulError, ConsulOptions, ConsulTls, HealthAnswer, HealthQuery,
    Secret, TokenSource,
};
pub use dns::Dns;
pub use dsn::{DsnError, Env, from_dsn};
pub use error::DiscoveryError;
pub use fixed::Static;
pub use guard::{Guard, GuardOptions};
pub use inspect::SourceStatus;
pub use instance::{Consistency, Instance, Snapshot};
pub use watcher::{Applier, Failure, Known, ServiceState, ServiceWatcher, Spawn, Subscription, WatcherDebug};

/// A boxed stream that may move between threads.
pub type BoxStream<'a, T> = Pin<Box<dyn Stream<Item = T> + Send + 'a>>;

/// A source of instances. `testing::contract` checks what stands here.
///
/// A source never turns its own trouble into an empty set: it must be able to tell "I cannot know" (`Err`) from
/// "there are none" (a snapshot without instances). Whether to believe the latter is its user's decision.
pub trait Discovery: Send + Sync + 'static {
    /// Follows a service. Nothing happens before the first poll, and dropping the stream ends the watch.
    ///
    /// The first item comes as soon as there is an answer or a failure. After that:
    /// - `Ok` comes only when the snapshot differs from the last `Ok`, or when it ends an outage;
    /// - `Err` says that the source cannot tell at the moment. The last snapshot stays in force and the stream goes
    ///   on by itself, waiting longer after each failure. One outage is reported at most once, and its end is told
    ///   by an `Ok` even if nothing has changed;
    /// - the stream never ends: if nothing can change any more, it stays pending.
    ///
    /// Watches are independent of each other. Differs from kratos: the first query blocks nobody else, a watch does
    /// not end with the configuration that began it, and a late first answer is not lost.
    fn watch(&self, service: &str) -> BoxStream<'static, Result<Snapshot, DiscoveryError>>;

    /// Asks once, past any watch.
    ///
    /// # Errors
    /// When the source cannot tell: bad name, unknown service, no answer.
    ///
    /// # Cancel safety
    /// Dropping the future abandons the question.
    fn read<'a>(
        &'a self,
        service: &'a str,
        how: Consistency,
    ) -> BoxFuture<'a, Result<Snapshot, DiscoveryError>>;

    /// What an operator wants to see of the services in use, for a debug page. By default nothing. A source that
    /// wraps another one hands on what that says.
    fn inspect(&self) -> Vec<SourceStatus> {
        Vec::new()
    }
}
