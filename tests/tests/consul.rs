//! The gateway with a real Consul in a container. `cargo xtask it` provides Docker and the image, and runs this.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails where something is wrong, its helping functions too, and tells how long things took"
)]

#[path = "consul/agent.rs"]
mod agent;
#[path = "consul/outages.rs"]
mod outages;
#[path = "consul/sharing.rs"]
mod sharing;
#[path = "consul/traffic.rs"]
mod traffic;

use std::time::{Duration, Instant};

use gateway_tests::{Caller, ConsulAgent, Format, Gateway, Load, Origin, within};
use serde_json::Value;

/// How many requests of a load have to pass by an origin until it counts as left.
const PASSING: usize = 200;

/// An endpoint whose only backend is a service.
fn endpoint(path: &str, service: &str) -> String {
    format!("[[endpoints]]\npath = \"{path}\"\nbackends = [{{ target = \"discovery:///{service}\" }}]\n\n")
}

/// A gateway that finds services at `dsn`.
async fn gateway(dsn: &str, config: &str) -> Gateway {
    Gateway::start_with(config, Format::Toml, |command| {
        command.args(["-discovery.dsn", dsn]);
    })
    .await
}

/// A gateway before one service, which it has found already.
async fn before_users(agent: &ConsulAgent) -> Gateway {
    let gateway = gateway(&agent.dsn(), &endpoint("/*", "users")).await;
    status_is(&gateway, "/", 200).await;
    gateway
}

/// Waits until `target` is answered with this status.
async fn status_is(gateway: &Gateway, target: &str, status: u16) {
    let mut caller = Caller::http1(gateway.address()).await;
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    let asked = async {
        while caller.get(target).await.status != status {
            ticks.tick().await;
        }
    };
    within(&format!("{target} is answered with {status}"), asked).await;
}

/// Waits until a page of the gateway's watcher says what is `wanted` of the service.
async fn watched(gateway: &Gateway, page: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut caller = Caller::http1(gateway.admin()).await;
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    let target = format!("/debug/watcher/{page}?service=users");
    let asked = async {
        loop {
            let value = caller.get(&target).await.json();
            if wanted(&value) {
                return value;
            }
            ticks.tick().await;
        }
    };
    within(&format!("{target} says so"), asked).await
}

/// Waits until an origin gets more requests than it had.
async fn taken_up(what: &str, origin: &Origin, since: Instant) {
    let before = origin.counts().requests;
    origin.record().wait(what, |counts| counts.requests > before).await;
    told(what, since.elapsed());
}

/// Waits until a load passes by an origin.
async fn left(what: &str, origin: &Origin, load: &Load, since: Instant) {
    let passed = async {
        loop {
            let (before, quiet) = (origin.counts().requests, since.elapsed());
            load.more(PASSING).await;
            if origin.counts().requests == before {
                return quiet;
            }
        }
    };
    told(what, within(what, passed).await);
}

/// Prints how long something took, for people: nothing depends on it.
fn told(what: &str, took: Duration) {
    eprintln!("{what}: {:.2} s", took.as_secs_f64());
}

/// Ends a load, of which no request may have failed.
async fn unharmed(load: Load, gateway: &Gateway) {
    let tally = load.stop().await;
    let Some(first) = tally.failures.first() else { return };
    panic!("{} of {} failed, the first: {first}\n{}", tally.failures.len(), tally.ok, gateway.log());
}
