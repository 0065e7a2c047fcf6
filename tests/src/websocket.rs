//! A WebSocket upstream that sends back what it gets, and a client.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, accept_async_with_config, client_async_with_config};

use crate::listening::{FREE, Listening};
use crate::{BoxError, Record};

/// A client's end of a WebSocket.
pub type Socket = WebSocketStream<TcpStream>;

/// An upstream that sends every message back, and answers a close with the same code and reason.
pub struct WebSocketOrigin {
    listening: Listening,
    record: Arc<Record>,
}

impl WebSocketOrigin {
    /// Starts one.
    ///
    /// # Panics
    /// When it cannot listen.
    pub async fn start() -> Self {
        let record = Arc::new(Record::default());
        let seen = Arc::clone(&record);
        let listening = Listening::start(FREE, move |stream| {
            seen.count(|counts| {
                counts.connections += 1;
                counts.open += 1;
            });
            serve(stream, Arc::clone(&seen))
        });
        Self { listening: listening.await, record }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// What it has seen; a message counts as a request.
    pub fn record(&self) -> &Record {
        &self.record
    }
}

async fn serve(stream: TcpStream, record: Arc<Record>) {
    // How it ends is seen by the other side.
    let _ = echo(stream, &record).await;
    record.count(|counts| counts.open -= 1);
}

async fn echo(stream: TcpStream, record: &Record) -> Result<(), BoxError> {
    let mut socket = accept_async_with_config(stream, Some(config())).await?;
    while let Some(message) = socket.next().await {
        let message = message?;
        record.count(|counts| counts.requests += 1);
        // Pings and closes are answered by the library.
        if message.is_text() || message.is_binary() {
            socket.send(message).await?;
        }
    }
    Ok(())
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(64 << 20)).max_frame_size(Some(64 << 20))
}

/// Opens a WebSocket over HTTP/1.1.
///
/// # Errors
/// When the answer is not a handshake.
pub async fn open(address: SocketAddr, path: &str) -> Result<Socket, BoxError> {
    let stream = TcpStream::connect(address).await?;
    let url = format!("ws://{address}{path}");
    let (socket, _) = client_async_with_config(url, stream, Some(config())).await?;
    Ok(socket)
}
