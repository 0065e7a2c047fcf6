//! The details of a failed call, as JSON (`google.rpc.Status`, carried by `grpc-status-details-bin`).
//!
//! A detail is a message in a `google.protobuf.Any`. Only one type is known here, `google.rpc.ErrorInfo`, in which kratos sends
//! the reason of an error; of others the bytes are passed on in base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value, json};

use crate::wire::{Fields, Garbled, Held};

const ERROR_INFO: &str = "type.googleapis.com/google.rpc.ErrorInfo";

/// Senders should pad and receivers must take both (gRPC over HTTP/2, "Binary-Header").
const BINARY: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The details in the value of `grpc-status-details-bin`.
///
/// # Errors
/// When it is not base64, or not a message.
pub(crate) fn parse(value: &[u8]) -> Result<Vec<Value>, Garbled> {
    let status = BINARY.decode(value).map_err(|_| Garbled)?;
    // 1 and 2 are code and message, which have fields of their own.
    texts(&status, 3).map(|any| detail(any?)).collect()
}

fn detail(any: &[u8]) -> Result<Value, Garbled> {
    let kind = text(any, 1)?;
    let value = last(any, 2)?;
    if kind == ERROR_INFO
        && let Ok(info) = error_info(value)
    {
        return Ok(info);
    }
    Ok(json!({ "@type": kind, "value": STANDARD.encode(value) }))
}

fn error_info(message: &[u8]) -> Result<Value, Garbled> {
    let mut metadata = Map::new();
    for entry in texts(message, 3) {
        let entry = entry?;
        metadata.insert(text(entry, 1)?, text(entry, 2)?.into());
    }
    let (reason, domain) = (text(message, 1)?, text(message, 2)?);
    Ok(json!({ "@type": ERROR_INFO, "reason": reason, "domain": domain, "metadata": metadata }))
}

/// The values of a repeated field that holds bytes.
fn texts(message: &[u8], number: u64) -> impl Iterator<Item = Result<&[u8], Garbled>> {
    Fields::of(message).filter_map(move |field| match field {
        Ok((found, Held::Bytes(bytes))) => (found == number).then_some(Ok(bytes)),
        Ok((_, Held::Number)) => None,
        Err(garbled) => Some(Err(garbled)),
    })
}

/// The value of a field that holds bytes: the last one counts, and none is empty.
fn last(message: &[u8], number: u64) -> Result<&[u8], Garbled> {
    texts(message, number).try_fold(&[][..], |_, bytes| bytes)
}

fn text(message: &[u8], number: u64) -> Result<String, Garbled> {
    String::from_utf8(last(message, number)?.to_vec()).map_err(|_| Garbled)
}

#[cfg(test)]
mod tests;
