//! The Go gateway's names, types and labels (kratos proxy/proxy.go). `path` is the pattern, `method` the request's, but one of
//! the registered ones or `_OTHER`; of redirects and refusals, as there, the endpoint's.

use super::*;

const L: &[&str] = &["protocol", "method", "path", "service", "basePath"];
const CODE: Family = family(
    MetricType::COUNTER,
    "go_gateway_requests_code_total",
    &["protocol", "method", "path", "code", "service", "basePath"],
    "Requests by status.",
);
const DURATION: Family =
    family(MetricType::HISTOGRAM, "go_gateway_requests_duration_seconds", L, "Durations of requests.");
const TX: Family =
    family(MetricType::COUNTER, "go_gateway_requests_tx_bytes", L, "Bytes of answers' bodies.");
const RX: Family =
    family(MetricType::COUNTER, "go_gateway_requests_rx_bytes", L, "Bytes of requests' bodies.");
const RETRY: Family = family(
    MetricType::COUNTER,
    "go_gateway_requests_retry_state",
    &["protocol", "method", "path", "service", "basePath", "success"],
    "Further attempts by how they ended.",
);
const REDIRECT: Family =
    family(MetricType::COUNTER, "go_gateway_client_redirect_total", L, "Redirects that were followed: none.");
const DENIED: Family = family(
    MetricType::COUNTER,
    "go_gateway_requests_circuit_breaker_denied_total",
    L,
    "Requests that a circuit breaker refused.",
);
/// What [`DENIED`] shows: `gw_middleware::BREAKER_DENIED`, which is above this crate.
const BREAKER_DENIED: &str = "gateway_circuit_breaker_denied_total";
const FAILED: Family = family(
    MetricType::COUNTER,
    "go_gateway_failed_middleware_create",
    &["name", "required"],
    "Middlewares that could not be built.",
);

pub(super) fn collect(
    state: &State,
    routes: &[Arc<RouteSeries>],
    upstreams: &[Arc<UpstreamSeries>],
    families: &mut Vec<MetricFamily>,
) {
    let [mut codes, mut tx, mut rx, mut redirects] = [(); 4].map(|()| Counts::new());
    let mut durations = Durations::new();
    for series in routes {
        let info = series.info();
        if let Some(info) = &info {
            redirects.entry(endpoint(info, methods(info))).or_default();
        }
        for (key, merged) in series.durations() {
            let outcome = key.outcome.outcome();
            let status = Some(key.status.code()).filter(|code| *code != 0).unwrap_or(outcome.facts().status);
            let method = key.method.as_str();
            let Some(info) = &info else {
                if let Some(path) = unrouted(outcome, status) {
                    let labels = values(&["HTTP", method, path, &status.to_string(), "", ""]);
                    *codes.entry(labels).or_default() += merged.count();
                }
                continue;
            };
            let labels = endpoint(info, method);
            let mut coded = labels.clone();
            coded.insert(3, status.to_string());
            *codes.entry(coded).or_default() += merged.count();
            durations.entry(labels).or_default().merge(&merged);
        }
        for (method, info) in MethodLabel::all().filter_map(|method| Some((method, info.as_ref()?))) {
            let (request, response) = series.bytes(method);
            if request + response > 0 {
                *rx.entry(endpoint(info, method.as_str())).or_default() += request;
                *tx.entry(endpoint(info, method.as_str())).or_default() += response;
            }
        }
    }
    let denied = by_endpoint(state, BREAKER_DENIED, routes, |info| endpoint(info, methods(info)));
    let retries = retries(upstreams);
    let failed = state.failed_builds.lock();
    // A middleware that is required and cannot be built fails the reload, so that there is none to count.
    let failed = failed.iter().map(|(name, count)| (values(&[name, "false"]), *count)).collect();
    families.push(histograms(&DURATION, &durations, 1.0));
    for (family, counts) in [
        (&CODE, &codes),
        (&TX, &tx),
        (&RX, &rx),
        (&RETRY, &retries),
        (&REDIRECT, &redirects),
        (&DENIED, &denied),
        (&FAILED, &failed),
    ] {
        families.push(counters(family, counts));
    }
}

fn retries(upstreams: &[Arc<UpstreamSeries>]) -> Counts {
    let mut retries = Counts::new();
    for (series, info) in upstreams.iter().filter_map(|series| Some((series, series.info()?))) {
        for method in MethodLabel::all() {
            for (result, word) in [
                (RetryResult::Success, "true"),
                (RetryResult::Failure, "false"),
                (RetryResult::Breaker, "breaker"),
            ] {
                let count = series.retries_of(method, result);
                if count > 0 {
                    let mut labels = endpoint(&info, method.as_str());
                    labels.push(word.to_owned());
                    *retries.entry(labels).or_default() += count;
                }
            }
        }
    }
    retries
}

/// What stands for the path of a request that no route took. What a middleware of the global chain answered, whatever
/// would have refused it, is a request without a route. As in the original, a redirect is none, nor is what it cannot
/// have: a path that is refused before it is looked up.
fn unrouted(outcome: Outcome, status: u16) -> Option<&'static str> {
    match (outcome, status) {
        (Outcome::ClientMalformed, _) | (Outcome::Ok, 308) => None,
        (Outcome::MethodNotAllowed, _) => Some("/405"),
        _ => Some("/404"),
    }
}

fn endpoint(info: &EndpointInfo, method: &str) -> Vec<String> {
    let of = |key: &str| info.metadata.get(key).map(String::as_str).unwrap_or_default();
    let protocol = if info.grpc { "GRPC" } else { "HTTP" };
    values(&[protocol, method, &info.route, of("service"), of("basePath")])
}
