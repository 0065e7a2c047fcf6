//! A new configuration is taken while requests run, or refused as a whole.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gateway_tests::{Caller, Format, Gateway, Load, Origin, Script, empty, table, within};
use serde_json::json;

fn versioned(version: usize, endpoints: &str) -> String {
    format!("version = \"{version}\"\n{endpoints}")
}

/// The load's endpoint stays, with one backend, the other, or both; what else there is changes.
fn nth(version: usize, origins: [SocketAddr; 2]) -> String {
    let backends = match version % 3 {
        0 => &origins[..],
        1 => &origins[..1],
        _ => &origins[1..],
    };
    let load = table("/load", "", backends);
    let other = table(&format!("/version/{version}"), "", backends);
    versioned(version, &format!("{load}{other}"))
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_thousand_reloads_under_load_fail_no_request() {
    const WARM: usize = 100;
    let origins = [Origin::start("one", Script::Echo).await, Origin::start("two", Script::Echo).await];
    let addresses = [origins[0].address(), origins[1].address()];
    let gateway = Gateway::start(&nth(0, addresses), Format::Toml).await;
    let load = Load::start(gateway.address(), 4, "/load");
    let mut before = gateway.usage();
    for version in 1..=1000 {
        gateway.rewrite(&nth(version, addresses));
        gateway.signal("HUP");
        gateway.live(&version.to_string()).await;
        if version == WARM {
            before = gateway.usage();
        }
    }
    let after = gateway.usage();
    let tally = load.stop().await;
    assert!(tally.failures.is_empty(), "{:?} beside {} answers", tally.failures, tally.ok);
    assert!(before.growth(after) < 16, "from {before:?} to {after:?}");
    // The thread of a reload may outlive it by a moment.
    let mut ticks = tokio::time::interval(Duration::from_millis(2));
    within("no thread is left", async {
        while gateway.usage().threads > before.threads {
            ticks.tick().await;
        }
    })
    .await;
    let mut caller = Caller::http1(gateway.address()).await;
    assert_eq!(caller.get("/version/1000").await.status, 200);
    assert_eq!(caller.get("/version/999").await.status, 404);
}

#[tokio::test]
async fn a_changed_file_is_taken_without_being_told() {
    let origin = Origin::start("one", Script::Echo).await;
    let first = versioned(1, &table("/one", "", &[origin.address()]));
    let gateway = Gateway::start(&first, Format::Toml).await;
    gateway.rewrite(&versioned(2, &table("/two", "", &[origin.address()])));
    gateway.live("2").await;
    let mut caller = Caller::http1(gateway.address()).await;
    assert_eq!(caller.get("/two").await.status, 200);
    assert_eq!(caller.get("/one").await.status, 404);
}

#[tokio::test]
async fn a_wrong_file_changes_nothing_and_the_next_right_one_is_taken() {
    let origin = Origin::start("one", Script::Echo).await;
    let good = |version| versioned(version, &table("/one", "", &[origin.address()]));
    let gateway = Gateway::start(&good(1), Format::Toml).await;
    let mut caller = Caller::http1(gateway.address()).await;
    // One endpoint is as it should be, of the others each has a mistake of its kind.
    let wrong = [
        table("/new", "", &[origin.address()]),
        table("/two", "timeout = \"soon\"", &[origin.address()]),
        table("/three/{x:[}", "", &[origin.address()]),
    ];
    gateway.rewrite(&versioned(2, &wrong.concat()));
    gateway.signal("HUP");
    let all = |line: &str| ["not reloaded", "GW0105", "GW0303"].iter().all(|part| line.contains(part));
    gateway.logged("the refusal", all).await;
    assert_eq!(caller.get("/one").await.status, 200);
    assert_eq!(caller.get("/new").await.status, 404);
    let metrics = Caller::http1(gateway.admin()).await.get("/metrics").await.text();
    assert!(metrics.contains("\ngateway_config_last_reload_successful 0\n"), "{metrics}");
    gateway.rewrite(&good(3));
    gateway.signal("HUP");
    gateway.live("3").await;
    assert_eq!(caller.get("/one").await.status, 200);
}

#[tokio::test]
async fn an_admin_address_that_changed_is_said_to_wait_for_the_next_start() {
    let origin = Origin::start("one", Script::Echo).await;
    let gateway = Gateway::start(&versioned(1, &table("/", "", &[origin.address()])), Format::Toml).await;
    gateway.rewrite(&versioned(
        2,
        &("[admin]\naddress = '127.0.0.1:1'\n".to_owned() + &table("/", "", &[origin.address()])),
    ));
    gateway.logged("the warning", |line| line.contains("`admin` has changed")).await;
    gateway.live("2").await;
}

#[tokio::test]
async fn listeners_that_open_move_or_close_are_told_of_and_no_others() {
    let origin = Origin::start("one", Script::Echo).await;
    let endpoint = table("/", "", &[origin.address()]);
    let with = |version, listeners: &[(&str, &str)]| {
        let listener = |(name, host): &(&str, &str)| {
            format!("[[listeners]]\nname = \"{name}\"\naddress = \"{host}:0\"\n")
        };
        versioned(version, &(listeners.iter().map(listener).collect::<String>() + &endpoint))
    };
    let local = "127.0.0.1";
    let gateway =
        Gateway::start(&with(1, &[("stays", local), ("moves", local), ("goes", local)]), Format::Toml).await;
    let before = ["stays", "moves", "goes"].map(|name| (name, gateway.named(name)));
    gateway.rewrite(&with(2, &[("stays", local), ("moves", "0.0.0.0"), ("comes", local)]));
    gateway.live("2").await;
    gateway.logged("the reload", |line| line.contains("\"reloaded\"")).await;
    let told = |message: &str, name: &str| -> Vec<String> {
        let lines = gateway.log().lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>();
        let of = |line: &&serde_json::Value| {
            let fields = line.get("fields").unwrap_or(line);
            fields["message"] == message && fields["listener"] == name
        };
        let address = |line: &serde_json::Value| line.get("fields").unwrap_or(line)["address"].to_string();
        lines.iter().filter(of).map(address).collect()
    };
    for ((name, address), closed) in before.into_iter().zip([false, true, true]) {
        let expect: &[String] = if closed { &[format!("\"{address}\"")] } else { &[] };
        assert_eq!(told("no longer listening", name), expect, "{name}");
    }
    let opened = ["stays", "moves", "goes", "comes"].map(|name| told("listening", name).len());
    assert_eq!(opened, [1, 2, 1, 1]);
}

/// Of a node that stays, though its endpoint and its weight are others: what is in flight, latency and success.
#[tokio::test]
async fn what_was_measured_of_a_node_outlives_a_reload() {
    let script = |number| if number == 0 { Script::Status(500) } else { Script::Stream };
    let origin = Origin::start("one", Script::Each(Arc::new(script))).await;
    let with = |version: usize, keys: &str| {
        let endpoint = table("/one", &format!("id = \"one\"\n{keys}"), &[origin.address()]);
        versioned(version, &endpoint.replace("target", "weight = 7\ntarget"))
    };
    let gateway = Gateway::start(&table("/one", "id = \"one\"", &[origin.address()]), Format::Toml).await;
    let mut caller = Caller::http1(gateway.address()).await;
    assert_eq!(caller.get("/one").await.status, 500);
    let request = caller.request("GET", "/one").body(empty()).unwrap();
    let answer = caller.send(request).await.unwrap();
    let measured = async || {
        let clients = Caller::http1(gateway.admin()).await.get("/debug/clients/inspect").await.json();
        let [cluster] = &clients["clusters"].as_array().unwrap()[..] else {
            panic!("one cluster: {clients}")
        };
        let node = &cluster["nodes"][0];
        (node["weight"].clone(), ["in_flight", "latency", "success"].map(|key| node[key].clone()))
    };
    let (weight, before) = measured().await;
    assert_eq!((weight, &before[0]), (json!(100), &json!(1)));
    assert!(before[1].as_f64().unwrap() > 0.0 && before[2].as_f64().unwrap() < 1.0, "{before:?}");
    gateway.rewrite(&with(2, "timeout = \"9s\""));
    gateway.live("2").await;
    assert_eq!(measured().await, (json!(7), before));
    drop(answer);
}

/// Requests that were taken under the old configuration end under it.
#[tokio::test]
async fn a_request_in_flight_outlives_its_route() {
    let origin = Origin::start("one", Script::Held).await;
    let gateway = Gateway::start(&versioned(1, &table("/old", "", &[origin.address()])), Format::Toml).await;
    let address = gateway.address();
    let asked = tokio::spawn(async move { Caller::http1(address).await.get("/old").await });
    origin.record().wait("the request is in flight", |counts| counts.requests == 1).await;
    gateway.rewrite(&versioned(2, &table("/new", "", &[origin.address()])));
    gateway.live("2").await;
    origin.record().release();
    assert_eq!(asked.await.unwrap().status, 200);
}

#[tokio::test]
async fn a_discovery_that_comes_with_a_reload_is_refused_with_the_reason() {
    let origin = Origin::start("one", Script::Echo).await;
    let gateway = Gateway::start(&versioned(1, &table("/one", "", &[origin.address()])), Format::Toml).await;
    let service = "[[endpoints]]\npath = \"/two\"\nbackends = [{ target = \"discovery:///users\" }]\n";
    gateway.rewrite(&versioned(2, &format!("[discovery]\ndsn = \"consul://127.0.0.1:1\"\n{service}")));
    gateway.logged("the reason", |line| line.contains("the gateway was started without one")).await;
    let mut caller = Caller::http1(gateway.address()).await;
    assert_eq!(caller.get("/one").await.status, 200);
}
