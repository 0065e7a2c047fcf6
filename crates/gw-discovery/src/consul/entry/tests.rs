//! What becomes of entries, good ones and odd ones.

use serde_json::{Value, json};

use super::*;

/// A healthy entry, changed as a test wants it.
fn entry(change: impl FnOnce(&mut Value)) -> Value {
    let mut entry = json!({
        "Node": { "Node": "n1", "Address": "10.0.1.1" },
        "Service": { "ID": "a", "Service": "users", "Address": "10.0.0.1", "Port": 80 },
        "Checks": [{ "Status": "passing" }, { "Status": "passing" }],
    });
    change(&mut entry);
    entry
}

fn read(entries: &[Value], warning: bool) -> Listing {
    listing("users", Value::from(entries).to_string().as_bytes(), warning).unwrap()
}

/// The endpoints of one entry, and how many were skipped.
#[track_caller]
fn check(change: impl FnOnce(&mut Value), endpoints: &[&str], skipped: u64) {
    let other = entry(|entry| entry["Service"]["ID"] = "z".into());
    let found = read(&[entry(change), other], false);
    let id = |instance: &&Instance| instance.id == "n1/a";
    let found_endpoints = found.snapshot.instances.iter().find(id).map(|instance| instance.endpoints.clone());
    assert_eq!(found_endpoints.unwrap_or_default(), endpoints);
    assert_eq!(found.skipped, skipped);
}

fn tagged(addresses: Value) -> impl FnOnce(&mut Value) {
    move |entry| entry["Service"]["TaggedAddresses"] = addresses
}

#[test]
fn an_address_has_two_protocols() {
    check(|_| {}, &["http://10.0.0.1:80", "grpc://10.0.0.1:80"], 0);
    let six = |entry: &mut Value| entry["Service"]["Address"] = "fd00::1".into();
    check(six, &["http://[fd00::1]:80", "grpc://[fd00::1]:80"], 0);
    let name = |entry: &mut Value| entry["Service"]["Address"] = "db.internal".into();
    check(name, &["http://db.internal:80", "grpc://db.internal:80"], 0);
}

#[test]
fn without_an_address_of_its_own_it_is_the_nodes() {
    for none in [json!(""), json!(null)] {
        let change = |entry: &mut Value| entry["Service"]["Address"] = none;
        check(change, &["http://10.0.1.1:80", "grpc://10.0.1.1:80"], 0);
    }
    let missing = |entry: &mut Value| {
        entry["Service"].as_object_mut().unwrap().remove("Address");
    };
    check(missing, &["http://10.0.1.1:80", "grpc://10.0.1.1:80"], 0);
}

#[test]
fn urls_among_the_tagged_addresses_are_the_endpoints() {
    let kratos = json!({
        "http": { "Address": "http://10.0.0.1:8000?isSecure=false", "Port": 8000 },
        "grpc": { "Address": "grpc://10.0.0.1:9000", "Port": 9000 },
        "lan_ipv4": { "Address": "10.0.0.1", "Port": 80 },
    });
    check(tagged(kratos), &["grpc://10.0.0.1:9000", "http://10.0.0.1:8000?isSecure=false"], 0);
    let consuls_own = json!({ "lan": { "Address": "http://x:1" }, "virtual": { "Address": "240.0.0.1" } });
    check(tagged(consuls_own), &["http://10.0.0.1:80", "grpc://10.0.0.1:80"], 0);
}

#[test]
fn urls_that_are_none_are_left_out() {
    let one_good = json!({ "a": { "Address": "http://:80" }, "b": { "Address": "grpc://[::1]:9" } });
    check(tagged(one_good), &["grpc://[::1]:9"], 1);
    for odd in ["://a:1", "http://a", "http://a:99999", "http://a b:1", "http://u@a:1", "http://::1:1"] {
        // Its plain address is no way out: kratos puts that of its first protocol there.
        check(tagged(json!({ "a": { "Address": odd } })), &[], 2);
    }
}

#[test]
fn what_makes_no_sense_is_left_out_alone() {
    let cases: [fn(&mut Value); 9] = [
        |entry| entry["Service"]["Port"] = 0.into(),
        |entry| entry["Service"]["Port"] = 65_536.into(),
        |entry| entry["Service"]["Port"] = "80".into(),
        |entry| entry["Service"]["Address"] = "10.0.0.1/8".into(),
        |entry| entry["Service"]["ID"] = "".into(),
        |entry| entry["Service"] = Value::Null,
        |entry| entry["Service"]["Meta"] = json!({ "a": 1 }),
        |entry| entry["Checks"] = json!([{ "CheckID": "c" }]),
        |entry| *entry = json!("users"),
    ];
    for change in cases {
        check(change, &[], 1);
    }
}

#[test]
fn a_list_in_which_nothing_makes_sense_is_not_empty() {
    for body in ["[1]", "[{}]", r#"[{"Service":{"ID":"a","Port":0}}]"#] {
        let answer = listing("users", body.as_bytes(), false);
        assert!(matches!(answer, Err(ConsulError::Garbage { .. })), "{body}: {answer:?}");
    }
    for body in ["", "null", "{}", "[", "[] x", "<html>", "\"\""] {
        let answer = listing("users", body.as_bytes(), false);
        assert!(matches!(answer, Err(ConsulError::Json { .. })), "{body}: {answer:?}");
    }
    assert_eq!(listing("users", b"[]", false).unwrap(), Listing::default());
}

#[test]
fn version_and_metadata() {
    let found = read(
        &[entry(|entry| {
            entry["Service"]["Tags"] = json!(["blue", "version=1.2=x", "version=2"]);
            entry["Service"]["Meta"] = json!({ "weight": "30", "zone": "a" });
        })],
        false,
    );
    let instance = &found.snapshot.instances[0];
    assert_eq!((instance.name.as_str(), instance.version.as_str()), ("users", "1.2=x"));
    let metadata = [("weight", "30"), ("zone", "a")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(instance.metadata, metadata.into());
}

#[test]
fn ids_are_told_apart_by_node_and_order_means_nothing() {
    let on = |node: &str| {
        let node = node.to_owned();
        entry(|entry| entry["Node"]["Node"] = node.into())
    };
    let found = read(&[on("n2"), on("n1"), on("n2")], false);
    let ids: Vec<_> = found.snapshot.instances.iter().map(|instance| instance.id.as_str()).collect();
    assert_eq!((ids.as_slice(), found.skipped), (["n1/a", "n2/a"].as_slice(), 1));
    assert_eq!(read(&[on("n1"), on("n2")], false).snapshot, found.snapshot);
    let without = read(&[entry(|entry| entry["Node"] = Value::Null)], false);
    assert_eq!(without.snapshot.instances[0].id, "a");
}

/// Whether it gets requests, and with which weight, unless it is told to be unhealthy.
#[track_caller]
fn health(states: &[&str], warning: bool, expect: Option<Option<&str>>) {
    let checks: Vec<_> = states.iter().map(|state| json!({ "Status": state })).collect();
    let found = read(&[entry(|entry| entry["Checks"] = checks.into())], warning);
    let weight = |instance: &Instance| instance.metadata.get("weight").cloned();
    let usable = found.snapshot.instances.first().map(weight);
    assert_eq!(usable.as_ref().map(|weight| weight.as_deref()), expect, "{states:?}");
    let unhealthy: Vec<_> = found.snapshot.unhealthy.iter().map(String::as_str).collect();
    assert_eq!(unhealthy, if expect.is_some() { Vec::new() } else { vec!["n1/a"] });
}

#[test]
fn every_check_counts() {
    for warning in [false, true] {
        health(&[], warning, Some(None));
        health(&["passing", "passing"], warning, Some(None));
        health(&["passing", "critical"], warning, None);
        health(&["maintenance"], warning, None);
        health(&["whatever"], warning, None);
    }
    health(&["passing", "warning"], false, None);
    health(&["passing", "warning"], true, Some(None));
}

#[test]
fn a_warning_weighs_what_consul_says() {
    let warned = |weights: Value, own: Value| {
        let entry = entry(|entry| {
            entry["Checks"] = json!([{ "Status": "warning" }]);
            entry["Service"]["Weights"] = weights;
            entry["Service"]["Meta"] = own;
        });
        let found = read(&[entry], true);
        found.snapshot.instances.first().map(|instance| instance.metadata.get("weight").cloned())
    };
    let some = |weight: &str| Some(Some(weight.to_owned()));
    assert_eq!(warned(json!({ "Passing": 1, "Warning": 1 }), Value::Null), Some(None));
    assert_eq!(warned(json!({ "Passing": 10, "Warning": 1 }), Value::Null), some("1"));
    assert_eq!(warned(json!({ "Passing": 2, "Warning": 1 }), json!({ "weight": "50" })), some("25"));
    assert_eq!(warned(json!({ "Passing": 100, "Warning": 1 }), json!({ "weight": "0" })), some("1"));
    assert_eq!(warned(json!({ "Passing": 1, "Warning": 0 }), Value::Null), None);
}

proptest::proptest! {
    /// Whatever stands in an answer: no panic, each id once and in order, every endpoint with host and port.
    #[test]
    fn any_answer_is_survived(
        entries in proptest::collection::vec(("[ab:/.%é ]{0,3}", "[0-9a-f:./]{0,8}", -1i64..70_000, "[a-z:/0-9.]{0,14}", 0..4usize), 0..8)
    ) {
        let states = ["passing", "warning", "critical", "?"];
        let entries: Vec<_> = entries.into_iter().map(|(id, address, port, tagged, state)| json!({
            "Node": { "Node": "n", "Address": "10.0.0.9" },
            "Service": {
                "ID": id, "Address": address, "Port": port, "TaggedAddresses": { "x": { "Address": tagged } },
            },
            "Checks": [{ "Status": states[state] }],
        })).collect();
        let Ok(found) = listing("users", Value::from(entries).to_string().as_bytes(), false) else { return Ok(()) };
        let ids: Vec<_> = found.snapshot.instances.iter().map(|instance| &instance.id).collect();
        proptest::prop_assert!(ids.is_sorted_by(|a, b| a < b));
        proptest::prop_assert!(found.snapshot.unhealthy.is_sorted_by(|a, b| a < b));
        for endpoint in found.snapshot.instances.iter().flat_map(|instance| &instance.endpoints) {
            proptest::prop_assert!(endpoint.parse::<http::Uri>().is_ok_and(|uri| uri.port_u16().is_some()), "{endpoint}");
        }
    }
}

#[test]
fn an_entry_that_cannot_be_read_costs_no_other() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let good = entry(|_| {}).to_string();
    for odd in [&*deep, &format!(r#"{{"Extra":{deep}}}"#), r#"{"Service":{"ID":"a","ID":"b"}}"#] {
        let found = listing("users", format!("[{odd},{good}]").as_bytes(), false).unwrap();
        assert_eq!((found.snapshot.instances.len(), found.skipped), (1, 1));
    }
}

#[test]
fn what_is_no_list_is_not_repeated() {
    for body in [format!("{:?}", "secret".repeat(100_000)), r#"{"secret": 1}"#.to_owned()] {
        let line = listing("users", body.as_bytes(), false).unwrap_err().line();
        assert!(line.len() < 100 && !line.contains("secret"), "{line:.200}");
    }
    assert!(listing("users", b"[] []", false).is_err());
}
