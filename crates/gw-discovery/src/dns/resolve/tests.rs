//! What one resolution makes of a name, without a server.

use super::*;

#[test]
fn names_with_enough_dots_are_tried_first_as_they_are() {
    let search = ["prod.svc".to_owned(), "svc".to_owned()];
    assert_eq!(candidates("users", &search, 1), ["users.prod.svc.", "users.svc.", "users."]);
    assert_eq!(candidates("a.b", &search, 1), ["a.b.", "a.b.prod.svc.", "a.b.svc."]);
    assert_eq!(candidates("a.b", &search, 5), ["a.b.prod.svc.", "a.b.svc.", "a.b."]);
    assert_eq!(candidates("users.", &search, 5), ["users."]);
    assert_eq!(candidates("users", &[], 1), ["users."]);
}

#[test]
fn loopback_names_need_no_server() {
    for host in ["localhost", "LOCALHOST.", "a.localhost"] {
        assert!(is_loopback(host), "{host}");
    }
    for host in ["localhost.example", "notlocalhost", "", "."] {
        assert!(!is_loopback(host), "{host}");
    }
    let loopback: Vec<IpAddr> = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let found = local("a.localhost", &Hosts::default()).unwrap();
    assert_eq!(found.addresses(&[]), loopback);
}

#[test]
fn addresses_are_sorted_and_an_unknown_family_keeps_its_own() {
    let known = |list: &[&str]| Family::Known(list.iter().map(|ip| ip.parse().unwrap()).collect());
    let all = |found: Found, before: &[&str]| -> Vec<String> {
        let before: Vec<IpAddr> = before.iter().map(|ip| ip.parse().unwrap()).collect();
        found.addresses(&before).iter().map(IpAddr::to_string).collect()
    };
    let ttl = LONGEST;
    let both = Found { v4: known(&["10.0.0.10", "10.0.0.9"]), v6: known(&["::2", "::1"]), ttl };
    assert_eq!(all(both, &["10.0.0.1"]), ["10.0.0.9", "10.0.0.10", "::1", "::2"]);
    let half = Found { v4: known(&["10.0.0.1"]), v6: Family::Unknown, ttl };
    assert_eq!(all(half.clone(), &["10.0.0.7", "::7"]), ["10.0.0.1", "::7"]);
    assert_eq!(all(half, &[]), ["10.0.0.1"]);
    let gone = Found { v4: known(&["10.0.0.1"]), v6: known(&[]), ttl };
    assert_eq!(all(gone, &["::7"]), ["10.0.0.1"]);
}

fn hosts() -> Hosts {
    let mut hosts = Hosts::default();
    let text = "10.9.8.7 Users.test db # first\n10.9.8.6 db\nfd00::1 six\n127.0.0.9 localhost\n";
    hosts.read_hosts_conf(text.as_bytes()).unwrap();
    hosts
}

#[tokio::test]
async fn the_hosts_file_comes_first() {
    // Nothing listens there: port 9 of a host that only this machine can reach.
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
    let resolver = Resolver { hosts, ..Resolver::with_servers(&[nobody]) };
    for (host, expect) in [
        ("users.test", "10.9.8.7"),
        ("USERS.TEST.", "10.9.8.7"),
        ("db", "10.9.8.6 10.9.8.7"),
        ("six", "fd00::1"),
        ("localhost", "127.0.0.9"),
    ] {
        let found = resolver.resolve(host).await.unwrap();
        let addresses: Vec<_> = found.addresses(&[]).iter().map(IpAddr::to_string).collect();
        assert_eq!(addresses.join(" "), expect, "{host}");
    }
}

/// An answer that comes after a while; `None` = never.
async fn later(wait: Option<Duration>, ip: &str) -> Answer {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
    answer(ip)
}

fn answer(list: &str) -> Answer {
    let addresses = list.split_whitespace().map(|ip| ip.parse().unwrap()).collect();
    Answer { family: Family::Known(addresses), ttl: 5, error: None }
}

#[tokio::test(start_paused = true)]
async fn a_usable_answer_waits_for_the_other_family_but_not_for_long() {
    let day = Duration::from_secs(86_400);
    let second = |wait, first: &'static str| async move {
        let first = answer(first);
        timeout(day, second(later(wait, "::1"), &first)).await.expect("it does not wait for ever").family
    };
    assert_eq!(second(Some(GRACE / 2), "10.0.0.1").await, answer("::1").family);
    assert_eq!(second(Some(GRACE * 2), "10.0.0.1").await, Family::Unknown);
    assert_eq!(second(None, "10.0.0.1").await, Family::Unknown);
    assert_eq!(second(Some(GRACE * 2), "").await, answer("::1").family, "an empty answer is not usable");
}
