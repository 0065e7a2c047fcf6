//! The two ends of the chain: what a server calls, and what sends one attempt upstream.

use std::net::SocketAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::{BoxFuture, Request, Response, Result};

/// Answers requests. Infallible: every failure already is an answer.
///
/// `gw_proxy::Proxy` and the admin handler of `gw-debug` implement it; `gw-server` serves it.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request that came over the connection `conn`.
    fn call(&self, req: Request, conn: Arc<ConnContext>) -> BoxFuture<'_, Response>;
}

/// Sends one request to one node and returns its answer.
pub trait Client: Send + Sync + 'static {
    /// Sends `req`; its `RequestContext` says which nodes to avoid.
    ///
    /// # Errors
    /// When no answer exists: no node, no connection, no valid response.
    ///
    /// # Cancel safety
    /// Dropping the future aborts the attempt and releases the node.
    fn call(&self, req: Request) -> BoxFuture<'_, Result<Response>>;

    /// Sends a request that is only lent, so that it can be sent again: its body is taken, its head stays as it is.
    ///
    /// By default a copy is sent. A client that needs no head of its own spares that.
    ///
    /// # Errors
    /// As for [`call`](Self::call).
    ///
    /// # Cancel safety
    /// As for [`call`](Self::call); the head is whole then, too.
    fn call_lent<'a>(&'a self, req: &'a mut Request) -> BoxFuture<'a, Result<Response>> {
        self.call(copy_of(req))
    }
}

/// A copy of a request, which takes the body along.
pub fn copy_of(req: &mut Request) -> Request {
    let mut copy = Request::new(std::mem::take(req.body_mut()));
    copy.method_mut().clone_from(req.method());
    copy.uri_mut().clone_from(req.uri());
    *copy.version_mut() = req.version();
    copy.headers_mut().clone_from(req.headers());
    copy.extensions_mut().clone_from(req.extensions());
    copy
}

/// What is known of a downstream connection. Made once, shared by its requests.
#[derive(Clone, Debug)]
pub struct ConnContext {
    /// The worker that serves it: the index of its shards.
    pub worker: usize,
    /// The listener's name.
    pub listener: Arc<str>,
    /// The other end of the socket: a client, or a trusted proxy.
    pub peer: SocketAddr,
    /// Our end of the socket.
    pub local: SocketAddr,
    /// The TLS session, if there is one.
    pub tls: Option<TlsInfo>,
    /// Peers whose `X-Forwarded-*` and `Forwarded` fields are believed.
    pub trusted_proxies: Arc<[IpNet]>,
}

impl ConnContext {
    /// Whether the peer's forwarding fields are believed.
    pub fn trusts_peer(&self) -> bool {
        let ip = self.peer.ip().to_canonical();
        self.trusted_proxies.iter().any(|net| net.contains(&ip))
    }

    /// `https` or `http`.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

/// What a TLS handshake settled.
#[derive(Clone, Debug, Default)]
pub struct TlsInfo {
    /// The name the client asked for (SNI), lower-case.
    pub server_name: Option<Arc<str>>,
    /// Whether `h2` was agreed by ALPN.
    pub h2: bool,
}
