//! A client that sends any bytes and takes nothing but well-formed answers.

use std::net::SocketAddr;

use tokio::net::TcpStream;

use super::wire::{Fault, Fields, Length, Wire, length_of};
use crate::within;

/// A client with one connection.
pub struct StrictCaller {
    wire: Wire,
}

/// An answer, as far as it came.
#[derive(Clone, Debug)]
pub struct Given {
    /// Its status.
    pub status: u16,
    /// Its fields.
    pub fields: Fields,
    /// Its body.
    pub body: String,
    /// What stood after that.
    pub trailers: Fields,
    /// Why it has no end; none if it is whole.
    pub fault: Option<Fault>,
}

impl StrictCaller {
    /// Connects.
    ///
    /// # Panics
    /// When nobody listens.
    pub async fn connect(address: SocketAddr) -> Self {
        Self { wire: Wire::new(TcpStream::connect(address).await.expect("the gateway takes connections")) }
    }

    /// Sends bytes; a peer that takes no more of them may have answered all the same.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        within("bytes were taken", self.wire.write(bytes.as_ref())).await;
    }

    /// Reads an answer to a request with this method. Interim ones before it are passed over.
    ///
    /// # Errors
    /// When none comes, or what comes has no head.
    pub async fn answer(&mut self, method: &str) -> Result<Given, Fault> {
        within("an answer", self.read(method)).await
    }

    async fn read(&mut self, method: &str) -> Result<Given, Fault> {
        loop {
            let line = self.wire.line().await?;
            let status = status(&line).ok_or_else(|| Fault::Wrong(format!("no status line: {line:?}")))?;
            let fields = self.wire.fields().await?;
            let said = length_of(&fields)?;
            let length = match status {
                100..=199 if status != 101 => continue,
                101 | 204 | 304 => Length::Bytes(0),
                _ if method == "HEAD" => Length::Bytes(0),
                _ => said,
            };
            if matches!(status, 101 | 204) && said != Length::Unsaid {
                return Err(Fault::Wrong(format!("a {status} with a body: {fields:?}")));
            }
            let mut body = Vec::new();
            let (trailers, fault) = match self.wire.body(length, &mut body).await {
                Ok(trailers) => (trailers, None),
                Err(fault) => (Fields::new(), Some(fault)),
            };
            let body = String::from_utf8_lossy(&body).into_owned();
            return Ok(Given { status, fields, body, trailers, fault });
        }
    }

    /// Waits until the gateway has closed, and says what came before that.
    ///
    /// # Panics
    /// When it does not close.
    pub async fn rest(mut self) -> Vec<u8> {
        while within("the connection ends", self.wire.fill()).await.is_ok() {}
        self.wire.unread().to_vec()
    }
}

fn status(line: &str) -> Option<u16> {
    let rest = line.strip_prefix("HTTP/1.1 ").or_else(|| line.strip_prefix("HTTP/1.0 "))?;
    let (code, _) = rest.split_once(' ')?;
    (code.len() == 3).then(|| code.parse().ok()).flatten()
}
