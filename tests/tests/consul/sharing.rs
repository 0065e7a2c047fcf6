//! One watch per service, however many endpoints use it.

use gateway_tests::{ConsulAgent, Format, Gateway, Load, Origin, Registration, Script};
use serde_json::Value;

use crate::{endpoint, status_is, unharmed, watched};

fn appliers(count: usize) -> impl Fn(&Value) -> bool {
    move |appliers| appliers.as_object().is_some_and(|appliers| appliers.len() == count)
}

#[tokio::test]
async fn endpoints_share_a_watch_which_outlives_all_but_the_last() {
    let agent = ConsulAgent::start().await;
    let origin = Origin::start("one", Script::Echo).await;
    agent.register(&Registration::http("users", origin.address())).await;
    let discovery = format!("[discovery]\ndsn = \"{}\"\n", agent.dsn());
    let (stays, goes) = (endpoint("/stays", "users"), endpoint("/goes", "users"));
    let config = format!("version = \"1\"\n{discovery}{stays}{goes}");
    let gateway = Gateway::start(&config, Format::Toml).await;
    for target in ["/stays", "/goes"] {
        status_is(&gateway, target, 200).await;
    }
    watched(&gateway, "appliers", appliers(2)).await;
    let load = Load::start(gateway.address(), 4, "/stays");
    load.more(100).await;

    gateway.rewrite(&format!("version = \"2\"\n{discovery}{stays}"));
    gateway.live("2").await;
    watched(&gateway, "appliers", appliers(1)).await;
    load.more(100).await;
    unharmed(load, &gateway).await;

    gateway
        .rewrite("version = \"3\"\n[[endpoints]]\npath = \"/\"\nbackends = [{ target = \"127.0.0.1:1\" }]\n");
    gateway.live("3").await;
    watched(&gateway, "appliers", Value::is_null).await;
    gateway.logged("the log says so", |line| line.contains("next start")).await;
}
