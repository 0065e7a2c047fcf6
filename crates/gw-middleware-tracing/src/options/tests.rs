//! What options come to, and what is wrong with them.

use super::*;

fn decode(json: &serde_json::Value, dialect: Dialect) -> Result<Settings, Vec<Fault>> {
    let tree = serde_json::from_value(json.clone()).unwrap();
    Settings::decode(&Options::new(tree, dialect, false), "shop")
}

#[track_caller]
fn check(dialect: Dialect, json: &serde_json::Value, expect: Result<&str, &str>) {
    let found = decode(json, dialect);
    let found = found.as_ref().map(|settings| settings.target.url.as_str());
    let found =
        found.map_err(|faults| faults.iter().map(|fault| fault.path.as_str()).collect::<Vec<_>>().join(","));
    assert_eq!(found, expect.map_err(str::to_owned), "{json}");
}

#[test]
fn where_spans_go() {
    use Dialect::{Go, Native};
    use serde_json::json;
    check(Native, &json!({}), Ok("https://localhost:4318/v1/traces"));
    check(Native, &json!({ "http_endpoint": "c:4318" }), Ok("https://c:4318/v1/traces"));
    check(Native, &json!({ "http_endpoint": "127.0.0.1:4318" }), Ok("https://127.0.0.1:4318/v1/traces"));
    check(
        Native,
        &json!({ "http_endpoint": "[::1]:4318", "insecure": true }),
        Ok("http://[::1]:4318/v1/traces"),
    );
    check(Native, &json!({ "http_endpoint": "c" }), Ok("https://c:4318/v1/traces"));
    check(Native, &json!({ "http_endpoint": "[::1]", "insecure": true }), Ok("http://[::1]:4318/v1/traces"));
    check(Native, &json!({ "http_endpoint": "c:443" }), Ok("https://c/v1/traces"));
    check(Go, &json!({ "http_endpoint": "c" }), Ok("https://c/v1/traces"));
    check(Go, &json!({ "http_endpoint": "c", "insecure": true }), Ok("http://c/v1/traces"));
    check(Native, &json!({ "http_endpoint": "http://c:4318" }), Err("http_endpoint"));
    check(Native, &json!({ "http_endpoint": "c:4318/v1" }), Err("http_endpoint"));
    check(Native, &json!({ "http_endpoint": "c:99999" }), Err("http_endpoint"));
    check(Native, &json!({ "http_endpoint": "me@c:4318" }), Err("http_endpoint"));
    check(Native, &json!({ "http_endpoint": "" }), Err("http_endpoint"));
    check(Native, &json!({ "http_endpoint_url": "http://c:4318" }), Ok("http://c:4318/v1/traces"));
    check(Native, &json!({ "http_endpoint_url": "https://c/x/y?k=1" }), Ok("https://c/x/y?k=1"));
    check(Native, &json!({ "http_endpoint_url": "ftp://c" }), Err("http_endpoint_url"));
    check(Native, &json!({ "http_endpoint_url": "c:4318" }), Err("http_endpoint_url"));
    check(Native, &json!({ "http_endpoint_url": "http://c", "insecure": true }), Ok("http://c/v1/traces"));
    check(Native, &json!({ "http_endpoint_url": "https://c", "insecure": true }), Err("insecure"));
    check(
        Native,
        &json!({ "http_endpoint_url": "http://c", "http_endpoint": "c:1" }),
        Err("http_endpoint_url"),
    );
    check(Native, &json!({ "httpEndpoint": "c:4318" }), Err("httpEndpoint"));
    let kratos = &json!({ "@type": "type.googleapis.com/gateway.middleware.tracing.v1.Tracing",
        "httpEndpoint": "127.0.0.1:4318", "sampleRatio": 0.5, "timeout": "0s", "insecure": true });
    check(Go, kratos, Ok("http://127.0.0.1:4318/v1/traces"));
    check(Go, &json!({ "httpEndpointUrl": "http://c:4318/" }), Ok("http://c:4318/v1/traces"));
}

#[test]
fn the_rest() {
    use serde_json::json;
    let settings = |json: &serde_json::Value| decode(json, Dialect::Native).unwrap();
    let plain = settings(&json!({}));
    assert_eq!((plain.ratio, plain.target.timeout), (Ratio::new(1.0).unwrap(), Duration::from_secs(10)));
    assert_eq!(&*plain.target.service, "shop");
    assert_eq!(&*settings(&json!({ "service_name": "edge" })).target.service, "edge");
    let unnamed = Settings::decode(&Options::none(), "").unwrap();
    assert_eq!(&*unnamed.target.service, "gateway");
    assert_eq!(settings(&json!({ "timeout": "3s" })).target.timeout, Duration::from_secs(3));
    assert_eq!(settings(&json!({ "sample_ratio": 0 })).ratio, Ratio::new(0.0).unwrap());

    let secret = settings(&json!({ "headers": { "X-Team": "hunter2" } }));
    assert_eq!(secret.target.headers[0].0, "x-team");
    assert!(!format!("{secret:?}").contains("hunter2"), "{secret:?}");
    check(Dialect::Native, &json!({ "headers": { "host": "c" } }), Err("headers.host"));
    check(Dialect::Native, &json!({ "headers": { "a b": "c" } }), Err("headers.a b"));
    check(Dialect::Native, &json!({ "headers": { "a": "\n" } }), Err("headers.a"));
    for timeout in ["0s", "2m"] {
        check(Dialect::Native, &json!({ "timeout": timeout }), Err("timeout"));
    }
    check(
        Dialect::Native,
        &json!({ "sample_ratio": 1.5, "http_endpoint": "/" }),
        Err("sample_ratio,http_endpoint"),
    );
}
