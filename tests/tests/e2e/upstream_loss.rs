//! One upstream of several dies under load, and comes back.

use gateway_tests::{Format, Gateway, Load, Origin, Script, table};

#[tokio::test]
async fn a_killed_upstream_fails_no_idempotent_request() {
    let one = Origin::start("one", Script::Echo).await;
    let two = Origin::start("two", Script::Echo).await;
    let three = Origin::start("three", Script::Echo).await;
    let addresses = [one.address(), two.address(), three.address()];
    let config = table("/*", "retry = { attempts = 3 }", &addresses);
    let gateway = Gateway::start(&config, Format::Toml).await;
    let load = Load::start(gateway.address(), 8, "/load");
    load.more(300).await;
    assert!([&one, &two, &three].iter().all(|origin| origin.counts().requests > 0), "all get their share");

    two.kill().await;
    load.more(500).await;
    let again = Origin::start_at("two", Script::Echo, two.address()).await;
    again.record().wait("the one that came back is asked again", |counts| counts.requests > 10).await;

    let tally = load.stop().await;
    assert!(tally.failures.is_empty(), "{:?} beside {} answers", tally.failures, tally.ok);
}
