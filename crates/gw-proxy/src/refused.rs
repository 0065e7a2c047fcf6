//! What the server refused by itself: it is counted, and written into the access log where that has every request.

use gw_core::{ConnContext, Outcome};
use gw_telemetry::AccessRecord;
use http::header::{self, HeaderName};
use http::{HeaderMap, Method, Uri, Version};

use crate::exchange::protocol;
use crate::headers;
use crate::proxy::{Proxy, no_endpoint};

/// A request that never reached a route, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub struct Refused<'a> {
    /// What became of it.
    pub outcome: Outcome,
    /// The status that was answered.
    pub status: u16,
    /// Its method.
    pub method: Option<&'a Method>,
    /// Its target.
    pub target: Option<&'a Uri>,
    /// The version of HTTP.
    pub version: Option<Version>,
    /// Its fields.
    pub fields: &'a HeaderMap,
}

impl Proxy {
    /// Counts a request that the server refused, and logs it if `logging` is in the global chain: no endpoint's is asked.
    pub fn record_refused(&self, refused: &Refused<'_>, conn: &ConnContext) {
        self.metrics.rejected(conn.worker, refused.outcome);
        let Some(log) = &self.access_log else { return };
        if !self.publisher.table(conn.worker).logs_all {
            return;
        }
        let text = |name: HeaderName| -> Option<String> {
            refused.fields.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let authority =
            refused.target.and_then(|target| target.authority()).map(|host| host.as_str().to_owned());
        let host = authority.or_else(|| text(header::HOST));
        let user_agent = text(header::USER_AGENT);
        let endpoint = no_endpoint();
        log.record(
            conn.worker,
            &AccessRecord {
                time: self.clock.wall(),
                client: headers::client_address(refused.fields, conn),
                peer: conn.peer(),
                listener: &conn.listener,
                method: refused.method.map(Method::as_str).unwrap_or_default(),
                scheme: conn.scheme(),
                host: host.as_deref(),
                path: refused.target.map(Uri::path).unwrap_or_default(),
                query: refused.target.and_then(Uri::query),
                protocol: refused.version.map(protocol).unwrap_or_default(),
                route: &endpoint.route,
                endpoint: &endpoint.name,
                status: Some(refused.status),
                outcome: refused.outcome,
                request_bytes: 0,
                response_bytes: 0,
                total_seconds: 0.0,
                first_byte_seconds: None,
                attempts: &[],
                user_agent: user_agent.as_deref(),
                request_id: None,
                trace_id: None,
            },
        );
    }
}
