//! A whole request in memory: route, header pass, chain, attempts, metrics and access log, around a client that answers
//! at once. What it leaves out are the two connections.

use std::sync::Arc;

use gw_client::{ClusterError, ClusterSpec};
use gw_config::{Document, FeatureGates, Format, parse};
use gw_core::{Body, Client, Clock, Handler, Response};
use gw_middleware::{Registry, Surroundings, client_fn};
use gw_proxy::{Compiler, Proxy};
use gw_telemetry::{AccessLog, BuildInfo, LogFormat, Metrics};
use http_body_util::BodyExt;

use crate::{Thing, asked};

/// The body of all answers.
pub(crate) const BODY: &str = "thirteen byte";

pub(crate) fn thing() -> Thing {
    let proxy = serving("192.0.2.2:80", &|_| {
        Ok(Arc::new(client_fn(|_| async { Ok(Response::new(Body::from(BODY))) })))
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (fields, conn) = (asked::fields(), asked::connection());
    Box::new(move |_| {
        let answer = runtime.block_on(async {
            let response = proxy.call(asked::request(&fields), Arc::clone(&conn)).await;
            response.into_body().collect().await.unwrap().to_bytes()
        });
        assert_eq!(answer, BODY);
    })
}

/// A proxy before `origin`, with the middlewares and the log that most gateways have; the log is written nowhere.
pub(crate) fn serving(
    origin: &str,
    clients: &dyn Fn(ClusterSpec) -> Result<Arc<dyn Client>, ClusterError>,
) -> Arc<Proxy> {
    let text = format!(
        "[[middlewares]]\nname = 'logging'\n[[middlewares]]\nname = 'request_id'\n[[middlewares]]\nname = 'cors'\n\
         [[endpoints]]\npath = '/orders/{{id}}'\nbackends = [{{ target = '{origin}' }}]\n"
    );
    let log = AccessLog::start(Box::new(std::io::sink()), LogFormat::Json, 1).unwrap();
    let proxy = Proxy::builder(1, Metrics::new(1, BuildInfo::default())).access_log(log).build();
    let compiler = Compiler {
        registry: Registry::built_in(),
        strict_slash: false,
        surroundings: Surroundings::alone(Clock::system()),
        gates: FeatureGates::default(),
    };
    let loaded = parse(Document::new("counts", Format::Toml, text)).unwrap();
    let compiled = compiler.compile(Arc::new(loaded)).map_err(|errors| errors.to_string()).unwrap();
    proxy.commit(proxy.prepare(compiled, clients).unwrap());
    proxy
}
