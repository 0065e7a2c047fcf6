//! The proxy layer: a document lowered to routes, routes published to workers, requests tried upstream, and errors turned
//! into answers.
//!
//! A request's way through here: [`Proxy`] finds the route, edits the header fields, runs the request-phase chain,
//! whose end are the attempts, whose end is the client. This crate opens no socket and reads no file.

mod access_log;
mod attempts;
mod compat;
mod config_debug;
mod deadline;
mod download;
mod exchange;
mod grpc;
mod headers;
mod inspect;
mod interceptors;
mod lower;
mod proxy;
mod publish;
mod refusal;
mod refused;
mod render;
mod replay;
mod retry;
mod service;
mod spans;
mod table;
mod target;
#[cfg(test)]
mod testing;
mod upload;

pub use config_debug::ConfigDebug;
pub use inspect::ProxyDebug;
pub use interceptors::Interceptors;
pub use lower::{Compiled, Compiler};
pub use proxy::{Proxy, ProxyBuilder};
pub use publish::{Draining, Prepared, Report};
pub use refused::Refused;
pub use service::ProxyService;
