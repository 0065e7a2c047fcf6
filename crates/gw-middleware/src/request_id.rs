//! `request_id`: every request carries an id, to the upstream, back to the client, and into the log.
//!
//! An id that came with the request is kept only if the peer is a trusted proxy, else it is replaced by a UUIDv7.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use gw_core::{Clock, Request, RequestContext, Response};
use gw_value::{Options, Spanned};
use http::{HeaderName, HeaderValue};
use serde::Deserialize;

use crate::header_edits::parse_name;
use crate::{Before, BuildContext, BuildError, Filter, Middleware, MiddlewareFactory, Scope};

/// Ids longer than this are replaced, bytes: they end up in every log line.
const MAX_LENGTH: usize = 128;

/// The usual field. A name that was made at run time is counted wherever it stands, this one is not.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

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

    fn scope(&self) -> Scope {
        Scope::Shared
    }

    fn build(&self, options: &Options, cx: &BuildContext) -> Result<Arc<dyn Middleware>, BuildError> {
        let made = options.lower(|RequestIdOptions { header, accept, response }, faults| {
            let header = parse_name(&header, "header", faults)?;
            let header = if header == X_REQUEST_ID { X_REQUEST_ID } else { header };
            Some(AddRequestId { header, accept, response, clock: cx.clock().clone() })
        });
        Ok(Arc::new(made?))
    }
}

impl AddRequestId {
    fn id(&self, req: &Request, cx: Option<&RequestContext>) -> HeaderValue {
        let keep = match self.accept {
            Accept::Always => true,
            Accept::Never => false,
            Accept::Trusted => cx.is_some_and(|cx| cx.conn.trusts_peer()),
        };
        let given = || req.headers().get(&self.header).filter(|id| !id.is_empty() && id.len() <= MAX_LENGTH);
        match keep.then(given).flatten() {
            Some(id) => id.clone(),
            None => {
                let received_at = cx.and_then(|cx| cx.received_at);
                fresh(received_at.unwrap_or_else(|| self.clock.wall()))
            }
        }
    }
}

/// A UUIDv7 (RFC 9562 §5.7): the millisecond of `time` and 74 random bits. Ids of one millisecond have no order, since
/// that takes a lock.
fn fresh(time: SystemTime) -> HeaderValue {
    const VERSION: u128 = 7 << 76;
    const VARIANT: u128 = 2 << 62;
    const RANDOM: u128 = ((1 << 76) - 1) & !(3 << 62);
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let id = since_epoch.as_millis() << 80 | VERSION | VARIANT | rand::random::<u128>() & RANDOM;
    // The owner of its bytes: a copy would be counted apart from them as soon as it is shared, which it is at once.
    let text = HeaderValue::from_maybe_shared(Bytes::from_owner(hyphenated(id)));
    text.unwrap_or_else(|_| HeaderValue::from_static("-"))
}

fn hyphenated(id: u128) -> [u8; 36] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
    let mut text = [b'-'; 36];
    for (byte, place) in id.to_be_bytes().into_iter().zip(PLACES) {
        text[place] = DIGITS[usize::from(byte >> 4)];
        text[place + 1] = DIGITS[usize::from(byte & 15)];
    }
    text
}

impl Filter for AddRequestId {
    fn before(&self, req: &mut Request) -> gw_core::Result<Before> {
        let cx = RequestContext::of(req).map(Arc::as_ref);
        let id = self.id(req, cx);
        if let Some(cx) = cx {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_id_is_a_uuid_of_its_millisecond() {
        // The example of RFC 9562, A.6.
        assert_eq!(
            hyphenated(0x017f_22e2_79b0_7cc3_98c4_dc0c_0c07_398f),
            *b"017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
        );
        let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(0x017f_22e2_79b0 * 1_000_000 + 999_999);
        let ids: Vec<_> = (0..100).map(|_| fresh(time)).collect();
        for id in &ids {
            let id = id.to_str().unwrap();
            assert!(id.starts_with("017f22e2-79b0-7"), "{id}");
            assert!(matches!(id.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{id}");
        }
        // Each random bit is both in some of them.
        let number =
            |id: &HeaderValue| u128::from_str_radix(&id.to_str().unwrap().replace('-', ""), 16).unwrap();
        let all =
            ids.iter().fold(0, |all, id| all | number(id)) ^ ids.iter().fold(!0, |all, id| all & number(id));
        assert_eq!(all.count_ones(), 74);
    }
}
