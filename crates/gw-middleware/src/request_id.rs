//! `request_id`: every request carries an id, to the upstream, back to the client, and into the log.
//!
//! An id that came with the request is kept only if the peer is a trusted proxy, else it is replaced by a UUIDv7.

use std::sync::Arc;
use std::time::SystemTime;

use gw_core::{Clock, Request, RequestContext, Response};
use gw_value::{Options, Spanned};
use http::{HeaderName, HeaderValue};
use serde::Deserialize;
use uuid::{NoContext, Timestamp, Uuid};

use crate::header_edits::parse_name;
use crate::{Before, BuildContext, BuildError, Filter, Middleware, MiddlewareFactory};

/// Ids longer than this are replaced, bytes: they end up in every log line.
const MAX_LENGTH: usize = 128;

/// Makes `request_id`.
#[derive(Debug)]
pub(crate) struct Factory;

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RequestIdOptions {
    /// The field that carries it.
    header: Spanned<String>,
    /// Whose ids are kept.
    accept: Accept,
    /// Whether the client gets it back.
    response: bool,
}

impl Default for RequestIdOptions {
    fn default() -> Self {
        let header = Spanned::unplaced("x-request-id".to_owned());
        Self { header, accept: Accept::Trusted, response: true }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Accept {
    Trusted,
    Always,
    Never,
}

struct AddRequestId {
    header: HeaderName,
    accept: Accept,
    response: bool,
    clock: Clock,
}

impl MiddlewareFactory for Factory {
    fn name(&self) -> &'static str {
        "request_id"
    }

    fn build(&self, options: &Options, cx: &BuildContext) -> Result<Arc<dyn Middleware>, BuildError> {
        let made = options.lower(|RequestIdOptions { header, accept, response }, faults| {
            let header = parse_name(&header, "header", faults)?;
            Some(AddRequestId { header, accept, response, clock: cx.clock().clone() })
        });
        Ok(Arc::new(made?))
    }
}

impl AddRequestId {
    fn id(&self, req: &Request) -> HeaderValue {
        let keep = match self.accept {
            Accept::Always => true,
            Accept::Never => false,
            Accept::Trusted => RequestContext::of(req).is_some_and(|cx| cx.conn.trusts_peer()),
        };
        let given = || req.headers().get(&self.header).filter(|id| !id.is_empty() && id.len() <= MAX_LENGTH);
        match keep.then(given).flatten() {
            Some(id) => id.clone(),
            None => {
                let received_at = RequestContext::of(req).and_then(|cx| cx.received_at);
                fresh(received_at.unwrap_or_else(|| self.clock.wall()))
            }
        }
    }
}

/// An id by the millisecond of `time` and 74 random bits; ids of one millisecond have no order, since that takes a lock.
fn fresh(time: SystemTime) -> HeaderValue {
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let time = Timestamp::from_unix(NoContext, since_epoch.as_secs(), since_epoch.subsec_nanos());
    let mut text = Uuid::encode_buffer();
    let text = Uuid::new_v7(time).hyphenated().encode_lower(&mut text);
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("-"))
}

impl Filter for AddRequestId {
    fn before(&self, req: &mut Request) -> gw_core::Result<Before> {
        let id = self.id(req);
        if let Some(cx) = RequestContext::of(req) {
            cx.set_request_id(id.clone());
        }
        req.headers_mut().insert(self.header.clone(), id.clone());
        Ok(Before::Pass(self.response.then_some(id)))
    }

    fn after(&self, id: Option<HeaderValue>, response: &mut Response) {
        if let Some(id) = id {
            response.headers_mut().insert(self.header.clone(), id);
        }
    }
}
