//! The agent itself, as the other tests rely on it.

use std::time::Duration;

use gateway_tests::{Check, ConsulAgent, Origin, Registration, Script, within};

#[tokio::test]
async fn its_checks_notice_what_dies_and_it_starts_again_empty() {
    let mut agent = ConsulAgent::start().await;
    let origin = Origin::start_on(agent.host(), "origin", Script::Echo).await;
    let registration = Registration::http("users", origin.address()).check(Check::Connects);
    agent.register(&registration).await;
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    within("the check has reached it", origin.record().wait("connected", |counts| counts.connections > 0))
        .await;
    assert_eq!(agent.healthy("users").await, [registration.id()]);
    origin.kill().await;
    within("the check has failed", async {
        while !agent.healthy("users").await.is_empty() {
            ticks.tick().await;
        }
    })
    .await;
    agent.stop().await;
    agent.start_again().await;
    agent.register(&Registration::http("orders", origin.address())).await;
    assert!(agent.healthy("users").await.is_empty());
}
