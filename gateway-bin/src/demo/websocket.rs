//! The WebSocket upstream: it sends back what it gets. Asked with `?say=text`, it says that and closes, so that a client
//! that can only listen, such as curl, sees an exchange that ends.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::accept_hdr_async_with_config;
use tokio_tungstenite::tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};

/// The longest message, bytes.
const MESSAGE_LIMIT: usize = 16 << 20;

/// Serves until aborted.
pub(super) async fn serve(listener: TcpListener) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        connections.spawn(async move {
            // A connection that breaks is the gateway's to deal with.
            let _ = talk(stream).await;
        });
    }
}

async fn talk(stream: TcpStream) -> tungstenite::Result<()> {
    let mut say = None;
    let config =
        WebSocketConfig::default().max_message_size(Some(MESSAGE_LIMIT)).max_frame_size(Some(MESSAGE_LIMIT));
    let mut socket = accept_hdr_async_with_config(stream, Query(&mut say), Some(config)).await?;
    if let Some(text) = say {
        socket.send(Message::text(text)).await?;
        return socket.close(None).await;
    }
    while let Some(message) = socket.next().await {
        let message = message?;
        // Pings and closes are answered by the library.
        if message.is_text() || message.is_binary() {
            socket.send(message).await?;
        }
    }
    Ok(())
}

/// Keeps the value of `say` in the handshake's query.
struct Query<'a>(&'a mut Option<String>);

impl Callback for Query<'_> {
    fn on_request(self, request: &Request, response: Response) -> Result<Response, ErrorResponse> {
        let query = request.uri().query().unwrap_or_default();
        *self.0 = query.split('&').find_map(|pair| pair.strip_prefix("say=")).map(str::to_owned);
        Ok(response)
    }
}
