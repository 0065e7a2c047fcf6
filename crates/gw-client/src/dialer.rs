//! The TCP connection to a node: straight to its address, or to the forward proxy that leads there.

use std::net::SocketAddr;
use std::time::Duration;

use gw_core::{Error, Outcome};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use crate::address::Address;
use crate::blame;
use crate::detour::Detour;

/// Between TCP keep-alive probes, and before the first. Source: kratos' dialer.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// How a node is reached.
#[derive(Debug)]
pub(crate) enum Dialer {
    /// By itself.
    Direct(SocketAddr),
    /// By way of a forward proxy.
    Proxied(Detour),
}

impl Dialer {
    /// Where the node is.
    pub(crate) fn address(&self) -> Address {
        match self {
            Self::Direct(address) => Address::Socket(*address),
            Self::Proxied(detour) => detour.upstream.clone(),
        }
    }

    /// The proxy's part, if there is one.
    pub(crate) fn detour(&self) -> Option<&Detour> {
        match self {
            Self::Direct(_) => None,
            Self::Proxied(detour) => Some(detour),
        }
    }

    /// Connects, with a `tunnel` through the proxy or to the proxy itself. `limit` is what all of it may take.
    ///
    /// # Errors
    /// All of them are unsent.
    pub(crate) async fn connect(&self, tunnel: bool, limit: Duration) -> Result<TcpStream, Error> {
        match self {
            Self::Direct(address) => {
                let tcp = TcpStream::connect(address).await.map_err(blame::connect)?;
                settle(&tcp);
                Ok(tcp)
            }
            Self::Proxied(detour) => detour.connect(tunnel, limit, settle).await,
        }
    }

    /// What it means that [`connect`](Self::connect) took longer than `limit`.
    pub(crate) fn late(&self, limit: Duration) -> Error {
        self.detour().map_or_else(|| Error::unsent(Outcome::ConnectTimeout), |detour| detour.late(limit))
    }
}

/// A socket that refuses its options still carries requests.
fn settle(tcp: &TcpStream) {
    drop(tcp.set_nodelay(true));
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE);
    drop(SockRef::from(tcp).set_tcp_keepalive(&keepalive));
}
