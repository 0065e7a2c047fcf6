//! How a call ended, and the HTTP answer that says so.

use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode;
use serde_json::{Value, json};

use crate::details;
use crate::wire::Garbled;

pub(crate) const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

/// The number in `grpc-status`, a `google.rpc.Code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(u32);

impl Code {
    /// The call succeeded.
    pub(crate) const OK: Self = Self(0);

    /// Reads the field's value: digits only.
    pub(crate) fn parse(value: &HeaderValue) -> Option<Self> {
        let text = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
        text.parse().ok().map(Self)
    }

    /// The HTTP status that goes with it. Source: the comments of `google/rpc/code.proto`. One that is not known
    /// there counts as UNKNOWN.
    pub(crate) fn http(self) -> StatusCode {
        let status = match self.0 {
            0 => 200,
            // INVALID_ARGUMENT, FAILED_PRECONDITION, OUT_OF_RANGE
            3 | 9 | 11 => 400,
            // UNAUTHENTICATED
            16 => 401,
            // PERMISSION_DENIED
            7 => 403,
            // NOT_FOUND
            5 => 404,
            // ALREADY_EXISTS, ABORTED
            6 | 10 => 409,
            // RESOURCE_EXHAUSTED
            8 => 429,
            // CANCELLED
            1 => 499,
            // UNIMPLEMENTED
            12 => 501,
            // UNAVAILABLE
            14 => 503,
            // DEADLINE_EXCEEDED
            4 => 504,
            // UNKNOWN, INTERNAL, DATA_LOSS
            _ => 500,
        };
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// The body of the answer to a call that ended with `code`: `google.rpc.Status` in JSON. `fields` are those among which
/// the status stood.
pub(crate) fn body(code: Code, fields: &HeaderMap) -> Value {
    let message = fields.get(MESSAGE).map(HeaderValue::as_bytes).unwrap_or_default();
    let message = percent_decode(message).decode_utf8_lossy();
    let details = match fields.get(DETAILS).map(|value| details::parse(value.as_bytes())) {
        Some(Ok(details)) => details,
        Some(Err(Garbled)) => {
            tracing::debug!("the upstream's grpc-status-details-bin cannot be read and is left out");
            Vec::new()
        }
        None => Vec::new(),
    };
    json!({ "code": code.0, "message": message, "details": details })
}

#[cfg(test)]
mod tests;
