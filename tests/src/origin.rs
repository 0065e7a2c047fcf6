//! An upstream that does as it is told: HTTP/1.1 and HTTP/2, over TCP or TLS.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};
use tokio_rustls::TlsAcceptor;

pub use apart::OriginProcess;
pub use script::{Respond, Script};

use crate::listening::{FREE, Listening};
use crate::{Body, Chunks, Counts, Identity, Received, Record, within};

mod apart;
mod counted;
mod script;

/// A running upstream. Its drop closes the listener and every connection.
pub struct Origin {
    listening: Listening,
    record: Arc<Record>,
    streams: Mutex<mpsc::UnboundedReceiver<Chunks>>,
}

/// What one origin's requests share.
struct Play {
    name: String,
    script: Script,
    record: Arc<Record>,
    streams: mpsc::UnboundedSender<Chunks>,
}

impl Origin {
    /// Starts one that speaks HTTP/1.1 and HTTP/2 by prior knowledge.
    pub async fn start(name: &str, script: Script) -> Self {
        Self::listen(name, script, None, FREE).await
    }

    /// Starts one on an address that is known, e.g. after the one there was killed.
    ///
    /// # Panics
    /// When the address is taken.
    pub async fn start_at(name: &str, script: Script, address: SocketAddr) -> Self {
        Self::listen(name, script, None, &address.to_string()).await
    }

    /// Starts one on a free port of another address than the loopback's, e.g. where containers reach it.
    ///
    /// # Panics
    /// When it is no address of this machine.
    pub async fn start_on(host: IpAddr, name: &str, script: Script) -> Self {
        Self::listen(name, script, None, &SocketAddr::new(host, 0).to_string()).await
    }

    /// Starts one that speaks TLS, with HTTP/2 and HTTP/1.1 by ALPN.
    pub async fn start_tls(name: &str, script: Script, identity: &Identity) -> Self {
        Self::listen(name, script, Some(identity.acceptor(&["h2", "http/1.1"])), FREE).await
    }

    async fn listen(name: &str, script: Script, tls: Option<TlsAcceptor>, address: &str) -> Self {
        let record = Arc::new(Record::default());
        let (streams, opened) = mpsc::unbounded_channel();
        let play = Arc::new(Play { name: name.to_owned(), script, record: Arc::clone(&record), streams });
        let serve = move |stream| {
            let open = Open::new(&play.record);
            serve(stream, tls.clone(), Arc::clone(&play), open)
        };
        Self { listening: Listening::start(address, serve).await, record, streams: Mutex::new(opened) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// What it has seen.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Its counts now.
    pub fn counts(&self) -> Counts {
        self.record.counts()
    }

    /// The requests whose bodies it has read.
    pub fn received(&self) -> Vec<Received> {
        self.record.received()
    }

    /// The body of the next answer of [`Script::Stream`], which the test writes.
    pub async fn stream(&self) -> Chunks {
        let mut streams = self.streams.lock().await;
        within("a streamed answer was asked for", streams.recv()).await.expect("the origin runs")
    }

    /// Closes the listener and every connection, in the middle of whatever they do; then nobody is let in any more.
    pub async fn kill(&self) {
        self.listening.close().await;
    }
}

async fn serve(stream: TcpStream, tls: Option<TlsAcceptor>, play: Arc<Play>, open: Open) {
    // A peer that is gone is the peer's affair.
    let _ = stream.set_nodelay(true);
    match tls {
        None => http(stream, play).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                http(stream, play).await;
            }
        }
    }
    drop(open);
}

async fn http(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, play: Arc<Play>) {
    let service = service_fn(move |req| {
        let play = Arc::clone(&play);
        async move { script::answer(&play, req).await.map_err(std::io::Error::other) }
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    // How a connection ends is seen by the other side, which is the one under test.
    let _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
}

/// Counts an open connection.
struct Open(Arc<Record>);

impl Open {
    fn new(record: &Arc<Record>) -> Self {
        record.count(|counts| {
            counts.connections += 1;
            counts.open += 1;
        });
        Self(Arc::clone(record))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.count(|counts| counts.open -= 1);
    }
}
