//! Metrics under the names of other gateways: which, and what their labels need of an endpoint.

use gw_config::v1;
use gw_telemetry::Compat;

use crate::table::Route;

/// The names of this word.
pub(crate) fn names(word: &v1::CompatMetrics) -> Compat {
    match word {
        v1::CompatMetrics::Kratos => Compat::Kratos,
        v1::CompatMetrics::Blademaster => Compat::Blademaster,
    }
}

/// Says whose series those of `route` are.
pub(crate) fn describe(route: &Route) {
    route.records.series.describe(&route.endpoint);
    route.records.upstream.describe(&route.endpoint);
}
