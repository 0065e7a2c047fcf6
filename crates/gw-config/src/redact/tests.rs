//! What may be seen, and what may not.

use serde_json::{Value, json};

use super::*;
use crate::{Document, Format, parse};

#[track_caller]
fn check(mut value: Value, expect: impl Into<Value>) {
    redact(&mut value, false);
    assert_eq!(value, expect.into());
}

#[test]
fn keys_that_name_secrets() {
    for name in [
        "key",
        "token",
        "Password",
        "client_secret",
        "api-key",
        "apiKey",
        "X-Api-Key",
        "accessToken",
        "TOKEN",
        "dsn",
    ] {
        assert!(is_secret(name), "{name}");
    }
    for name in ["keyboard", "tokenizer", "name", "monkey", "cert", "keep", "secretary", "key_file_name", ""]
    {
        assert!(!is_secret(name), "{name}");
    }
}

#[test]
fn values_below_a_secret_key() {
    check(
        json!({"token": "x", "a": [{"password": 1}]}),
        json!({"token": HIDDEN, "a": [{"password": HIDDEN}]}),
    );
    check(json!({"keys": ["a", {"b": "c"}]}), json!({"keys": [HIDDEN, {"b": HIDDEN}]}));
    check(
        json!({"key": null, "secret": "", "token": true}),
        json!({"key": null, "secret": "", "token": true}),
    );
}

#[test]
fn headers() {
    check(
        json!({"set": {"Authorization": "Bearer x", "X-Env": "prod"}}),
        json!({"set": {"Authorization": HIDDEN, "X-Env": "prod"}}),
    );
    check(
        json!({"name": "Authorization", "value": "Bearer x"}),
        json!({"name": "Authorization", "value": HIDDEN}),
    );
    check(json!({"name": "Grpc-Status", "value": "14"}), json!({"name": "Grpc-Status", "value": "14"}));
    check(
        json!({"name": "tracing", "options": {"headers": {"X-Team": "x"}, "insecure": true, "token": "x"}}),
        json!({"name": "tracing", "options": {"headers": {"X-Team": HIDDEN}, "insecure": true, "token": HIDDEN}}),
    );
}

#[test]
fn texts() {
    check(json!("-----BEGIN EC PRIVATE KEY-----\nMHc"), json!(HIDDEN));
    check(json!("-----BEGIN CERTIFICATE-----\nMII"), json!("-----BEGIN CERTIFICATE-----\nMII"));
    check(json!("http://u:p@host/x?a=b@c"), json!(format!("http://{HIDDEN}@host/x?a=b@c")));
    check(json!("http://host/p@th"), json!("http://host/p@th"));
    check(json!("consul://h?token=x&dc=a"), json!(format!("consul://h?token={HIDDEN}&dc=a")));
    check(json!("a@b"), json!("a@b"));
}

#[test]
fn a_configuration_with_its_defaults() {
    let text = r"
        tlsStore: {a: {cert: /c.pem, key: /secret-path}}
        middlewares: [{name: auth, options: {jwt: {signingKey: abc}, header: x}}]
        balancer: {policy: hash, key: 'cookie:session'}
        endpoints: [{path: /, backends: [{target: 'http://u:p@h:1'}]}]
    ";
    let loaded = parse(Document::new("x", Format::Yaml, text)).unwrap();
    let json = redacted(&loaded);
    let at = |pointer: &str| json.pointer(pointer).cloned().unwrap_or_else(|| panic!("{pointer}: {json:#}"));
    assert_eq!(at("/tls_store/a/key"), HIDDEN);
    assert_eq!(at("/tls_store/a/cert"), "/c.pem");
    assert_eq!(at("/middlewares/0/options/jwt/signingKey"), HIDDEN);
    assert_eq!(at("/middlewares/0/options/header"), "x");
    assert_eq!(at("/balancer/key"), "cookie:session");
    assert_eq!(at("/endpoints/0/backends/0/target"), format!("http://{HIDDEN}@h:1"));
    assert_eq!(at("/endpoints/0/timeout"), "1s");
    assert_eq!(at("/endpoints/0/retry/attempts"), 1);
    assert_eq!(at("/client/connect_timeout"), "200ms");
    assert_eq!(at("/listeners/0/address"), ":8080");
    assert!(!json.to_string().contains("abc"));
}
