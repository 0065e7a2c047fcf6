//! The admin port as its callers see it.

use gw_core::Body;
use http_body_util::BodyExt as _;

use super::*;
use crate::{DuplicateName, page};

fn conn() -> Arc<ConnContext> {
    Arc::new(ConnContext {
        worker: 0,
        listener: "admin".into(),
        peer: "127.0.0.1:1".parse().unwrap(),
        local: "127.0.0.1:2".parse().unwrap(),
        tls: None,
        trusted_proxies: Arc::from([]),
    })
}

async fn ask(admin: &Admin, method: &str, target: &str, fields: &[(&str, &str)]) -> (u16, String) {
    let mut req = http::Request::builder().method(method).uri(target).header("host", "127.0.0.1:2");
    for (name, value) in fields {
        req = req.header(*name, *value);
    }
    let response = admin.call(req.body(Body::empty()).unwrap(), conn()).await;
    assert_eq!(response.headers()["cache-control"], "no-store");
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn admin(readiness: &Readiness) -> Admin {
    let registry = Registry::new().with(page("answer", || json(&42))).unwrap();
    Admin::new(registry, readiness.clone(), || "metric 1\n".to_owned())
}

#[tokio::test]
async fn readiness_follows_its_conditions_and_liveness_does_not() {
    let readiness = Readiness::new();
    let admin = admin(&readiness);
    readiness.expect("config");
    assert_eq!(ask(&admin, "GET", "/readyz", &[]).await, (503, "config\n".to_owned()));
    readiness.set_ready("config");
    assert_eq!(ask(&admin, "GET", "/healthz", &[]).await, (200, "ok\n".to_owned()));
    readiness.set_draining();
    assert_eq!(ask(&admin, "GET", "/readyz", &[]).await, (503, "draining\n".to_owned()));
    let verbose = "[+] config\n[-] not draining\ndraining\n".to_owned();
    assert_eq!(ask(&admin, "GET", "/readyz?verbose", &[]).await, (503, verbose));
    assert_eq!(ask(&admin, "GET", "/livez", &[]).await.0, 200);
}

#[tokio::test]
async fn pages_are_found_by_name() {
    let admin = admin(&Readiness::new());
    assert_eq!(ask(&admin, "GET", "/debug/answer", &[]).await, (200, "42\n".to_owned()));
    assert_eq!(ask(&admin, "GET", "/metrics", &[]).await, (200, "metric 1\n".to_owned()));
    assert_eq!(ask(&admin, "GET", "/debug/ping", &[]).await, (200, String::new()));
    assert!(ask(&admin, "GET", "/debug/", &[]).await.1.contains("/debug/answer"));
    for target in ["/debug/answer/more", "/debug/unknown", "/debugger", "/"] {
        assert_eq!(ask(&admin, "GET", target, &[]).await.0, 404, "{target}");
    }
    assert_eq!(ask(&admin, "POST", "/metrics", &[]).await.0, 405);
}

#[tokio::test]
async fn a_browser_cannot_be_tricked_into_asking() {
    let admin = admin(&Readiness::new());
    assert_eq!(ask(&admin, "POST", "/debug/answer", &[("origin", "http://evil.test")]).await.0, 403);
    assert_eq!(ask(&admin, "POST", "/debug/answer", &[("origin", "http://127.0.0.1:2")]).await.0, 200);
    let rebound =
        http::Request::builder().uri("/metrics").header("host", "evil.test").body(Body::empty()).unwrap();
    assert_eq!(admin.call(rebound, conn()).await.status(), 403);
}

#[test]
fn a_name_is_claimed_once() {
    let registry = Registry::new().with(page("a", || json(&1))).unwrap();
    assert_eq!(registry.with(page("a", || json(&2))).unwrap_err(), DuplicateName("a"));
    assert_eq!(Registry::new().with(page("ping", || json(&2))).unwrap_err(), DuplicateName("ping"));
}
