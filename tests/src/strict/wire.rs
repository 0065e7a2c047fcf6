//! HTTP/1.1 by its letter, off a socket.

use std::io::ErrorKind;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Field lines in their order, names in lower case.
pub type Fields = Vec<(String, String)>;

/// The only field with this name; none if there is none.
///
/// # Panics
/// When there are several.
pub fn find<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    let mut found = fields.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str());
    let first = found.next();
    assert_eq!(found.next(), None, "{name} twice in {fields:?}");
    first
}

/// Why there is no more to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The peer closed in order.
    Closed,
    /// The connection broke.
    Reset,
    /// What came is no HTTP/1.1.
    Wrong(String),
}

fn wrong(what: &str, shown: &[u8]) -> Fault {
    Fault::Wrong(format!("{what}: {}", shown.escape_ascii()))
}

/// What delimits a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Bytes(u64),
    Chunks,
    /// Nothing says it.
    Unsaid,
}

pub(super) struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Wire {
    pub(super) fn new(stream: TcpStream) -> Self {
        // A peer that is gone is seen by the next read.
        let _ = stream.set_nodelay(true);
        Self { stream, unread: Vec::new() }
    }

    /// What came and was not read.
    pub(super) fn unread(&self) -> &[u8] {
        &self.unread
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Has the drop of this reset the connection.
    pub(super) fn reset(&self) {
        let _ = self.stream.set_zero_linger();
    }

    pub(super) async fn fill(&mut self) -> Result<(), Fault> {
        match self.stream.read_buf(&mut self.unread).await {
            Ok(0) => Err(Fault::Closed),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Err(Fault::Reset),
            Err(error) => Err(Fault::Wrong(error.to_string())),
        }
    }

    async fn exact(&mut self, length: usize) -> Result<Vec<u8>, Fault> {
        while self.unread.len() < length {
            self.fill().await?;
        }
        let rest = self.unread.split_off(length);
        Ok(std::mem::replace(&mut self.unread, rest))
    }

    /// A line without its CRLF: text, and tabs.
    pub(super) async fn line(&mut self) -> Result<String, Fault> {
        let end = loop {
            match self.unread.iter().position(|byte| *byte == b'\n') {
                Some(end) => break end,
                None => self.fill().await?,
            }
        };
        let line = self.exact(end + 1).await?;
        let Some(text) = line.strip_suffix(b"\r\n") else { return Err(wrong("a bare LF", &line)) };
        if text.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            return Err(wrong("a control byte", text));
        }
        Ok(text.iter().map(|byte| char::from(*byte)).collect())
    }

    /// Field lines up to the empty one.
    pub(super) async fn fields(&mut self) -> Result<Fields, Fault> {
        let mut fields = Fields::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Ok(fields);
            }
            let Some((name, value)) = line.split_once(':') else {
                return Err(wrong("a line that is no field", line.as_bytes()));
            };
            if !is_token(name) {
                return Err(wrong("a field name that is no token", line.as_bytes()));
            }
            fields.push((name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned()));
        }
    }

    /// Appends a body to `into` as it comes, and returns its trailers.
    pub(super) async fn body(&mut self, length: Length, into: &mut Vec<u8>) -> Result<Fields, Fault> {
        match length {
            Length::Bytes(length) => {
                self.data(length, into).await?;
                Ok(Fields::new())
            }
            Length::Chunks => loop {
                match self.size().await? {
                    0 => return self.fields().await,
                    size => self.data(size, into).await?,
                }
                if !self.line().await?.is_empty() {
                    return Err(wrong("a chunk longer than its size", into));
                }
            },
            Length::Unsaid => loop {
                into.append(&mut self.unread);
                match self.fill().await {
                    Ok(()) => {}
                    Err(Fault::Closed) => return Ok(Fields::new()),
                    Err(fault) => return Err(fault),
                }
            },
        }
    }

    async fn size(&mut self) -> Result<u64, Fault> {
        let line = self.line().await?;
        let digits = (1..=16).contains(&line.len()) && line.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = digits.then(|| u64::from_str_radix(&line, 16).ok()).flatten();
        size.ok_or_else(|| wrong("a chunk size that is none", line.as_bytes()))
    }

    async fn data(&mut self, mut length: u64, into: &mut Vec<u8>) -> Result<(), Fault> {
        while length > 0 {
            if self.unread.is_empty() {
                self.fill().await?;
            }
            let here = usize::try_from(length).map_or(self.unread.len(), |left| left.min(self.unread.len()));
            into.extend(self.unread.drain(..here));
            length -= here as u64;
        }
        Ok(())
    }
}

pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// What the fields say of the body: one length, or `chunked`, or nothing.
pub(super) fn length_of(fields: &Fields) -> Result<Length, Fault> {
    let all = |wanted: &str| -> Vec<&str> {
        fields.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value.as_str()).collect()
    };
    match (&all("content-length")[..], &all("transfer-encoding")[..]) {
        ([], []) => Ok(Length::Unsaid),
        ([], ["chunked"]) => Ok(Length::Chunks),
        ([length], []) if length.bytes().all(|byte| byte.is_ascii_digit()) && !length.is_empty() => {
            length.parse().map(Length::Bytes).map_err(|_| wrong("a length beyond 64 bits", length.as_bytes()))
        }
        framings => Err(Fault::Wrong(format!("no one framing: {framings:?}"))),
    }
}
