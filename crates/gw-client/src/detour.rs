//! The way to an upstream through a forward proxy.
//!
//! Plain HTTP is forwarded: the proxy gets each request with its whole URL ([`crate::form::forwarded`]). All else is
//! tunnelled: TLS, since it is between us and the upstream, and upgrades over plain HTTP, as RFC 6455 §4.1 has it for
//! WebSocket: a proxy that forwards a request drops its `Upgrade`, which is for the next hop only (tinyproxy and squid
//! do). Forwarding comes first since proxies commonly let CONNECT to port 443 alone pass.

mod trouble;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use gw_core::{Error, Outcome};
use gw_discovery::Subscription;
use gw_egress::ForwardProxy;
use gw_h1::{Framing, HeadLimits, ResponseParser, encode_request};
use http::{HeaderValue, Method, StatusCode, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::address::Address;
use crate::blame;
use crate::factory::Shared;
use trouble::Trouble;

/// The head of an answer to CONNECT: 16 KiB.
const LIMITS: HeadLimits = HeadLimits { bytes: 16 * 1024, target_bytes: 0, fields: 100 };

/// A proxy on the way to one upstream.
#[derive(Debug)]
pub(crate) struct Detour {
    pub(crate) upstream: Address,
    pub(crate) proxy: Arc<ForwardProxy>,
    /// The upstream as a request's URL names it.
    authority: String,
    entrance: Entrance,
    trouble: Trouble,
}

/// Where the proxy is.
#[derive(Debug)]
enum Entrance {
    Address(SocketAddr),
    Name(Subscription),
}

/// Why a proxy did not lead to the upstream.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the name of the forward proxy {0} has no address")]
    Unresolved(Arc<ForwardProxy>),
    #[error("the forward proxy {0} cannot be reached: {1}")]
    Unreachable(Arc<ForwardProxy>, #[source] io::Error),
    #[error("the forward proxy {0} answers CONNECT {1} with {2}")]
    Refused(Arc<ForwardProxy>, String, StatusCode),
    #[error("the forward proxy {0} does not answer CONNECT {1}: {2}")]
    Broken(Arc<ForwardProxy>, String, #[source] io::Error),
    #[error("the forward proxy {0} sends before it is spoken to through CONNECT {1}")]
    Early(Arc<ForwardProxy>, String),
    #[error("no connection by way of the forward proxy {0} within {1:?}")]
    Late(Arc<ForwardProxy>, Duration),
    #[error("the forward proxy {0} wants other credentials than it got, or any: it answers with 407")]
    Unauthorized(Arc<ForwardProxy>),
}

impl Detour {
    pub(crate) fn new(upstream: Address, proxy: Arc<ForwardProxy>, shared: &Shared) -> Self {
        let entrance = match proxy.host().parse::<IpAddr>() {
            Ok(ip) => Entrance::Address(SocketAddr::new(ip, proxy.port())),
            Err(_) => Entrance::Name(shared.watch_name(proxy.host(), proxy.port(), &upstream.to_string())),
        };
        // Of scheme `http`, a URL need not have its port (RFC 9110 §4.2.1).
        let authority = upstream.authority();
        let authority = authority.strip_suffix(":80").unwrap_or(&authority).to_owned();
        Self { upstream, proxy, authority, entrance, trouble: Trouble::default() }
    }

    /// The upstream as a request's URL and its Host name it.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// What a request says to the proxy of who asks.
    pub(crate) fn authorization(&self) -> Option<&HeaderValue> {
        self.proxy.authorization()
    }

    /// A connection to the proxy, or through it with a `tunnel`. `settle` sets the options of its socket.
    ///
    /// # Errors
    /// When the proxy cannot be reached, or does not lead to the upstream.
    pub(crate) async fn connect(
        &self,
        tunnel: bool,
        limit: Duration,
        settle: impl FnOnce(&TcpStream),
    ) -> Result<TcpStream, Error> {
        let connect = async {
            let tcp = self.dial(limit).await?;
            settle(&tcp);
            if tunnel { self.tunnel(tcp).await } else { Ok(tcp) }
        };
        let connected = connect.await;
        match &connected {
            Err(error) => self.failed(error),
            Ok(_) if tunnel => self.trouble.end(&self.proxy, &self.upstream),
            // What a proxy makes of what it shall forward is seen by its answer.
            Ok(_) => {}
        }
        connected
    }

    /// The proxy took longer than `limit` for what [`connect`](Self::connect) does.
    pub(crate) fn late(&self, limit: Duration) -> Error {
        let late = Failure::Late(self.proxy(), limit);
        let error = Error::unsent(Outcome::ConnectTimeout).with_source(late);
        self.failed(&error);
        error
    }

    /// Why the proxy does not lead to the upstream, if it did not the last time.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.last()
    }

    fn failed(&self, error: &Error) {
        self.trouble.note(&self.proxy, &self.upstream, error);
    }

    /// A connection to the proxy, at the first of its addresses that accepts. Each has its share of `limit`.
    async fn dial(&self, limit: Duration) -> Result<TcpStream, Error> {
        let addresses = self.addresses().await;
        let share = limit / (addresses.len() as u32).max(1);
        let mut failed = None;
        for address in addresses {
            match tokio::time::timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => return Ok(tcp),
                Ok(Err(error)) => failed = Some(error),
                Err(_) => failed = Some(io::ErrorKind::TimedOut.into()),
            }
        }
        Err(match failed {
            None => Error::unsent(Outcome::DnsError).with_source(Failure::Unresolved(self.proxy())),
            Some(error) => Error::unsent(blame::connecting(&error))
                .with_source(Failure::Unreachable(self.proxy(), error)),
        })
    }

    /// Waits for the first answer about the proxy's name; the caller bounds it.
    async fn addresses(&self) -> Vec<SocketAddr> {
        let name = match &self.entrance {
            Entrance::Address(address) => return vec![*address],
            Entrance::Name(name) => name,
        };
        let mut changes = name.changes();
        let Ok(known) = changes.wait_for(|known| !known.is_pending()).await else { return Vec::new() };
        let instances = known.instances.as_deref().unwrap_or_default();
        instances.iter().filter_map(|instance| instance.authority("http")?.parse().ok()).collect()
    }

    /// Makes a connection to the proxy one to the upstream: `CONNECT` (RFC 9110 §9.3.6).
    async fn tunnel(&self, mut tcp: TcpStream) -> Result<TcpStream, Error> {
        let target = self.upstream.authority();
        let request = self.asking(&target)?;
        let (status, rest) = ask(&mut tcp, &request)
            .await
            .map_err(|error| refused(Failure::Broken(self.proxy(), target.clone(), error)))?;
        if !status.is_success() {
            return Err(refused(Failure::Refused(self.proxy(), target, status)));
        }
        if !rest.is_empty() {
            return Err(refused(Failure::Early(self.proxy(), target)));
        }
        Ok(tcp)
    }

    fn asking(&self, target: &str) -> Result<http::Request<()>, Error> {
        let mut request =
            http::Request::builder().method(Method::CONNECT).uri(target).header(header::HOST, target);
        if let Some(authorization) = self.authorization() {
            request = request.header(header::PROXY_AUTHORIZATION, authorization);
        }
        request.body(()).map_err(|error| Error::unsent(Outcome::Internal).with_source(error))
    }

    /// Takes an answer that the proxy gave in place of the upstream: an upstream asks nobody for a proxy's credentials.
    ///
    /// # Errors
    /// For a 407. The request's body may have left.
    pub(crate) fn check<B>(&self, head: &http::Response<B>) -> Result<(), Error> {
        if head.status() != StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            self.trouble.end(&self.proxy, &self.upstream);
            return Ok(());
        }
        let error = Error::new(Outcome::ConnectRefused).with_source(Failure::Unauthorized(self.proxy()));
        self.failed(&error);
        Err(error)
    }

    fn proxy(&self) -> Arc<ForwardProxy> {
        Arc::clone(&self.proxy)
    }
}

/// Sends a CONNECT; the status of its answer, and what came behind that.
async fn ask(tcp: &mut TcpStream, request: &http::Request<()>) -> io::Result<(StatusCode, BytesMut)> {
    let mut bytes = BytesMut::new();
    encode_request(request, Framing::Empty, &mut bytes);
    tcp.write_all(&bytes).await?;
    bytes.clear();
    let mut parser = ResponseParser::new(LIMITS);
    loop {
        while let Some(head) = parser.parse(&mut bytes).map_err(io::Error::other)? {
            let status = head.status();
            if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
                return Ok((status, bytes));
            }
        }
        if tcp.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn refused(failure: Failure) -> Error {
    Error::unsent(Outcome::ConnectRefused).with_source(failure)
}
