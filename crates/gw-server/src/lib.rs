//! Listeners, workers, limits and drain: HTTP/1.1 and HTTP/2 from the socket to a [`Handler`](gw_core::Handler).
//!
//! A request that reaches the handler has an unambiguous length, an origin-form target and one valid Host; what has
//! not is answered here. The crate knows nothing of routes, upstreams, configuration files or metrics formats.

mod accept;
mod authority;
mod bind;
mod check;
mod connection;
mod cores;
mod error;
mod frames;
mod gauges;
#[cfg(not(feature = "hyper-h1"))]
mod h1;
#[cfg(unix)]
mod handover;
#[cfg(feature = "hyper-h1")]
mod hyper_h1;
mod inherit;
mod inspect;
mod io;
mod listener;
mod observer;
mod options;
mod page;
mod pipe;
mod rate;
mod request_body;
mod response_body;
mod server;
mod service;
mod spans;
mod stall;
mod stats;
#[cfg(unix)]
mod successor;
mod sweep;
mod tasks;
mod ticks;
mod tunnel;
mod watch;
mod worker;

#[cfg(feature = "hyper-h1")]
use hyper_h1 as h1;

pub use cores::{open_files_limit, worker_count};
pub use error::{BindError, StartError, WorkerFailed};
pub use gauges::CERTIFICATE_END;
#[cfg(unix)]
pub use handover::{Predecessor, pass_on, take_over};
pub use inherit::{Inherited, Passed};
pub use inspect::{ConnectionInfo, InFlight, ListenerInfo, TaskCount};
pub use observer::{Observer, Rejection};
pub use options::{AddressError, Limits, ListenAddress, ListenerOptions, ServerOptions};
pub use page::ServerDebug;
pub use server::{Bound, Drained, Prepared, ProxyServer};
pub use stats::ListenerStats;
#[cfg(unix)]
pub use successor::{HandoverError, hand_over};
pub use sweep::WORKER_STALLS;
