//! The two ends of the chain: what a server calls, and what sends one attempt upstream.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::HeaderValue;
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

/// What is known of a downstream connection. Made once, shared by its requests, so that what they all need of it is
/// worked out once.
#[derive(Clone, Debug)]
pub struct ConnContext {
    /// The worker that serves it: the index of its shards.
    pub worker: usize,
    /// The listener's name.
    pub listener: Arc<str>,
    /// Our end of the socket.
    pub local: SocketAddr,
    /// The TLS session, if there is one.
    pub tls: Option<TlsInfo>,
    peer: SocketAddr,
    peer_text: HeaderValue,
    trusted_proxies: Arc<[IpNet]>,
    trusts_peer: bool,
}

impl ConnContext {
    /// A connection from `peer` to us at `local`, without TLS, that trusts nobody.
    pub fn new(worker: usize, listener: impl Into<Arc<str>>, peer: SocketAddr, local: SocketAddr) -> Self {
        let text = HeaderValue::try_from(peer.ip().to_canonical().to_string());
        // An address has no byte that a value must not have.
        let peer_text = text.unwrap_or_else(|_| HeaderValue::from_static(""));
        let (trusted_proxies, trusts_peer) = (Arc::default(), false);
        Self {
            worker,
            listener: listener.into(),
            local,
            tls: None,
            peer,
            peer_text,
            trusted_proxies,
            trusts_peer,
        }
    }

    /// With what its TLS handshake settled, if there was one.
    #[must_use]
    pub fn with_tls(mut self, tls: Option<TlsInfo>) -> Self {
        self.tls = tls;
        self
    }

    /// Believes the `X-Forwarded-*` and `Forwarded` fields of peers within `proxies`.
    #[must_use]
    pub fn trusting(mut self, proxies: Arc<[IpNet]>) -> Self {
        self.trusted_proxies = proxies;
        self.trusts_peer = self.trusts(&self.peer_ip());
        self
    }

    /// The other end of the socket: a client, or a trusted proxy.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The peer's address; IPv4 that came over an IPv6 socket is IPv4.
    pub fn peer_ip(&self) -> IpAddr {
        self.peer.ip().to_canonical()
    }

    /// The same as text.
    pub fn peer_text(&self) -> &HeaderValue {
        &self.peer_text
    }

    /// Whether an address is one of the proxies that are trusted.
    pub fn trusts(&self, ip: &IpAddr) -> bool {
        self.trusted_proxies.iter().any(|net| net.contains(ip))
    }

    /// Whether the peer's forwarding fields are believed.
    pub fn trusts_peer(&self) -> bool {
        self.trusts_peer
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_trusted_and_written_by_its_canonical_address() {
        for (peer, text, trusted) in [
            ("10.1.2.3:1", "10.1.2.3", true),
            ("[::ffff:10.1.2.3]:1", "10.1.2.3", true),
            ("192.0.2.1:1", "192.0.2.1", false),
            ("[2001:db8::1]:1", "2001:db8::1", false),
        ] {
            let conn = ConnContext::new(0, "", peer.parse().unwrap(), ([127, 0, 0, 1], 80).into());
            assert!(!conn.trusts_peer());
            let conn = conn.trusting(["10.0.0.0/8".parse().unwrap()].into());
            assert_eq!((conn.peer_text().to_str().unwrap(), conn.trusts_peer()), (text, trusted));
            assert_eq!((conn.peer().to_string().as_str(), conn.peer_ip().to_string().as_str()), (peer, text));
        }
    }
}
