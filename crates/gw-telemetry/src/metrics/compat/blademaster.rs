//! Blademaster's names, types and labels (kratos v1, library `bm`). `path` is the pattern without its first `/`; `caller` is
//! `no_user`, as it is there unless a caller names itself; `code` is that of its error codes which the status has.

use super::*;

const SERVER_DURATION: Family = family(
    MetricType::HISTOGRAM,
    "http_server_requests_duration_ms",
    &["path", "caller", "method"],
    "Durations of requests in milliseconds.",
);
const SERVER_CODE: Family = family(
    MetricType::COUNTER,
    "http_server_requests_code_total",
    &["path", "caller", "method", "code"],
    "Requests by error code.",
);
const BBR: Family = family(
    MetricType::COUNTER,
    "http_server_bbr_total",
    &["url", "method"],
    "Requests refused under overload.",
);
const CLIENT_DURATION: Family = family(
    MetricType::HISTOGRAM,
    "http_client_requests_duration_ms",
    &["path", "method"],
    "Durations of attempts in milliseconds.",
);
const CLIENT_CODE: Family = family(
    MetricType::COUNTER,
    "http_client_requests_code_total",
    &["path", "method", "code"],
    "Attempts that failed, by status or reason.",
);
/// What `http_server_bbr_total` shows: `gw_middleware::BBR_DROPPED`, which is above this crate.
const DROPPED: &str = "gateway_bbr_dropped_total";
const CALLER: &str = "no_user";
const PER_SECOND: f64 = 1e3;

pub(super) fn collect(
    state: &State,
    routes: &[Arc<RouteSeries>],
    upstreams: &[Arc<UpstreamSeries>],
    families: &mut Vec<MetricFamily>,
) {
    let [mut codes, mut client_codes] = [(); 2].map(|()| Counts::new());
    let [mut durations, mut client_durations] = [(); 2].map(|()| Durations::new());
    // Requests without a route are not counted, as in the original.
    for (series, info) in routes.iter().filter_map(|series| Some((series, series.info()?))) {
        let path = path(&info);
        for (key, merged) in series.durations() {
            let (method, outcome) = (key.method.as_str(), key.outcome.outcome());
            let status = Some(key.status.code()).filter(|code| *code != 0).unwrap_or(outcome.facts().status);
            let coded = values(&[path, CALLER, method, &error_code(status).to_string()]);
            *codes.entry(coded).or_default() += merged.count();
            durations.entry(values(&[path, CALLER, method])).or_default().merge(&merged);
        }
    }
    for (series, info) in upstreams.iter().filter_map(|series| Some((series, series.info()?))) {
        let path = path(&info);
        for ((method, status, outcome), merged) in series.attempts() {
            let code = match status.code() {
                code @ 400.. => Some(code.to_string()),
                0 if outcome.outcome() != Outcome::Ok => Some("failed".to_owned()),
                _ => None,
            };
            if let Some(code) = code {
                *client_codes.entry(values(&[path, method.as_str(), &code])).or_default() += merged.count();
            }
            client_durations.entry(values(&[path, method.as_str()])).or_default().merge(&merged);
        }
        for method in MethodLabel::all() {
            let held_back = series.retries_of(method, RetryResult::Breaker);
            if held_back > 0 {
                *client_codes.entry(values(&[path, method.as_str(), "breaker"])).or_default() += held_back;
            }
        }
    }
    let bbr = by_endpoint(state, DROPPED, routes, |info| values(&[path(info), methods(info)]));
    families.push(histograms(&SERVER_DURATION, &durations, PER_SECOND));
    families.push(histograms(&CLIENT_DURATION, &client_durations, PER_SECOND));
    for (family, counts) in [(&SERVER_CODE, &codes), (&BBR, &bbr), (&CLIENT_CODE, &client_codes)] {
        families.push(counters(family, counts));
    }
}

fn path(info: &EndpointInfo) -> &str {
    info.route.strip_prefix('/').unwrap_or(&info.route)
}

/// 0 is success, the common errors are the negative status, but for two that have numbers of their own.
fn error_code(status: u16) -> i32 {
    match status {
        0..400 => 0,
        429 => -509,
        499 => -498,
        other => -i32::from(other),
    }
}
