//! The table of metric families: name, type, help, labels.
//!
//! Invariant: a sample has a value for every label of its family, in the table's order.

use prometheus::core::Desc;
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};

use super::histogram::Merged;

/// A family of samples.
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) kind: MetricType,
    pub(crate) help: &'static str,
    pub(crate) labels: &'static [&'static str],
}

macro_rules! families {
    ($($constant:ident $kind:ident $name:literal $labels:expr, $help:literal;)*) => {
        $(pub(crate) const $constant: Family =
            Family { name: $name, kind: MetricType::$kind, help: $help, labels: &$labels };)*
        /// Every family.
        pub(crate) const ALL: &[&Family] = &[$(&$constant),*];
    };
}

families! {
    SERVER_DURATION HISTOGRAM "http_server_request_duration_seconds"
        ["http_request_method", "http_response_status_code", "http_route", "endpoint", "error_type", "network_protocol_version"],
        "Time from the head of a request to the end of its answer.";
    SERVER_ACTIVE GAUGE "http_server_active_requests" ["http_route", "endpoint"],
        "Requests in flight.";
    SERVER_REQUEST_BYTES COUNTER "http_server_request_body_bytes_total" ["http_route", "endpoint"],
        "Bytes of request bodies received.";
    SERVER_RESPONSE_BYTES COUNTER "http_server_response_body_bytes_total" ["http_route", "endpoint"],
        "Bytes of response bodies sent.";
    CLIENT_DURATION HISTOGRAM "http_client_request_duration_seconds" ["endpoint", "error_type"],
        "Time from the start of an attempt at an upstream to the head of its answer or to its failure.";
    RETRIES COUNTER "gateway_upstream_retries_total" ["endpoint", "result"],
        "Further attempts that were wanted, by how they ended; breaker means held back.";
    REJECTED COUNTER "gateway_rejected_requests_total" ["outcome"],
        "Requests that were refused before they could be routed.";
    CONNECTIONS GAUGE "gateway_connections" ["listener", "state"],
        "Open connections from clients.";
    CONFIG_GENERATION GAUGE "gateway_config_generation" [],
        "Generation of the configuration that serves; 0 before the first.";
    CONFIG_RELOADS COUNTER "gateway_config_reloads_total" ["result"],
        "Configurations loaded or refused.";
    CONFIG_LAST_OK GAUGE "gateway_config_last_reload_successful" [],
        "Whether the last configuration was accepted.";
    CONFIG_LAST_SUCCESS GAUGE "gateway_config_last_reload_success_timestamp_seconds" [],
        "When a configuration last went live, in seconds since the Unix epoch; 0 if none did.";
    MIDDLEWARE_FAILURES COUNTER "gateway_middleware_build_failures_total" ["name"],
        "Optional middlewares that could not be built.";
    ACCESS_LOG_DROPPED COUNTER "gateway_access_log_dropped_total" [],
        "Lines of the access log that were lost, since the writer was behind or failed.";
    BUILD_INFO GAUGE "gateway_build_info" ["version", "revision"],
        "Constant 1; the labels say what was built.";
}

impl Family {
    /// The family of a counter that another crate owns.
    pub(crate) fn counter(of: &super::CounterFamily) -> Self {
        Self { name: of.name, kind: MetricType::COUNTER, help: of.help, labels: of.labels }
    }

    /// The family of a gauge that another crate owns.
    pub(crate) fn gauge(of: &super::GaugeFamily) -> Self {
        Self { name: of.name, kind: MetricType::GAUGE, help: of.help, labels: of.labels }
    }

    /// Whether one of our own families has this name.
    pub(crate) fn is_ours(name: &str) -> bool {
        ALL.iter().any(|family| family.name == name)
    }

    /// What the registry checks for duplicates.
    pub(crate) fn desc(&self) -> prometheus::Result<Desc> {
        let labels = self.labels.iter().map(|label| (*label).to_owned()).collect();
        Desc::new(self.name.to_owned(), self.help.to_owned(), labels, std::collections::HashMap::new())
    }

    /// The family with its samples.
    pub(crate) fn with(&self, samples: Vec<Metric>) -> MetricFamily {
        let mut family = MetricFamily::default();
        family.set_name(self.name.to_owned());
        family.set_help(self.help.to_owned());
        family.set_field_type(self.kind);
        family.set_metric(samples);
        family
    }

    /// A sample of a counter or a gauge.
    pub(crate) fn sample(&self, labels: &[&str], value: f64) -> Metric {
        let mut metric = Metric::from_label(self.pairs(labels));
        if self.kind == MetricType::COUNTER {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        metric
    }

    /// A sample of a histogram.
    pub(crate) fn histogram(&self, labels: &[&str], merged: &Merged) -> Metric {
        self.with_histogram(labels, merged.to_proto())
    }

    /// A sample of a histogram that has its buckets.
    pub(crate) fn with_histogram(&self, labels: &[&str], histogram: prometheus::proto::Histogram) -> Metric {
        let mut metric = Metric::from_label(self.pairs(labels));
        metric.set_histogram(histogram);
        metric
    }

    fn pairs(&self, values: &[&str]) -> Vec<LabelPair> {
        debug_assert_eq!(self.labels.len(), values.len(), "labels of {}", self.name);
        let pair = |(name, value): (&&str, &&str)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value((*value).to_owned());
            pair
        };
        self.labels.iter().zip(values).map(pair).collect()
    }
}
