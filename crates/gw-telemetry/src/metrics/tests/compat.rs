//! The names of other gateways.

use gw_core::EndpointInfo;

use super::super::compat::BOUNDS;
use super::*;

fn described(metrics: &Metrics, name: &str) -> (Arc<RouteSeries>, Arc<UpstreamSeries>) {
    let metadata = [("service", "shop"), ("basePath", "/items")];
    let metadata = metadata.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let info = Arc::new(EndpointInfo {
        name: name.into(),
        route: "/items/{id}".into(),
        methods: "GET,PUT".into(),
        grpc: false,
        metadata,
    });
    let (route, upstream) = (metrics.route(&info.route, &info.name), metrics.upstream(&info.name));
    route.describe(&info);
    upstream.describe(&info);
    (route, upstream)
}

/// As the middlewares declare them, above this crate; a test of gateway-bin compares the two.
const DENIED: CounterFamily =
    CounterFamily { name: "gateway_circuit_breaker_denied_total", help: "Denied.", labels: &["endpoint"] };
const DROPPED: CounterFamily =
    CounterFamily { name: "gateway_bbr_dropped_total", help: "Dropped.", labels: &["endpoint"] };

/// The original's labels of a described route, with some in place of others or besides.
fn with(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let own = [
        ("protocol", "HTTP"),
        ("method", "GET"),
        ("path", "/items/{id}"),
        ("service", "shop"),
        ("basePath", "/items"),
    ];
    let kept = own.into_iter().filter(|(key, _)| !more.iter().any(|(other, _)| other == key));
    kept.chain(more.iter().copied()).collect()
}

#[test]
fn the_go_gateways_names() {
    let metrics = metrics(2);
    // Two endpoints that read the same there: two samples with the same labels would fail the scrape.
    let [(one, upstream), (two, _other)] = ["one", "two"].map(|name| described(&metrics, name));
    for (worker, seconds) in [(0, 0.005), (1, 0.06), (1, 0.6), (0, 9.0)] {
        one.record(worker, &ok(&Method::GET, seconds));
    }
    let closed = Finished { status: None, outcome: Outcome::ClientClosed, ..ok(&Method::GET, 0.5) };
    two.record(0, &closed);
    two.record(0, &Finished { status: Some(503), outcome: Outcome::BreakerOpen, ..ok(&Method::PUT, 0.0) });
    // A backup may have answered: what is denied is told by the breaker, not by the outcome.
    let denied = ["one", "two", "-"].map(|name| metrics.counter(&DENIED, &[name]));
    denied.iter().for_each(|counter| counter.add(1, 2));
    upstream.record_retry(0, &Method::GET, RetryResult::Failure);
    metrics.middleware_build_failed("geo");
    let nowhere = metrics.route("-", "-");
    for (status, outcome) in [
        (404, Outcome::NoRoute),
        (405, Outcome::MethodNotAllowed),
        (429, Outcome::RateLimited),
        (400, Outcome::ClientMalformed),
        (308, Outcome::Ok),
    ] {
        nowhere.record(0, &Finished { status: Some(status), outcome, ..ok(&Method::GET, 0.0) });
    }
    assert!(!metrics.encode().contains("go_gateway"));
    metrics.set_compat([Compat::Kratos]);
    let scraped = Scraped::of(&metrics);
    let code = "go_gateway_requests_code_total";
    scraped.check(code, &with(&[("code", "200")]), 4.0);
    scraped.check(code, &with(&[("code", "499")]), 1.0);
    for (path, status) in [("/404", "404"), ("/405", "405"), ("/404", "429")] {
        scraped.check(
            code,
            &with(&[("path", path), ("code", status), ("service", ""), ("basePath", "")]),
            1.0,
        );
    }
    assert_eq!(scraped.named(code).count(), 6);
    let duration = "go_gateway_requests_duration_seconds";
    for (le, count) in
        [("0.005", 1.0), ("0.05", 1.0), ("0.1", 2.0), ("0.25", 2.0), ("0.5", 3.0), ("1", 4.0), ("+Inf", 5.0)]
    {
        scraped.check(&format!("{duration}_bucket"), &with(&[("le", le)]), count);
    }
    scraped.check(&format!("{duration}_sum"), &with(&[]), 10.165);
    // As in the original, what no route takes is counted by status alone.
    for (name, series) in [
        ("go_gateway_requests_duration_seconds_count", 2),
        ("go_gateway_requests_tx_bytes", 2),
        ("go_gateway_requests_rx_bytes", 2),
    ] {
        assert_eq!(scraped.named(name).count(), series, "{name}");
    }
    scraped.check("go_gateway_requests_tx_bytes", &with(&[]), 25.0);
    scraped.check("go_gateway_requests_rx_bytes", &with(&[]), 15.0);
    scraped.check("go_gateway_requests_retry_state", &with(&[("success", "false")]), 1.0);
    let configured = with(&[("method", "GET,PUT")]);
    scraped.check("go_gateway_client_redirect_total", &configured, 0.0);
    scraped.check("go_gateway_requests_circuit_breaker_denied_total", &configured, 4.0);
    assert_eq!(scraped.named("go_gateway_requests_circuit_breaker_denied_total").count(), 1);
    scraped.check("go_gateway_failed_middleware_create", &[("name", "geo"), ("required", "false")], 1.0);
    metrics.set_compat([]);
    assert!(!metrics.encode().contains("go_gateway"));
}

#[test]
fn blademasters_names() {
    let metrics = metrics(1);
    let (route, upstream) = described(&metrics, "one");
    route.record(0, &ok(&Method::GET, 0.007));
    route.record(0, &Finished { status: Some(429), outcome: Outcome::RateLimited, ..ok(&Method::GET, 0.0) });
    route.record(0, &Finished { status: Some(503), outcome: Outcome::Overloaded, ..ok(&Method::GET, 0.0) });
    // Requests without a route are counted nowhere, as in the original.
    let nowhere = metrics.route("-", "-");
    for (status, outcome) in [(404, Outcome::NoRoute), (405, Outcome::MethodNotAllowed)] {
        nowhere.record(0, &Finished { status: Some(status), outcome, ..ok(&Method::GET, 0.0) });
    }
    let [dropped, _unrouted] = ["one", "-"].map(|name| metrics.counter(&DROPPED, &[name]));
    dropped.add(0, 3);
    for (status, outcome) in
        [(Some(200), Outcome::Ok), (Some(500), Outcome::UpstreamStatus), (None, Outcome::ConnectRefused)]
    {
        upstream.record_attempt(0, &Method::GET, status, outcome, 0.02);
    }
    upstream.record_retry(0, &Method::GET, RetryResult::Breaker);
    metrics.set_compat([Compat::Blademaster, Compat::Kratos]);
    let scraped = Scraped::of(&metrics);
    let l = [("path", "items/{id}"), ("caller", "no_user"), ("method", "GET")];
    let code = |code| [l.as_slice(), &[("code", code)]].concat();
    for (word, count) in [("0", 1.0), ("-509", 1.0), ("-503", 1.0)] {
        scraped.check("http_server_requests_code_total", &code(word), count);
    }
    scraped.check("http_server_requests_duration_ms_bucket", &[l.as_slice(), &[("le", "10")]].concat(), 3.0);
    scraped.check("http_server_requests_duration_ms_sum", &l, 7.0);
    assert_eq!(scraped.named("http_server_requests_code_total").count(), 3);
    assert_eq!(scraped.named("http_server_requests_duration_ms_count").count(), 1);
    scraped.check("http_server_bbr_total", &[("url", "items/{id}"), ("method", "GET,PUT")], 3.0);
    drop(dropped);
    assert_eq!(Scraped::of(&metrics).named("http_server_bbr_total").count(), 0);
    let client = [("path", "items/{id}"), ("method", "GET")];
    scraped.check("http_client_requests_duration_ms_count", &client, 3.0);
    for word in ["500", "failed", "breaker"] {
        let labels = [client.as_slice(), &[("code", word)]].concat();
        scraped.check("http_client_requests_code_total", &labels, 1.0);
    }
    assert_eq!(scraped.named("http_client_requests_code_total").count(), 3);
}

/// Else merging would not be exact. Ours go on where theirs end.
#[test]
fn their_bounds_are_ours() {
    assert!(BOUNDS.iter().all(|bound| histogram::BOUNDS.contains(bound)));
    assert!(histogram::BOUNDS.last() >= Some(&10.0), "{:?}", histogram::BOUNDS);
}

#[test]
fn clients_cannot_make_series() {
    let metrics = metrics(1);
    let (route, _upstream) = described(&metrics, "one");
    let nowhere = metrics.route("-", "-");
    metrics.set_compat([Compat::Kratos, Compat::Blademaster]);
    for n in 0..300 {
        let method = Method::from_bytes(format!("M{n}").as_bytes()).unwrap();
        route.record(0, &ok(&method, 0.0));
        let finished = Finished { status: Some(404), outcome: Outcome::NoRoute, ..ok(&method, 0.0) };
        nowhere.record(0, &finished);
    }
    let scraped = Scraped::of(&metrics);
    assert_eq!(scraped.named("go_gateway_requests_code_total").count(), 2);
    assert_eq!(scraped.named("http_server_requests_code_total").count(), 1);
    assert_eq!(scraped.sum("go_gateway_requests_code_total"), 600.0);
}
