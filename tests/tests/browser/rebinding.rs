//! A name that resolves to a site first and to another server afterwards, as a DNS-rebinding attacker has it.
//!
//! A browser sees one origin, and the second server gets the attacker's name in `Host`: what differs from the real
//! attack is that the address stays, and that the connection goes elsewhere.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// A running relay. Its drop closes it and every connection.
pub(crate) struct Rebinding {
    address: SocketAddr,
    task: AbortHandle,
}

impl Rebinding {
    /// Sends connections that ask for `/` to `site`, and all others to `victim`.
    pub(crate) async fn start(site: SocketAddr, victim: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accept = async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                // How a connection ends is the browser's affair.
                connections.spawn(async move { drop(relay(stream, site, victim).await) });
            }
        };
        Self { address, task: tokio::spawn(accept).abort_handle() }
    }

    /// Where the name leads.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Rebinding {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn relay(mut stream: TcpStream, site: SocketAddr, victim: SocketAddr) -> std::io::Result<()> {
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        line.push(stream.read_u8().await?);
    }
    let address = if line.starts_with(b"GET / ") { site } else { victim };
    let mut server = TcpStream::connect(address).await?;
    server.write_all(&line).await?;
    copy_bidirectional(&mut stream, &mut server).await?;
    Ok(())
}
