//! A connection in memory, for models of what its threads do to each other.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use gw_h1::server::{Date, Setup};
use gw_h1::{BufferPool, HeadLimits, Underscores};
use loom::sync::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A socket and what the client makes of it. As with a socket of the runtime's, the last one who asked is woken.
#[derive(Clone)]
pub struct Wire(Arc<Mutex<State>>);

struct State {
    input: Vec<u8>,
    closed: bool,
    output: Vec<u8>,
    waiting: Option<Waker>,
}

impl Wire {
    /// A socket into which the client has sent this.
    pub fn new(input: &str) -> Self {
        let input = input.as_bytes().to_vec();
        Self(Arc::new(Mutex::new(State { input, closed: false, output: Vec::new(), waiting: None })))
    }

    /// The client sends this, and closes its half.
    pub fn send_last(&self, bytes: &str) {
        let waiting = {
            let mut state = self.0.lock().unwrap();
            state.input.extend_from_slice(bytes.as_bytes());
            state.closed = true;
            state.waiting.take()
        };
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }

    /// What the client has got.
    pub fn output(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().output.clone()).unwrap()
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.0.lock().unwrap();
        if state.input.is_empty() && !state.closed {
            state.waiting = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let taken = state.input.len().min(buffer.remaining());
        buffer.put_slice(&state.input[..taken]);
        state.input.drain(..taken);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.lock().unwrap().output.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What a connection of a model is made with.
pub fn setup() -> Setup {
    Setup {
        limits: HeadLimits { bytes: 1024, target_bytes: 1024, fields: 8 },
        underscores: Underscores::Drop,
        pool: BufferPool::new(4),
        date: Arc::new(Date::new(SystemTime::UNIX_EPOCH)),
    }
}

/// A value that one thread gives another.
pub struct Slot<T>(Mutex<(Option<T>, Option<Waker>)>);

impl<T> Slot<T> {
    /// An empty one.
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new((None, None))))
    }

    /// Fills it.
    pub fn give(&self, value: T) {
        let waiting = {
            let mut slot = self.0.lock().unwrap();
            slot.0 = Some(value);
            slot.1.take()
        };
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }

    /// Waits for what is given.
    pub async fn take(&self) -> T {
        std::future::poll_fn(|cx| {
            let mut slot = self.0.lock().unwrap();
            match slot.0.take() {
                Some(value) => Poll::Ready(value),
                None => {
                    slot.1 = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}
