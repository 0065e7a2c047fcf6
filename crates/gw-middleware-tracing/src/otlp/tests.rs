//! Spans as a collector reads them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gw_core::{Attempt, EndpointInfo};
use serde_json::{Value as Json, json};

use super::*;
use crate::testing;

fn convert(of: Of) -> proto::Span {
    let trace = testing::trace(EndpointInfo::default());
    let span = Span {
        trace,
        started: UNIX_EPOCH + Duration::from_secs(1),
        ended: UNIX_EPOCH + Duration::from_secs(2),
        of,
    };
    let request = request("shop", &[span]);
    let resource = &request.resource_spans[0];
    assert_eq!(shown(&resource.resource.as_ref().unwrap().attributes), json!({ "service.name": "shop" }));
    resource.scope_spans[0].spans[0].clone()
}

fn shown(attributes: &[KeyValue]) -> Json {
    let value = |attribute: &KeyValue| match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(json!(text)),
        Value::IntValue(number) => Some(json!(number)),
        _ => None,
    };
    let pairs: BTreeMap<_, _> = attributes.iter().map(|pair| (pair.key.clone(), value(pair))).collect();
    assert_eq!(pairs.len(), attributes.len(), "a key is there twice");
    json!(pairs)
}

fn asked(method: Method, route: &str, host: &str) -> Box<Asked> {
    let endpoint = EndpointInfo { route: route.into(), ..EndpointInfo::default() };
    Box::new(Asked {
        parent: Some(SpanId(7)),
        method,
        path: "/users/7".into(),
        scheme: "https",
        host: Some(host.into()),
        user_agent: Some("test".into()),
        client: [192, 0, 2, 1].into(),
        endpoint: Arc::new(endpoint),
    })
}

fn answered(status: Option<u16>, outcome: Outcome) -> Answered {
    Answered { status, outcome, protocol: "2" }
}

fn attempted(number: u32, status: Option<u16>, outcome: Outcome, node: Option<&str>) -> Attempted {
    let noted = node.map(|node| Attempt { node: node.into(), status, outcome, elapsed: Duration::ZERO });
    Attempted { id: SpanId(9), method: Method::GET, number, status, outcome, noted }
}

#[test]
fn a_request() {
    let asked = asked(Method::GET, "/users/{id}", "api.test:8443");
    let span = convert(Of::Request(asked, answered(Some(200), Outcome::Ok)));
    assert_eq!((span.name.as_str(), span.kind()), ("GET /users/{id}", SpanKind::Server));
    assert_eq!(span.trace_id, 0xabc_u128.to_be_bytes());
    assert_eq!(
        (span.span_id, span.parent_span_id),
        (0xdef_u64.to_be_bytes().into(), 7_u64.to_be_bytes().into())
    );
    assert_eq!((span.trace_state.as_str(), span.flags), ("vendor=1", 0x301));
    assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (1_000_000_000, 2_000_000_000));
    assert_eq!(span.status, None);
    assert_eq!(
        shown(&span.attributes),
        json!({
            "http.request.method": "GET", "http.route": "/users/{id}", "url.path": "/users/7",
            "url.scheme": "https", "server.address": "api.test", "server.port": 8443,
            "client.address": "192.0.2.1", "user_agent.original": "test",
            "http.response.status_code": 200, "network.protocol.version": "2",
        })
    );
}

#[test]
fn an_attempt() {
    let span = convert(Of::Attempt(attempted(2, Some(503), Outcome::UpstreamStatus, Some("[::1]:80"))));
    assert_eq!((span.name.as_str(), span.kind()), ("attempt 2", SpanKind::Client));
    assert_eq!(
        (span.span_id, span.parent_span_id),
        (9_u64.to_be_bytes().into(), 0xdef_u64.to_be_bytes().into())
    );
    assert_eq!(span.flags, 0x101, "its parent is ours");
    assert_eq!(span.status.map(|status| status.code), Some(StatusCode::Error as i32));
    assert_eq!(
        shown(&span.attributes),
        json!({
            "http.request.method": "GET", "server.address": "::1", "server.port": 80,
            "http.request.resend_count": 1, "http.response.status_code": 503, "error.type": "upstream_status",
        })
    );
    let nowhere = convert(Of::Attempt(attempted(1, None, Outcome::NoHealthyUpstream, None)));
    let expect = json!({ "http.request.method": "GET", "error.type": "no_healthy_upstream" });
    assert_eq!(shown(&nowhere.attributes), expect);
}

#[test]
fn methods_and_routes_that_are_not_known() {
    let made_up = Method::from_bytes(b"BREW").unwrap();
    let span = convert(Of::Request(asked(made_up, "-", "::1"), answered(Some(404), Outcome::NoRoute)));
    assert_eq!(span.name, "HTTP");
    let attributes = shown(&span.attributes);
    assert_eq!(attributes["http.request.method"], "_OTHER");
    assert_eq!(attributes["http.request.method_original"], "BREW");
    assert_eq!(attributes["error.type"], "no_route");
    assert_eq!((&attributes["server.address"], attributes.get("server.port")), (&json!("::1"), None));
    assert_eq!(attributes.get("http.route"), None);
    assert_eq!(span.status, None);
}

#[test]
fn only_failures_of_the_service_are_errors() {
    for (status, outcome, expect) in [
        (Some(200), Outcome::Ok, false),
        (Some(404), Outcome::Ok, false),
        (Some(500), Outcome::Ok, true),
        (Some(429), Outcome::RateLimited, false),
        (Some(503), Outcome::Overloaded, true),
        (Some(200), Outcome::UpstreamReset, true),
        (Some(200), Outcome::ClientClosed, false),
        (None, Outcome::ClientClosed, false),
        (None, Outcome::UpstreamTimeout, true),
    ] {
        assert_eq!(is_error(status, outcome), expect, "{status:?} {outcome}");
    }
}
