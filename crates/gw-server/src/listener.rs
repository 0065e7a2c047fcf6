//! A listener as the workers share it: its settings, its counters, its connection limit, and whether it drains.
//!
//! It lives as long as its socket: a reload that keeps the address replaces the settings, which hold for the
//! connections accepted from then on.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use gw_core::TlsInfo;
use gw_tls::CertificateInfo;
use ipnet::IpNet;
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, watch};
use tokio_rustls::TlsAcceptor;

use crate::stats::ListenerStats;
use crate::{Limits, ListenAddress, ListenerOptions};

/// What new connections of a listener get.
pub(crate) struct Settings {
    pub(crate) name: Arc<str>,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) certificates: Arc<[CertificateInfo]>,
    pub(crate) http2: bool,
    pub(crate) limits: Arc<Limits>,
    pub(crate) trusted_proxies: Arc<[IpNet]>,
}

impl From<ListenerOptions> for Settings {
    fn from(options: ListenerOptions) -> Self {
        Self {
            name: options.name,
            tls: options.tls.map(TlsAcceptor::from),
            certificates: options.certificates,
            http2: options.http2,
            limits: Arc::new(options.limits),
            trusted_proxies: options.trusted_proxies,
        }
    }
}

/// A listener.
pub(crate) struct Listener {
    /// As configured: what identifies it across reloads.
    pub(crate) address: ListenAddress,
    /// As bound.
    pub(crate) local: SocketAddr,
    pub(crate) stats: Arc<ListenerStats>,
    settings: RwLock<Arc<Settings>>,
    draining: AtomicBool,
    stop: watch::Sender<bool>,
    /// Copies of the workers' sockets, for a successor; none once accepting is to end.
    copies: Mutex<Vec<TcpListener>>,
    /// Sockets that accept.
    pub(crate) sockets: AtomicUsize,
    open: AtomicUsize,
    waiting: AtomicUsize,
    freed: Notify,
}

impl Listener {
    pub(crate) fn new(address: ListenAddress, local: SocketAddr, settings: Settings) -> Self {
        Self {
            address,
            local,
            stats: Arc::default(),
            settings: RwLock::new(Arc::new(settings)),
            draining: AtomicBool::new(false),
            stop: watch::Sender::new(false),
            copies: Mutex::default(),
            sockets: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            freed: Notify::new(),
        }
    }

    pub(crate) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read())
    }

    pub(crate) fn set_settings(&self, settings: Settings) {
        *self.settings.write() = Arc::new(settings);
        // The limit may have grown.
        self.freed.notify_waiters();
    }

    /// Ends accepting, once the accept queue is empty, and lets the connections end.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        self.copies.lock().clear();
        self.stop.send_replace(true);
    }

    /// Keeps copies of the sockets that the workers are about to get.
    pub(crate) fn keep_copies(&self, sockets: &[TcpListener]) -> std::io::Result<()> {
        *self.copies.lock() = sockets.iter().map(TcpListener::try_clone).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// Copies of all its sockets.
    pub(crate) fn copies(&self) -> std::io::Result<Vec<TcpListener>> {
        self.copies.lock().iter().map(TcpListener::try_clone).collect()
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Yields once accepting is to end.
    pub(crate) fn stopped(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Connections open now.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    /// Sockets that accept, on all workers.
    pub(crate) fn accepting(&self) -> usize {
        self.sockets.load(Ordering::Acquire)
    }

    fn try_slot(self: &Arc<Self>, limit: usize) -> Option<Slot> {
        self.open
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |open| (open < limit).then_some(open + 1))
            .ok()
            .map(|_| Slot::made(self))
    }

    /// A place for one connection, waiting for one where the limit is reached; a listener that drains waits
    /// for nobody.
    pub(crate) async fn slot(self: &Arc<Self>) -> Slot {
        if let Some(slot) = self.try_slot(self.settings().limits.connections) {
            return slot;
        }
        ListenerStats::add(&self.stats.paused);
        // This, the attempt that follows, and the two steps of a slot's drop need one order for all threads: else
        // a slot could be given back unnoticed.
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let _waiting = Waiting(self);
        let mut stopped = self.stopped();
        loop {
            let freed = self.freed.notified();
            if let Some(slot) = self.try_slot(self.settings().limits.connections) {
                return slot;
            }
            tokio::select! {
                () = freed => {}
                _ = stopped.wait_for(|stop| *stop) => {
                    self.open.fetch_add(1, Ordering::SeqCst);
                    return Slot::made(self);
                }
            }
        }
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("address", &self.address).finish_non_exhaustive()
    }
}

struct Waiting<'a>(&'a Listener);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A connection's place within the limit, given back by its drop.
pub(crate) struct Slot(Arc<Listener>);

impl Slot {
    fn made(listener: &Arc<Listener>) -> Self {
        ListenerStats::add(&listener.stats.open);
        Self(Arc::clone(listener))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        ListenerStats::take(&self.0.stats.open);
        self.0.open.fetch_sub(1, Ordering::SeqCst);
        if self.0.waiting.load(Ordering::SeqCst) > 0 {
            self.0.freed.notify_one();
        }
    }
}

/// What a finished TLS handshake settled.
pub(crate) fn tls_info(session: &rustls::ServerConnection) -> TlsInfo {
    TlsInfo {
        server_name: session.server_name().map(|name| name.to_ascii_lowercase().into()),
        h2: session.alpn_protocol() == Some(b"h2"),
    }
}
