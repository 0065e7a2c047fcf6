//! Parts for unit tests.

use std::sync::Arc;
use std::time::Instant;

use gw_core::{Clock, EndpointInfo};
use gw_middleware::{BuildContext, TraceId};
use gw_value::Options;

use crate::exporter::Exporters;
use crate::ids::SpanId;
use crate::options::Settings;
use crate::parent::Parent;
use crate::trace::{Trace, Tracer};

/// A sampled request whose spans go nowhere.
pub(crate) fn trace(endpoint: EndpointInfo) -> Arc<Trace> {
    let clock = Clock::system();
    let cx = BuildContext::alone(Arc::new(endpoint), clock.clone());
    let exporters = cx.shared(Exporters::default);
    let settings =
        Settings::decode(&options(&serde_json::json!({ "insecure": true })), "").expect("valid options");
    let (exporter, _) = exporters.get(&settings.target, &cx).expect("plain HTTP needs nothing");
    let tracer = Tracer { ratio: settings.ratio, clock, exporter, _exporters: exporters };
    let own = Parent { trace: TraceId(0xabc), span: SpanId(0xdef), flags: 1 };
    Trace::new(&Arc::new(tracer), own, "vendor=1".into(), 0, Instant::now())
}

/// Options as TOML has them.
pub(crate) fn options(json: &serde_json::Value) -> Options {
    let tree = serde_json::from_value(json.clone()).expect("a tree");
    Options::new(tree, gw_value::Dialect::Native, false)
}
