//! The form of a DSN, and that errors help without telling secrets.

use super::*;

const KNOWN: [&str; 3] = ["datacenter", "tag", "token"];

fn parse(text: &str) -> Result<Dsn, DsnError> {
    Dsn::parse(text, "consul", &KNOWN, &["tag"])
}

#[test]
fn addresses_and_parameters() {
    let dsn = parse("Consul://10.0.0.1:1, [::1]:2/?datacenter=a%20b+c&tag=x%3Dy&&tag=z&tag=&token").unwrap();
    assert_eq!(dsn.addresses, ["10.0.0.1:1", "[::1]:2"]);
    assert_eq!(dsn.get("datacenter"), Some("a b c"));
    assert_eq!(dsn.all("tag").collect::<Vec<_>>(), ["x=y", "z"]);
    assert_eq!(dsn.get("token"), None);
    assert!(parse("consul://").unwrap().addresses.is_empty());
}

#[track_caller]
fn refused(text: &str, expect: &str) {
    let error = parse(text).unwrap_err().to_string();
    assert!(error.contains(expect), "{text}: {error}");
    assert!(!error.contains("b1gs"), "{error} tells a secret");
}

#[test]
fn each_error_says_what_to_do() {
    refused("", "no scheme");
    refused("127.0.0.1:8500?token=b1gs", "no scheme");
    refused("etcd://a:1?token=b1gs", "unknown discovery scheme `etcd`; there is: consul");
    refused("consul://b1gs@a:1", "`token`");
    refused("consul://user:b1gs@a:1", "`token`");
    refused("consul://a:1/v1", "a path");
    refused("consul://a:1?token=b1gs#x", "`%23`");
    refused("consul://a:1?datacentre=x", "did you mean `datacenter`?");
    refused("consul://a:1?what=x", "there is: datacenter, tag, token");
    refused("consul://a:1?b1gs-ecret", "unknown parameter `…`");
    refused("consul://a:1?token=b1gs&token=b1gs", "`token`: it is given twice");
    refused("consul://a:1?token=b1gs%ff", "`token`: it is no UTF-8");
}

#[test]
fn ports_are_completed() {
    for (address, expect) in [
        ("a", Some("a:1")),
        ("a:2", Some("a:2")),
        ("::1", Some("[::1]:1")),
        ("[::1]", Some("[::1]:1")),
        ("[::1]:2", Some("[::1]:2")),
        ("", None),
        ("[", None),
        ("[]", None),
        ("[a]", None),
        ("a:b", None),
    ] {
        assert_eq!(with_port(address, 1).as_deref(), expect, "{address:?}");
    }
}

#[test]
fn a_source_is_made_without_asking_anybody() {
    let source = from_dsn("consul://127.0.0.1:1?token=b1gs", &|_| None);
    assert!(source.is_ok_and(|source| source.inspect().is_empty()));
    let error = from_dsn("consul://a:1?tls=true&ca_file=/nowhere/ca.pem", &|_| None).err().unwrap();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "cannot read /nowhere/ca.pem");
}
