//! The options of `tracing`, and what they come to: where spans go, and of which share of requests.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use gw_value::{Dialect, Fault, Options, Severity, Span, Spanned};
use http::uri::Authority;
use http::{HeaderName, HeaderValue};
use reqwest::Url;
use serde::Deserialize;

use crate::ratio::Ratio;

/// Where collectors listen by default (OTLP specification).
const DEFAULT_ENDPOINT: &str = "localhost:4318";
/// The port of OTLP over HTTP.
const DEFAULT_PORT: u16 = 4318;
/// Where they take traces.
const PATH: &str = "/v1/traces";
/// How long a collector may take, by default; as in kratos.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// At most: it bounds how long the spans of a former configuration are kept.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60);
/// The service when neither options nor configuration name it; what kratos always says.
const DEFAULT_SERVICE: &str = "gateway";

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TracingOptions {
    http_endpoint: Option<Spanned<String>>,
    http_endpoint_url: Option<Spanned<String>>,
    sample_ratio: Option<Spanned<f64>>,
    #[serde(with = "gw_value::duration::option")]
    timeout: Option<Duration>,
    insecure: Option<Spanned<bool>>,
    headers: BTreeMap<String, Spanned<String>>,
    service_name: Option<String>,
}

/// What one instance does.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) ratio: Ratio,
    pub(crate) target: Target,
}

/// Where spans go. What has the same target shares a queue and a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) url: Url,
    /// For one export.
    pub(crate) timeout: Duration,
    /// Sent with every export. Marked as sensitive: they are not shown.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) service: Box<str>,
}

impl Settings {
    /// Reads options. `gateway` is the configuration's own name, the default of the service's.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub(crate) fn decode(options: &Options, gateway: &str) -> Result<Self, Vec<Fault>> {
        options.lower(|read: TracingOptions, faults| {
            let share = read.sample_ratio.unwrap_or(Spanned::unplaced(1.0));
            let ratio = Ratio::new(*share);
            if ratio.is_none() {
                faults.push(invalid(share.span(), "sample_ratio", "a share is from 0 to 1", None));
            }
            let url = url(&read, options.dialect(), faults);
            let timeout = timeout(read.timeout, options, faults);
            let headers =
                read.headers.iter().filter_map(|(name, value)| header(name, value, faults)).collect();
            let names = [read.service_name.as_deref().unwrap_or_default(), gateway, DEFAULT_SERVICE];
            let service = names.into_iter().find(|name| !name.is_empty()).unwrap_or_default().into();
            Some(Self { ratio: ratio?, target: Target { url: url?, timeout, headers, service } })
        })
    }
}

/// The collector's address, from whichever option gives it.
fn url(read: &TracingOptions, dialect: Dialect, faults: &mut Vec<Fault>) -> Option<Url> {
    match (&read.http_endpoint, &read.http_endpoint_url) {
        (Some(_), Some(url)) => {
            let message = "the collector is given twice";
            let help = "leave `http_endpoint` or `http_endpoint_url` out";
            faults.push(invalid(url.span(), "http_endpoint_url", message, Some(help)));
            None
        }
        (None, Some(url)) => whole(url, read.insecure.as_ref(), faults),
        (given, None) => {
            let default = Spanned::unplaced(DEFAULT_ENDPOINT.to_owned());
            let insecure = read.insecure.as_ref().is_some_and(|insecure| **insecure);
            host_and_port(given.as_ref().unwrap_or(&default), insecure, dialect, faults)
        }
    }
}

/// `host:port`; https unless it says `insecure`, as in kratos, also for this very machine. Without a port it is OTLP's; in
/// the Go dialect the scheme's, as in kratos, whose users may have a collector behind one.
fn host_and_port(
    given: &Spanned<String>,
    insecure: bool,
    dialect: Dialect,
    faults: &mut Vec<Fault>,
) -> Option<Url> {
    let scheme = if insecure { "http" } else { "https" };
    let url = Url::parse(&format!("{scheme}://{}", **given)).ok();
    let url = url.filter(|url| {
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        bare && url.username().is_empty() && !given.ends_with('/')
    });
    let Some(mut url) = url else {
        let message = "not a host and port";
        let help = "write it as in `collector:4318`; a whole URL goes into `http_endpoint_url`";
        faults.push(invalid(given.span(), "http_endpoint", message, Some(help)));
        return None;
    };
    let has_port = given.parse::<Authority>().is_ok_and(|authority| authority.port().is_some());
    if !has_port && dialect == Dialect::Native {
        // It has a host, so that it can have a port.
        let _ = url.set_port(Some(DEFAULT_PORT));
    }
    url.set_path(PATH);
    Some(url)
}

/// A URL, whose scheme says what `insecure` says elsewhere.
fn whole(given: &Spanned<String>, insecure: Option<&Spanned<bool>>, faults: &mut Vec<Fault>) -> Option<Url> {
    let url = Url::parse(given).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(mut url) = url else {
        let help = "write it as in `https://collector:4318/v1/traces`";
        faults.push(invalid(given.span(), "http_endpoint_url", "not an http or https URL", Some(help)));
        return None;
    };
    if let Some(insecure) = insecure.filter(|insecure| ***insecure != (url.scheme() == "http")) {
        let message = "the URL's scheme says otherwise";
        let help = "with `http_endpoint_url`, leave `insecure` out";
        faults.push(invalid(insecure.span(), "insecure", message, Some(help)));
    }
    if url.path() == "/" {
        url.set_path(PATH);
    }
    Some(url)
}

fn timeout(given: Option<Duration>, options: &Options, faults: &mut Vec<Fault>) -> Duration {
    match given {
        None => DEFAULT_TIMEOUT,
        Some(timeout) if !timeout.is_zero() && timeout <= LONGEST_TIMEOUT => timeout,
        // Protobuf does not tell 0 from unset.
        Some(Duration::ZERO) if options.dialect() == Dialect::Go => DEFAULT_TIMEOUT,
        Some(_) => {
            faults.push(invalid(
                options.place(&["timeout"]),
                "timeout",
                "more than 0 and at most 60 s",
                None,
            ));
            DEFAULT_TIMEOUT
        }
    }
}

/// Fields that belong to the export itself.
const RESERVED: [&str; 5] = ["connection", "content-length", "content-type", "host", "transfer-encoding"];

fn header(name: &str, value: &Spanned<String>, faults: &mut Vec<Fault>) -> Option<(HeaderName, HeaderValue)> {
    let path = format!("headers.{name}");
    let Some(parsed) = name.parse::<HeaderName>().ok().filter(|name| !RESERVED.contains(&name.as_str()))
    else {
        faults.push(invalid(value.span(), &path, "not a field that can be sent", None));
        return None;
    };
    let Ok(mut secret) = HeaderValue::from_str(value) else {
        faults.push(invalid(value.span(), &path, "not a valid field value", None));
        return None;
    };
    secret.set_sensitive(true);
    Some((parsed, secret))
}

fn invalid(span: Span, path: &str, message: &str, help: Option<&str>) -> Fault {
    Fault {
        code: "GW0108",
        severity: Severity::Error,
        message: format!("`{path}`: {message}"),
        span,
        path: path.to_owned(),
        help: help.map(str::to_owned),
    }
}
