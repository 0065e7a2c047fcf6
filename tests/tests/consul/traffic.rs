//! Traffic goes where Consul says, and nowhere else.

use std::time::Instant;

use gateway_tests::grpc::{GrpcCaller, GrpcOrigin};
use gateway_tests::{Check, ConsulAgent, Load, Origin, OriginProcess, Registration, Script};

use serde_json::json;

use crate::{before_users, endpoint, gateway, left, taken_up, told, unharmed, watched};

#[tokio::test]
async fn traffic_follows_registrations_and_checks() {
    let agent = ConsulAgent::start().await;
    let mut origins = Vec::new();
    for name in ["one", "two", "three"] {
        origins.push(Origin::start(name, Script::Echo).await);
    }
    let [one, two, three] = origins.as_slice() else { unreachable!("three were started") };
    let registrations = [one, two, three].map(|origin| Registration::http("users", origin.address()));
    agent.register(&registrations[0]).await;
    agent.register(&registrations[1]).await;
    let gateway = before_users(&agent).await;
    let load = Load::start(gateway.address(), 4, "/");

    let since = Instant::now();
    agent.register(&registrations[2]).await;
    taken_up("traffic after a registration", three, since).await;

    let since = Instant::now();
    agent.deregister(registrations[1].id()).await;
    left("no traffic after a deregistration", two, &load, since).await;

    let since = Instant::now();
    agent.report(registrations[2].id(), false).await;
    left("no traffic after a failing check", three, &load, since).await;

    let since = Instant::now();
    agent.report(registrations[2].id(), true).await;
    taken_up("traffic after a passing check", three, since).await;
    unharmed(load, &gateway).await;
}

#[tokio::test]
async fn a_process_that_dies_is_left() {
    let agent = ConsulAgent::start().await;
    let (mut one, two) =
        (OriginProcess::start(agent.host(), "one").await, OriginProcess::start(agent.host(), "two").await);
    for address in [one.address(), two.address()] {
        agent.register(&Registration::http("users", address).check(Check::Connects)).await;
    }
    let gateway = before_users(&agent).await;
    watched(&gateway, "nodes", |nodes| nodes.as_array().is_some_and(|nodes| nodes.len() == 2)).await;
    let load = Load::start(gateway.address(), 4, "/");
    load.more(100).await;

    let since = Instant::now();
    one.kill().await;
    let only = json!([format!("http://{}", two.address())]);
    watched(&gateway, "nodes", |nodes| nodes[0]["endpoints"] == only && nodes[1].is_null()).await;
    told("left after its death", since.elapsed());
    load.more(100).await;
    unharmed(load, &gateway).await;
}

#[tokio::test]
async fn grpc_goes_to_the_tagged_address() {
    let agent = ConsulAgent::start().await;
    let origin = GrpcOrigin::start().await;
    agent.register(&Registration::grpc("echo", origin.address())).await;
    let config = endpoint("/test.Echo/*", "echo").replace("backends", "protocol = \"grpc\"\nbackends");
    let gateway = gateway(&agent.dsn(), &config).await;
    let mut caller = GrpcCaller::connect(gateway.address()).await;
    // The first call waits for the first answer of Consul.
    let answer = caller.unary("/test.Echo/Unary", b"hello", &[]).await;
    assert_eq!((answer.status(), answer.messages.as_slice()), (0, &[b"hello"[..].into()][..]));
}
