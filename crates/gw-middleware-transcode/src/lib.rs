//! `transcoder`: callers that speak no gRPC call the unary methods of a gRPC upstream.
//!
//! The body travels as it is, as the one message of a call: the path is the method's (`/package.Service/Method`) and the
//! upstream has a codec of the name that stands after `application/`. Nothing here knows a message's fields.
//! It has two parts. The one around the attempts frames the body, once, so that every attempt sends the same bytes; the one inside each
//! attempt makes an HTTP answer of what came back, so that a timeout counts until the whole message is there, and
//! retry conditions see the status that the caller would get.

mod answer;
mod details;
mod factory;
mod frame;
mod request;
mod status;
mod wire;

pub use factory::Factory;
