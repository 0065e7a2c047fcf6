//! The embedded demo of `gateway dev`: upstreams inside the process, a configuration that leads to them, and the curl
//! lines to try.
//!
//! Everything listens on free loopback ports. The upstreams know nothing of the gateway: they are ordinary servers that
//! it reaches over TCP. They end with their [`DemoUpstreams`].

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;
use tokio::task::JoinSet;

mod config;
mod curl;
mod grpc;
mod http;
mod protobuf;
mod websocket;

pub(crate) use config::config;
pub(crate) use curl::examples;

/// The running upstreams; their drop ends them.
pub(crate) struct DemoUpstreams {
    /// Two HTTP servers, `alpha` and `beta`, that tell what they received.
    pub(crate) http: [SocketAddr; 2],
    /// The gRPC server with `demo.Greeter`.
    pub(crate) grpc: SocketAddr,
    /// The WebSocket server that sends back what it gets.
    pub(crate) websocket: SocketAddr,
    /// Every task of theirs.
    _tasks: JoinSet<()>,
}

/// Starts the upstreams on the current runtime.
///
/// # Errors
/// When a loopback port cannot be had.
pub(crate) async fn start() -> io::Result<DemoUpstreams> {
    let mut tasks = JoinSet::new();
    let (alpha, at_alpha) = listen().await?;
    let (beta, at_beta) = listen().await?;
    let (grpc, at_grpc) = listen().await?;
    let (websocket, at_websocket) = listen().await?;
    tasks.spawn(http::serve(alpha, "alpha"));
    tasks.spawn(http::serve(beta, "beta"));
    tasks.spawn(grpc::serve(grpc));
    tasks.spawn(websocket::serve(websocket));
    Ok(DemoUpstreams { http: [at_alpha, at_beta], grpc: at_grpc, websocket: at_websocket, _tasks: tasks })
}

async fn listen() -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

#[cfg(test)]
mod tests;
