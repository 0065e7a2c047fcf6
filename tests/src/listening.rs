//! A server of a test: it accepts on the loopback until it is dropped.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// A free port of the loopback's.
pub(crate) const FREE: &str = "127.0.0.1:0";

/// A listener that serves. Its drop closes it and every connection.
pub(crate) struct Listening {
    address: SocketAddr,
    task: AbortHandle,
}

impl Listening {
    /// Listens on an address and serves each connection in a task of its own.
    ///
    /// # Panics
    /// When the address is taken.
    pub(crate) async fn start<F>(address: &str, serve: impl FnMut(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.expect("the address is free");
        let address = listener.local_addr().unwrap();
        Self { address, task: tokio::spawn(accept(listener, serve)).abort_handle() }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the listener and every connection, in the middle of whatever they do; then nobody is let in any more.
    pub(crate) async fn close(&self) {
        self.task.abort();
        while !self.task.is_finished() {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Accepts until aborted; the connections' tasks live in the set and end with it.
async fn accept<F>(listener: TcpListener, mut serve: impl FnMut(TcpStream) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        connections.spawn(serve(stream));
    }
}
