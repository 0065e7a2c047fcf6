//! Opens connections: TCP, TLS, the protocol's first words.
//!
//! The caller bounds all of it by one time. The tasks that drive a connection run on the worker that opened it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use gw_core::{Error, Outcome};
use gw_tls::{Alpn, ClientProfile};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::detour::Detour;
use crate::dialer::Dialer;
use crate::pool::{Lease, Opening, Pool};
use crate::stream::Stream;
use crate::stream_limit::StreamLimit;
use crate::{blame, h1};

/// What one stream and one connection may have under way to us: a slow client cannot make us hold more.
const H2_STREAM_WINDOW: u32 = 1024 * 1024;
const H2_CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
/// The longest answer head over HTTP/2.
const H2_HEADER_LIST: u32 = 64 * 1024;
/// How long a connection with open streams may be silent before it is probed, and the probe before it is closed.
const H2_PING: Duration = Duration::from_secs(20);

/// What is spoken on the wire. Clusters that agree on this, address and TLS share connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Wire {
    /// HTTP/1.1.
    H1,
    /// HTTP/2.
    H2,
    /// What ALPN says.
    Negotiated,
}

/// TLS towards one name.
#[derive(Clone, Debug)]
pub(crate) struct TlsTarget {
    pub(crate) profile: Arc<ClientProfile>,
    pub(crate) name: ServerName<'static>,
}

/// How to reach one node.
#[derive(Debug)]
pub(crate) struct Connector {
    pub(crate) dialer: Dialer,
    pub(crate) wire: Wire,
    pub(crate) tls: Option<TlsTarget>,
}

impl Connector {
    /// Opens the connection that `opening` allows, within `limit`.
    ///
    /// # Errors
    /// All of them are unsent.
    pub(crate) async fn open(&self, opening: Opening, limit: Duration) -> Result<Lease, Error> {
        match self.connect(&opening, limit).await {
            Ok(Spoken::H1(conn)) => {
                if !opening.is_upgrade() {
                    opening.pool().set_multiplexed(false);
                }
                Ok(opening.into_h1(conn))
            }
            Ok(Spoken::H2(sender, most)) => {
                opening.pool().set_multiplexed(true);
                Ok(opening.into_h2(sender, most))
            }
            Err(error) => {
                opening.fail(error.outcome());
                Err(error)
            }
        }
    }

    /// What each request over HTTP/1.1 must say to a forward proxy; upgrades are tunnelled, and say nothing to it.
    pub(crate) fn forwarding(&self, upgrade: bool) -> Option<&Detour> {
        self.dialer.detour().filter(|_| self.tls.is_none() && !upgrade)
    }

    async fn connect(&self, opening: &Opening, limit: Duration) -> Result<Spoken, Error> {
        let deadline = Instant::now() + limit;
        let tunnel = self.forwarding(opening.is_upgrade()).is_none();
        let connected = timeout_at(deadline, self.dialer.connect(tunnel, limit)).await;
        let tcp = connected.unwrap_or_else(|_| Err(self.dialer.late(limit)))?;
        let spoken = timeout_at(deadline, self.shake_hands(tcp, opening)).await;
        spoken.unwrap_or_else(|_| Err(Error::unsent(Outcome::ConnectTimeout)))
    }

    /// What comes after the connection: TLS and the protocol's first words.
    async fn shake_hands(&self, tcp: TcpStream, opening: &Opening) -> Result<Spoken, Error> {
        let Some(tls) = &self.tls else {
            let h2 = self.wire == Wire::H2 && !opening.is_upgrade();
            return speak(Stream::Plain(tcp), h2, opening).await;
        };
        let alpn = match self.wire {
            _ if opening.is_upgrade() => Alpn::Http1,
            Wire::H1 => Alpn::Http1,
            Wire::H2 => Alpn::Http2,
            Wire::Negotiated => Alpn::Both,
        };
        let connector = TlsConnector::from(tls.profile.config(alpn));
        let tls = connector.connect(tls.name.clone(), tcp).await.map_err(blame::handshake)?;
        let h2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
        if alpn == Alpn::Http2 && !h2 {
            return Err(Error::unsent(Outcome::TlsError).with_source("the upstream does not agree to HTTP/2"));
        }
        speak(Stream::Tls(Box::new(tls)), h2, opening).await
    }
}

enum Spoken {
    H1(Box<h1::Conn>),
    H2(http2::SendRequest<gw_core::Body>, Arc<StreamLimit>),
}

async fn speak(stream: Stream, h2: bool, opening: &Opening) -> Result<Spoken, Error> {
    if !h2 {
        return h1::Conn::open(stream, opening).await.map(Spoken::H1);
    }
    let pool = opening.pool();
    let end = End { pool: Arc::downgrade(pool), worker: opening.worker(), id: opening.id() };
    let (sender, connection) = http2::Builder::new(pool.tasks().clone())
        .timer(TokioTimer::new())
        .initial_stream_window_size(H2_STREAM_WINDOW)
        .initial_connection_window_size(H2_CONNECTION_WINDOW)
        .max_header_list_size(H2_HEADER_LIST)
        .keep_alive_interval(H2_PING)
        .keep_alive_timeout(H2_PING)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| Error::unsent(Outcome::UpstreamReset).with_source(error))?;
    let initial = connection.current_max_send_streams();
    let connection = Arc::new(Mutex::new(connection));
    let looked_at = Arc::downgrade(&connection);
    let look = move || Some(looked_at.upgrade()?.lock().current_max_send_streams());
    let most = Arc::new(StreamLimit::new(initial, look));
    let told = Arc::clone(&most);
    pool.tasks().spawn(async move {
        // Every request makes the driver look, so that later changes are seen too.
        let drive = std::future::poll_fn(|cx| {
            let mut connection = connection.lock();
            let polled = std::pin::Pin::new(&mut *connection).poll(cx);
            told.set(connection.current_max_send_streams());
            polled
        });
        end.note(drive.await);
    });
    Ok(Spoken::H2(sender, most))
}

/// Tells the pool when a connection has ended.
pub(crate) struct End {
    pub(crate) pool: Weak<Pool>,
    pub(crate) worker: usize,
    pub(crate) id: u64,
}

impl End {
    pub(crate) fn note(self, result: Result<(), hyper::Error>) {
        if let Err(error) = result {
            tracing::debug!(error = &error as &dyn std::error::Error, "upstream connection ended");
        }
        if let Some(pool) = self.pool.upgrade() {
            pool.forget(self.worker, self.id);
        }
    }
}
