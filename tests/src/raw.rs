//! Both ends of a connection byte by byte, for what no library would send.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::listening::{FREE, Listening};
use crate::within;

/// One thing that a [`RawOrigin`] does with a connection.
#[derive(Clone, Debug)]
pub enum Step {
    /// Reads through the end of a request head.
    Head,
    /// Reads so many bytes.
    Read(usize),
    /// Writes these.
    Write(Vec<u8>),
    /// Waits for [`RawOrigin::go`].
    Wait,
    /// Closes the connection in order. So does the script's end.
    Close,
    /// Resets the connection.
    Reset,
}

/// An upstream that follows a script, anew on every connection.
pub struct RawOrigin {
    listening: Listening,
    shared: Arc<Shared>,
}

struct Shared {
    steps: Vec<Step>,
    go: watch::Sender<bool>,
    accepted: watch::Sender<usize>,
    received: Mutex<Vec<Vec<u8>>>,
}

impl RawOrigin {
    /// Starts one.
    ///
    /// # Panics
    /// When it cannot listen.
    pub async fn start(steps: &[Step]) -> Self {
        let shared = Arc::new(Shared {
            steps: steps.to_vec(),
            go: watch::Sender::new(false),
            accepted: watch::Sender::new(0),
            received: Mutex::default(),
        });
        let seen = Arc::clone(&shared);
        let listening = Listening::start(FREE, move |stream| {
            let number = *seen.accepted.borrow();
            seen.received.lock().push(Vec::new());
            seen.accepted.send_modify(|accepted| *accepted += 1);
            follow(stream, Arc::clone(&seen), number)
        });
        Self { listening: listening.await, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// Connections accepted.
    pub fn connections(&self) -> usize {
        *self.shared.accepted.borrow()
    }

    /// What was read, by connection.
    pub fn received(&self) -> Vec<Vec<u8>> {
        self.shared.received.lock().clone()
    }

    /// Lets every [`Step::Wait`] go on, now and later.
    pub fn go(&self) {
        self.shared.go.send_replace(true);
    }
}

/// Follows the script until it ends or the peer goes; the stream's drop closes the connection.
async fn follow(mut stream: TcpStream, shared: Arc<Shared>, number: usize) {
    for step in &shared.steps {
        let went = match step {
            Step::Head => read(&mut stream, &shared, number, |read| read.ends_with(b"\r\n\r\n")).await,
            Step::Read(len) => {
                let before = shared.received.lock()[number].len();
                read(&mut stream, &shared, number, |read| read.len() == before + len).await
            }
            Step::Write(bytes) => stream.write_all(bytes).await.is_ok(),
            Step::Wait => shared.go.subscribe().wait_for(|go| *go).await.is_ok(),
            Step::Close => false,
            Step::Reset => {
                stream.set_zero_linger().unwrap();
                false
            }
        };
        if !went {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream, shared: &Shared, number: usize, done: impl Fn(&[u8]) -> bool) -> bool {
    while !done(&shared.received.lock()[number]) {
        match stream.read_u8().await {
            Ok(byte) => shared.received.lock()[number].push(byte),
            Err(_) => return false,
        }
    }
    true
}

/// A client byte by byte.
pub struct RawCaller {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl RawCaller {
    /// Connects.
    ///
    /// # Panics
    /// When nobody listens.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the gateway takes connections");
        stream.set_nodelay(true).unwrap();
        Self { stream, unread: Vec::new() }
    }

    /// Sends bytes.
    ///
    /// # Panics
    /// When the connection is closed.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        within("bytes were taken", self.stream.write_all(bytes.as_ref())).await.expect("the peer reads");
    }

    /// Reads through `end`, which is part of what is returned; less only if the peer closed.
    pub async fn read_through(&mut self, end: &str) -> String {
        loop {
            let found = self.unread.windows(end.len()).position(|window| window == end.as_bytes());
            if let Some(at) = found {
                let rest = self.unread.split_off(at + end.len());
                return text(&std::mem::replace(&mut self.unread, rest));
            }
            if !self.fill().await {
                return text(&std::mem::take(&mut self.unread));
            }
        }
    }

    /// Reads a message's head.
    pub async fn read_head(&mut self) -> String {
        self.read_through("\r\n\r\n").await
    }

    /// Reads so many bytes; fewer only if the peer closed.
    pub async fn read_exact(&mut self, len: usize) -> Vec<u8> {
        while self.unread.len() < len && self.fill().await {}
        let rest = self.unread.split_off(len.min(self.unread.len()));
        std::mem::replace(&mut self.unread, rest)
    }

    /// Reads until the peer closes.
    pub async fn read_to_end(&mut self) -> String {
        while self.fill().await {}
        text(&std::mem::take(&mut self.unread))
    }

    /// Sends no more, and goes on reading.
    ///
    /// # Panics
    /// When the connection is closed.
    pub async fn finish(&mut self) {
        self.stream.shutdown().await.expect("the connection is open");
    }

    /// Resets the connection.
    ///
    /// # Panics
    /// When the system refuses.
    pub fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }

    async fn fill(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let len = within("bytes came", self.stream.read(&mut buffer)).await.unwrap_or(0);
        self.unread.extend_from_slice(&buffer[..len]);
        len > 0
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
