//! What the server refused by itself: it is counted, and written into the access log where that has every request.

use std::time::Duration;

use gw_core::{ConnContext, Outcome};
use gw_telemetry::{AccessRecord, RouteNames};
use http::header::{self, HeaderName, HeaderValue};
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
        let text = |name: HeaderName| refused.fields.get(name).map(HeaderValue::as_bytes);
        let authority = refused.target.and_then(Uri::authority).map(|host| host.as_str().as_bytes());
        let endpoint = no_endpoint();
        log.record(
            conn.worker,
            &AccessRecord {
                time: self.clock.wall(),
                client: headers::client_address(refused.fields, conn),
                peer: conn.peer(),
                peer_text: None,
                listener: &conn.listener,
                method: refused.method.map(Method::as_str).unwrap_or_default(),
                scheme: conn.scheme(),
                host: authority.or_else(|| text(header::HOST)),
                path: refused.target.map(Uri::path).unwrap_or_default(),
                query: refused.target.and_then(Uri::query),
                protocol: refused.version.map(protocol).unwrap_or_default(),
                names: &RouteNames::new(&endpoint.route, &endpoint.name),
                status: Some(refused.status),
                outcome: refused.outcome,
                request_bytes: 0,
                response_bytes: 0,
                total: Duration::ZERO,
                first_byte: None,
                attempts: &[],
                user_agent: text(header::USER_AGENT),
                request_id: None,
                trace_id: None,
            },
        );
    }
}
