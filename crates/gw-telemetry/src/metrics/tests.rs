//! What a scrape says, read back with a parser of the text format.

use std::thread;
use std::time::Duration;

use http::Method;
use prometheus::proto::MetricType;

use super::*;
use crate::{AccessLog, LogFormat};

mod compat;
mod locks;
mod owned;

type Labels = BTreeMap<String, String>;

/// A scrape by name and labels. Two samples with the same name and labels fail the test, as they fail Prometheus.
struct Scraped(BTreeMap<(String, Labels), f64>);

impl Scraped {
    fn of(metrics: &Metrics) -> Self {
        let text = metrics.encode();
        let mut samples = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (key, value) = parse(line);
            assert!(samples.insert(key, value).is_none(), "twice in the scrape: {line}");
        }
        Self(samples)
    }

    #[track_caller]
    fn check(&self, name: &str, labels: &[(&str, &str)], expect: f64) {
        let labels: Labels = labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let found = self.0.get(&(name.to_owned(), labels));
        assert_eq!(found, Some(&expect), "{name} among {:#?}", self.named(name).collect::<Vec<_>>());
    }

    fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a Labels, f64)> {
        self.0.iter().filter(move |((key, _), _)| key == name).map(|((_, labels), value)| (labels, *value))
    }

    fn sum(&self, name: &str) -> f64 {
        self.named(name).map(|(_, value)| value).sum()
    }
}

fn parse(line: &str) -> ((String, Labels), f64) {
    let (head, value) = line.rsplit_once(' ').unwrap();
    let (name, mut rest) = head.split_once('{').unwrap_or((head, ""));
    let mut labels = Labels::new();
    while let Some((label, tail)) = rest.split_once("=\"") {
        let mut text = String::new();
        let mut chars = tail.char_indices();
        let end = loop {
            match chars.next().unwrap() {
                (_, '\\') => text.push(match chars.next().unwrap().1 {
                    'n' => '\n',
                    other => other,
                }),
                (at, '"') => break at,
                (_, other) => text.push(other),
            }
        };
        labels.insert(label.trim_start_matches(',').to_owned(), text);
        rest = &tail[end + 1..];
    }
    ((name.to_owned(), labels), value.parse().unwrap())
}

fn metrics(workers: usize) -> Arc<Metrics> {
    Metrics::new(workers, BuildInfo { version: "1.2.3", revision: "abc" })
}

fn ok(method: &Method, seconds: f64) -> Finished<'_> {
    Finished {
        method,
        status: Some(200),
        outcome: Outcome::Ok,
        protocol: "1.1",
        seconds,
        request_bytes: 3,
        response_bytes: 5,
    }
}

#[test]
fn requests_of_all_workers_add_up() {
    let metrics = metrics(2);
    let series = metrics.route("/items/{id}", "items");
    series.record(0, &ok(&Method::GET, 0.005));
    series.record(1, &ok(&Method::GET, 0.0051));
    series.record(1, &ok(&Method::GET, 60.0));
    series.record(7, &ok(&Method::GET, 1.0));
    series.record(
        0,
        &Finished {
            status: Some(502),
            outcome: Outcome::ConnectRefused,
            protocol: "2",
            ..ok(&Method::POST, 0.2)
        },
    );
    let scraped = Scraped::of(&metrics);
    let labels = |le: &'static str| {
        let mut labels = vec![
            ("http_request_method", "GET"),
            ("http_response_status_code", "200"),
            ("http_route", "/items/{id}"),
            ("endpoint", "items"),
            ("error_type", ""),
            ("network_protocol_version", "1.1"),
        ];
        if !le.is_empty() {
            labels.push(("le", le));
        }
        labels
    };
    let name = "http_server_request_duration_seconds";
    for (le, count) in [("0.005", 1.0), ("0.01", 2.0), ("0.75", 2.0), ("1", 3.0), ("10", 3.0), ("+Inf", 4.0)]
    {
        scraped.check(&format!("{name}_bucket"), &labels(le), count);
    }
    scraped.check(&format!("{name}_count"), &labels(""), 4.0);
    scraped.check(&format!("{name}_sum"), &labels(""), 61.0101);
    let failed = [
        ("http_request_method", "POST"),
        ("http_response_status_code", "502"),
        ("http_route", "/items/{id}"),
        ("endpoint", "items"),
        ("error_type", "connect_refused"),
        ("network_protocol_version", "2"),
    ];
    scraped.check(&format!("{name}_count"), &failed, 1.0);
    let route = [("http_route", "/items/{id}"), ("endpoint", "items")];
    scraped.check("http_server_request_body_bytes_total", &route, 15.0);
    scraped.check("http_server_response_body_bytes_total", &route, 25.0);
    scraped.check("http_server_active_requests", &route, 0.0);
    assert_eq!(scraped.named(&format!("{name}_bucket")).count(), 2 * 15);
}

#[test]
fn labels_that_read_the_same_when_joined_stay_apart() {
    let metrics = metrics(1);
    let pairs =
        [("ab", "c"), ("a", "bc"), ("abc", ""), ("", "abc"), ("a\"b", "c"), ("a\nb", "c\\"), ("a\\nb", "c")];
    let series: Vec<_> = pairs.iter().map(|(route, endpoint)| metrics.route(route, endpoint)).collect();
    let upstreams: Vec<_> = pairs.iter().map(|(route, _)| metrics.upstream(route)).collect();
    for (n, (series, upstream)) in series.iter().zip(&upstreams).enumerate() {
        for _ in 0..=n {
            series.record(0, &ok(&Method::GET, 0.0));
            upstream.record_attempt(0, &Method::GET, None, Outcome::Ok, 0.0);
        }
    }
    let scraped = Scraped::of(&metrics);
    for (n, (route, endpoint)) in pairs.iter().enumerate() {
        let bytes = (n as f64 + 1.0) * 3.0;
        scraped.check(
            "http_server_request_body_bytes_total",
            &[("http_route", route), ("endpoint", endpoint)],
            bytes,
        );
        let labels = [("endpoint", *route), ("error_type", "")];
        scraped.check("http_client_request_duration_seconds_count", &labels, n as f64 + 1.0);
    }
}

#[test]
fn clients_and_upstreams_cannot_make_series() {
    let metrics = metrics(1);
    let series = metrics.route("/", "root");
    let registered = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    for method in
        (0..500).map(|n| format!("M{n}")).chain(registered.map(String::from)).chain(["get".to_owned()])
    {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        series.record(0, &Finished { protocol: "9.9", ..ok(&method, 0.0) });
    }
    let name = "http_server_request_duration_seconds_count";
    let scraped = Scraped::of(&metrics);
    let methods: Vec<_> =
        scraped.named(name).map(|(labels, count)| (&*labels["http_request_method"], count)).collect();
    let mut expect: Vec<_> = registered.map(|method| (method, 1.0)).into();
    expect.push(("_OTHER", 501.0));
    expect.sort_by_key(|(method, _)| *method);
    assert_eq!(methods, expect);
    assert!(scraped.named(name).all(|(labels, _)| labels["network_protocol_version"] == "_OTHER"));

    let series = metrics.route("/statuses", "statuses");
    for status in 0..=u16::MAX {
        series.record(0, &Finished { status: Some(status), ..ok(&Method::GET, 0.0) });
    }
    series.record(0, &Finished { status: None, ..ok(&Method::GET, 0.0) });
    let scraped = Scraped::of(&metrics);
    let statuses: BTreeMap<_, _> = scraped
        .named(name)
        .filter(|(labels, _)| labels["endpoint"] == "statuses")
        .map(|(labels, count)| (&*labels["http_response_status_code"], count))
        .collect();
    assert!(statuses.len() < 75, "{statuses:?}");
    assert_eq!((statuses[""], statuses["404"], statuses["499"], statuses["503"]), (1.0, 1.0, 1.0, 1.0));
    assert!(statuses["4xx"] > 50.0 && statuses["5xx"] > 400.0, "{statuses:?}");
}

#[test]
fn threads_that_record_at_once_lose_nothing() {
    const THREADS: usize = 4;
    const EACH: usize = 5_000;
    let metrics = metrics(2);
    let (series, upstream) = (metrics.route("/", "root"), metrics.upstream("root"));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (metrics, series, upstream) = (&metrics, &series, &upstream);
            // Two threads share each shard: right even without a worker of its own for each.
            scope.spawn(move || {
                for n in 0..EACH {
                    let outcome = Outcome::ALL[n % Outcome::ALL.len()];
                    let in_flight = series.begin(thread);
                    series.record(thread, &Finished { outcome, ..ok(&Method::GET, 0.25) });
                    drop(in_flight);
                    upstream.record_attempt(thread, &Method::GET, None, outcome, 0.5);
                    upstream.record_retry(thread, &Method::GET, RetryResult::ALL[n % 3]);
                    metrics.rejected(thread, outcome);
                    if n % 1000 == 0 {
                        metrics.encode();
                    }
                }
            });
        }
    });
    let scraped = Scraped::of(&metrics);
    let total = (THREADS * EACH) as f64;
    assert_eq!(scraped.sum("http_server_request_duration_seconds_count"), total);
    assert_eq!(scraped.sum("http_server_request_duration_seconds_sum"), total / 4.0);
    assert_eq!(scraped.named("http_server_request_duration_seconds_count").count(), Outcome::ALL.len());
    assert_eq!(scraped.sum("http_server_request_body_bytes_total"), total * 3.0);
    assert_eq!(scraped.sum("http_server_active_requests"), 0.0);
    assert_eq!(scraped.sum("http_client_request_duration_seconds_count"), total);
    assert_eq!(scraped.sum("gateway_upstream_retries_total"), total);
    assert_eq!(scraped.sum("gateway_rejected_requests_total"), total);
}

#[test]
fn a_route_stays_for_its_last_request_and_then_leaves() {
    let metrics = metrics(2);
    let active = |expect: &[(&str, f64)]| {
        let scraped = Scraped::of(&metrics);
        let found: Vec<_> = scraped
            .named("http_server_active_requests")
            .map(|(labels, value)| (labels["endpoint"].clone(), value))
            .collect();
        let expect: Vec<_> =
            expect.iter().map(|(endpoint, value)| ((*endpoint).to_owned(), *value)).collect();
        assert_eq!(found, expect);
    };
    let (old, kept) = (metrics.route("/old", "old"), metrics.route("/kept", "kept"));
    old.record(0, &ok(&Method::GET, 0.1));
    let request = old.begin(0);
    let other = kept.begin(1);
    active(&[("kept", 1.0), ("old", 1.0)]);
    drop(old);
    active(&[("kept", 1.0), ("old", 1.0)]);
    drop(request);
    active(&[("kept", 1.0)]);
    drop(other);
    active(&[("kept", 0.0)]);
    // A route that comes back begins anew: Prometheus takes a fall for a restart of the counter.
    let again = metrics.route("/old", "old");
    active(&[("kept", 0.0), ("old", 0.0)]);
    assert_eq!(again.request_bytes(), 0);
}

#[test]
fn a_reload_that_keeps_a_route_keeps_its_counts() {
    let metrics = metrics(1);
    let before = metrics.route("/", "root");
    before.record(0, &ok(&Method::GET, 0.1));
    let after = metrics.route("/", "root");
    drop(before);
    after.record(0, &ok(&Method::GET, 0.1));
    assert_eq!(Scraped::of(&metrics).sum("http_server_request_duration_seconds_count"), 2.0);
}

#[test]
fn the_gateway_tells_of_itself() {
    let metrics = metrics(1);
    let scraped = Scraped::of(&metrics);
    scraped.check("gateway_config_generation", &[], 0.0);
    scraped.check("gateway_config_last_reload_successful", &[], 0.0);
    scraped.check("gateway_config_reloads_total", &[("result", "failure")], 0.0);
    scraped.check("gateway_access_log_dropped_total", &[], 0.0);
    scraped.check("gateway_build_info", &[("version", "1.2.3"), ("revision", "abc")], 1.0);

    metrics.config_loaded(7, UNIX_EPOCH + Duration::from_millis(1_500));
    metrics.middleware_build_failed("geo\"ip");
    metrics.rejected(3, Outcome::HeadersTooLarge);
    let count = |listener: &str, state, count| ConnectionCount { listener: listener.into(), state, count };
    metrics.watch_connections(move || {
        vec![
            count("web", "active", 2),
            count("web", "idle", 3),
            count("web", "active", 4),
            count("tls", "idle", 1),
        ]
    });
    let log = AccessLog::start(Box::new(std::io::sink()), LogFormat::Json, 1).unwrap();
    log.drop_counter().store(9, Relaxed);
    metrics.watch_access_log(&log);
    let scraped = Scraped::of(&metrics);
    scraped.check("gateway_config_generation", &[], 7.0);
    scraped.check("gateway_config_last_reload_successful", &[], 1.0);
    scraped.check("gateway_config_last_reload_success_timestamp_seconds", &[], 1.5);
    scraped.check("gateway_config_reloads_total", &[("result", "success")], 1.0);
    scraped.check("gateway_middleware_build_failures_total", &[("name", "geo\"ip")], 1.0);
    scraped.check("gateway_rejected_requests_total", &[("outcome", "headers_too_large")], 1.0);
    assert_eq!(scraped.named("gateway_rejected_requests_total").count(), 1);
    scraped.check("gateway_connections", &[("listener", "web"), ("state", "active")], 6.0);
    scraped.check("gateway_connections", &[("listener", "tls"), ("state", "idle")], 1.0);
    scraped.check("gateway_access_log_dropped_total", &[], 9.0);

    metrics.config_rejected();
    let scraped = Scraped::of(&metrics);
    scraped.check("gateway_config_generation", &[], 7.0);
    scraped.check("gateway_config_last_reload_successful", &[], 0.0);
    scraped.check("gateway_config_reloads_total", &[("result", "failure")], 1.0);

    metrics.config_loaded(8, UNIX_EPOCH);
    Scraped::of(&metrics).check("gateway_config_last_reload_successful", &[], 1.0);
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_tells_of_itself() {
    let scraped = Scraped::of(&metrics(1));
    assert!(scraped.sum("process_resident_memory_bytes") > 0.0);
    assert!(scraped.sum("process_open_fds") > 0.0);
}

#[test]
fn durations_that_are_none_count_as_nothing() {
    let metrics = metrics(1);
    let series = metrics.upstream("x");
    for seconds in [-1.0, f64::NAN, f64::NEG_INFINITY, -0.0] {
        series.record_attempt(0, &Method::GET, None, Outcome::Ok, seconds);
    }
    let scraped = Scraped::of(&metrics);
    assert_eq!(scraped.sum("http_client_request_duration_seconds_sum"), 0.0);
    let labels = [("endpoint", "x"), ("error_type", ""), ("le", "0.005")];
    scraped.check("http_client_request_duration_seconds_bucket", &labels, 4.0);
}

/// What `promtool check metrics` demands of names, types and help texts.
#[test]
fn the_table_of_families_is_clean() {
    let mut names: Vec<&str> = families::ALL.iter().map(|family| family.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), families::ALL.len());
    for family in families::ALL {
        let name = family.name;
        let proto = family.with(Vec::new());
        family.desc().unwrap();
        assert_eq!(name.ends_with("_total"), proto.get_field_type() == MetricType::COUNTER, "{name}");
        assert!(proto.help().len() > 10 && proto.help().ends_with('.'), "{name}");
        for word in ["_count", "_sum", "_bucket", "counter", "gauge", "histogram", "_ms", "milli"] {
            assert!(!name.contains(word), "{name} contains {word}");
        }
        assert!(!family.labels.contains(&"le") && !family.labels.contains(&"quantile"), "{name}");
        if proto.get_field_type() == MetricType::HISTOGRAM {
            assert!(name.ends_with("_seconds"), "{name}");
        }
    }
}
