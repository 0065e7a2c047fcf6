//! Consul is away, has forgotten everything, or refuses: who can be reached is still asked.

use std::time::Instant;

use gateway_tests::{Caller, ConsulAgent, Format, Gateway, Load, Origin, Registration, Script, table};

use crate::{before_users, endpoint, gateway, status_is, taken_up, told, unharmed, watched};

#[tokio::test]
async fn a_consul_that_starts_again_empty_fails_no_request() {
    let mut agent = ConsulAgent::start().await;
    let old = Origin::start("old", Script::Echo).await;
    let new = Origin::start("new", Script::Echo).await;
    let [known, late] = [&old, &new].map(|origin| Registration::http("users", origin.address()));
    agent.register(&known).await;
    // Its index is then higher than that of the next start, for a while.
    for port in 1..100 {
        agent.register(&Registration::http("others", ([127, 0, 0, 1], port).into())).await;
    }
    let gateway = before_users(&agent).await;
    let load = Load::start(gateway.address(), 4, "/");

    agent.stop().await;
    watched(&gateway, "services", |state| !state["failing_seconds"].is_null()).await;
    load.more(200).await;
    let since = Instant::now();
    agent.start_again().await;
    watched(&gateway, "services", |state| state["failing_seconds"].is_null() && state["held"] == 1).await;
    told("its empty answer is held back", since.elapsed());
    load.more(200).await;

    let since = Instant::now();
    agent.register(&late).await;
    agent.register(&known).await;
    taken_up("traffic after registrations at the new one", &new, since).await;
    watched(&gateway, "services", |state| state["instances"] == 2 && state["held"] == 0).await;
    unharmed(load, &gateway).await;
}

#[tokio::test]
async fn a_revoked_token_is_told_and_harms_nobody() {
    let agent = ConsulAgent::start_with_access_control().await;
    let origin = Origin::start("one", Script::Echo).await;
    let registration = Registration::http("users", origin.address());
    agent.register(&registration).await;
    let token = agent.token().await;
    // As the original: what the DSN leaves out, Consul's own variables say.
    let gateway = Gateway::start_with(&endpoint("/*", "users"), Format::Toml, |command| {
        command.args(["-discovery.dsn", "consul://"]);
        command.env("CONSUL_HTTP_ADDR", agent.address().to_string());
        command.env("CONSUL_HTTP_TOKEN", &token.secret);
    })
    .await;
    status_is(&gateway, "/", 200).await;
    let load = Load::start(gateway.address(), 4, "/");

    agent.revoke(&token).await;
    // A change ends the query that the token still had allowed.
    agent.register(&registration.clone().meta("changed", "yes")).await;
    // A busy machine may have had another error before.
    let refused = |error: &str| error.contains("403");
    watched(&gateway, "services", |state| state["error"].as_str().is_some_and(refused)).await;
    gateway.logged("the log says so", |line| line.contains("users") && line.contains("403")).await;
    assert!(!gateway.log().contains(&token.secret), "a secret in the log");
    load.more(200).await;
    unharmed(load, &gateway).await;
}

#[tokio::test]
async fn a_gateway_starts_without_consul() {
    let mut agent = ConsulAgent::start().await;
    agent.stop().await;
    let origin = Origin::start("one", Script::Echo).await;
    let wrong = "[discovery]\ndsn = \"consul://127.0.0.1:1\"\n";
    let config =
        format!("{wrong}{}{}", table("/plain", "", &[origin.address()]), endpoint("/users", "users"));
    // The flag stands above the file.
    let gateway = gateway(&agent.dsn(), &config).await;
    let mut caller = Caller::http1(gateway.address()).await;
    assert_eq!(caller.get("/plain").await.status, 200);
    assert_eq!(caller.get("/users").await.status, 503);
    let load = Load::start(gateway.address(), 2, "/plain");

    agent.start_again().await;
    let since = Instant::now();
    agent.register(&Registration::http("users", origin.address())).await;
    status_is(&gateway, "/users", 200).await;
    told("traffic after Consul came", since.elapsed());
    unharmed(load, &gateway).await;
}
