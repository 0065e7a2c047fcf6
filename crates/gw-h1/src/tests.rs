//! Whole messages: bytes in, a verdict out.

mod bodies;
#[path = "../fuzz/src/message.rs"]
mod message;
mod repeats;
mod requests;
mod responses;

const LIMITS: crate::HeadLimits = crate::HeadLimits { bytes: 512, target_bytes: 64, fields: 6 };
