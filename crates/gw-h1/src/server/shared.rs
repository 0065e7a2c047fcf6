//! What a connection shares with whoever holds the body of its request: the socket, and what has been read of it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http::Request;
use http_body::Frame;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};

use super::BodyError;
use crate::{BodyDecoder, BufferPool, Decoded, ProtocolError, ReadBuffer, RequestParser};

/// What is sent to those who wait for it before they send their body.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// So much of a body that nobody wants is read over, if it is at hand, to keep the connection.
const READ_OVER: usize = 64 * 1024;

/// The part of a connection that whoever holds the body of its request needs too: the connection's own until there is
/// such a body, and again after that, so that a request without one takes no lock.
pub(super) enum Link<I> {
    /// The connection's own.
    Own(Shared<I>),
    /// Shared with a body.
    Lent(Arc<Cell<I>>),
    /// The connection has ended, or its socket was taken for another protocol.
    Gone,
}

impl<I> Link<I> {
    pub(super) fn new(io: I, pool: Arc<BufferPool>) -> Self {
        let read = ReadBuffer::new(pool);
        let (inbound, interim) = (Inbound::Done, None);
        Self::Own(Shared { io, read, inbound, interim, owner: None, due: None, reader: None })
    }

    /// None once it is gone.
    pub(super) fn with<R>(&mut self, with: impl FnOnce(&mut Shared<I>) -> R) -> Option<R> {
        match self {
            Self::Own(shared) => Some(with(shared)),
            Self::Lent(cell) => cell.with(with),
            Self::Gone => None,
        }
    }

    /// For the body of a request.
    pub(super) fn lend(&mut self) -> Option<Arc<Cell<I>>> {
        let cell = match std::mem::replace(self, Self::Gone) {
            Self::Own(shared) => Arc::new(Cell(Mutex::new(Some(shared)))),
            Self::Lent(cell) => cell,
            Self::Gone => return None,
        };
        *self = Self::Lent(Arc::clone(&cell));
        Some(cell)
    }

    /// Takes it back: nobody reads on.
    pub(super) fn reclaim(&mut self) {
        if let Self::Lent(_) = self {
            *self = self.take().map_or(Self::Gone, Self::Own);
        }
    }

    /// Ends the connection for whoever holds a body of it.
    pub(super) fn take(&mut self) -> Option<Shared<I>> {
        match std::mem::replace(self, Self::Gone) {
            Self::Own(shared) => Some(shared),
            Self::Lent(cell) => cell.take(),
            Self::Gone => None,
        }
    }
}

/// What was lent; none once the connection has it again, or has ended. The lock is contended only if the body of the
/// request is read on another thread.
pub(super) struct Cell<I>(Mutex<Option<Shared<I>>>);

impl<I> Cell<I> {
    pub(super) fn with<R>(&self, with: impl FnOnce(&mut Shared<I>) -> R) -> Option<R> {
        let mut held = self.0.lock();
        let shared = held.as_mut()?;
        let returned = with(shared);
        let due = shared.due.take();
        // Nobody knows what waking does.
        drop(held);
        if let Some(owner) = due {
            owner.wake();
        }
        Some(returned)
    }

    fn take(&self) -> Option<Shared<I>> {
        let mut taken = self.0.lock().take()?;
        if let Some(reader) = taken.reader.take() {
            reader.wake();
        }
        Some(taken)
    }
}

/// How far the body of the request has been read.
pub(super) enum Inbound {
    /// To its end: what follows is the next request.
    Done,
    /// Somebody may read on.
    Held(BodyDecoder),
    /// Nobody will.
    Dropped(BodyDecoder),
    /// Where the next request begins is unknown.
    Lost,
}

/// What the next bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A request.
    Head,
    /// Those of a body that somebody holds.
    Body,
    /// Nobody can say.
    Unknown,
}

pub(super) struct Shared<I> {
    pub(super) io: I,
    pub(super) read: ReadBuffer,
    pub(super) inbound: Inbound,
    /// How much of a `100 Continue` has been written, while the client waits for the rest.
    pub(super) interim: Option<usize>,
    /// The connection, if it waits for the body's end.
    owner: Option<Waker>,
    /// The same, once that has come.
    due: Option<Waker>,
    /// Who waits for the body.
    reader: Option<Waker>,
}

impl<I> Shared<I> {
    pub(super) fn settle(&mut self, inbound: Inbound) {
        self.inbound = inbound;
        self.reader = None;
        self.read.shrink();
        self.due = self.owner.take();
    }

    /// The rest of an interim answer that was begun, which has to go first.
    pub(super) fn take_interim(&mut self) -> &'static [u8] {
        match self.interim.take() {
            None | Some(0) => &[],
            Some(written) => CONTINUE.get(written..).unwrap_or_default(),
        }
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> Shared<I> {
    /// The next head; none at the end of the connection. `last` if nothing that has not begun is to be read.
    pub(super) fn poll_head(
        &mut self,
        parser: &mut RequestParser,
        last: bool,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Result<Option<Request<()>>, ProtocolError>>> {
        loop {
            if !self.read.is_empty() {
                match parser.parse(self.read.bytes()) {
                    Ok(None) => {}
                    done => return Poll::Ready(Ok(done)),
                }
            }
            if last && self.read.is_empty() {
                return Poll::Ready(Ok(Ok(None)));
            }
            if ready!(self.read.poll_fill(Pin::new(&mut self.io), cx))? == 0 {
                return Poll::Ready(Ok(Ok(None)));
            }
        }
    }

    /// What [`RequestBody`](super::RequestBody) yields next.
    pub(super) fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = self.poll_frame(cx);
        match &polled {
            Poll::Pending if self.reader.as_ref().is_none_or(|reader| !reader.will_wake(cx.waker())) => {
                self.reader = Some(cx.waker().clone());
            }
            Poll::Ready(Some(Err(_))) => self.settle(Inbound::Lost),
            Poll::Ready(_) if matches!(&self.inbound, Inbound::Held(body) if body.is_done()) => {
                self.settle(Inbound::Done);
            }
            _ => {}
        }
        polled
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            let Inbound::Held(decoder) = &mut self.inbound else { return Poll::Ready(None) };
            match decoder.decode(self.read.bytes()) {
                Ok(Decoded::More) => {}
                Ok(Decoded::Data(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Ok(Decoded::Trailers(fields)) => return Poll::Ready(Some(Ok(Frame::trailers(fields)))),
                Ok(Decoded::End) => return Poll::Ready(None),
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
            let read = match ready!(self.poll_continue(cx)) {
                Ok(()) => ready!(self.read.poll_fill(Pin::new(&mut self.io), cx)),
                Err(error) => Err(error),
            };
            match read {
                Ok(0) => return Poll::Ready(Some(Err(BodyError::Cut))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
        }
    }

    /// Lets the client send its body.
    fn poll_continue(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(written) = self.interim {
            let left = CONTINUE.get(written..).unwrap_or_default();
            if left.is_empty() {
                ready!(Pin::new(&mut self.io).poll_flush(cx))?;
                self.interim = None;
                break;
            }
            match ready!(Pin::new(&mut self.io).poll_write(cx, left))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                more => self.interim = Some(written + more),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Watches the client while its answer is under way. Ready when it has closed its half, which ends the request;
    /// not if it has sent more before that, since that lies in the way.
    pub(super) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.inbound {
            Inbound::Done if self.read.is_empty() => {
                match ready!(self.read.poll_ahead(Pin::new(&mut self.io), cx))? {
                    0 => Poll::Ready(Ok(())),
                    _ => Poll::Pending,
                }
            }
            Inbound::Held(_) => {
                self.await_body(cx);
                Poll::Pending
            }
            _ => Poll::Pending,
        }
    }

    /// Has the connection woken at the end of the body that somebody holds.
    pub(super) fn await_body(&mut self, cx: &Context<'_>) {
        if self.owner.as_ref().is_none_or(|owner| !owner.will_wake(cx.waker())) {
            self.owner = Some(cx.waker().clone());
        }
    }

    /// What comes next; the rest of a body that nobody wants is read over if it is small and at hand.
    pub(super) fn next(&mut self, cx: &mut Context<'_>) -> Next {
        self.owner = None;
        match &mut self.inbound {
            Inbound::Done => return Next::Head,
            Inbound::Held(_) => return Next::Body,
            Inbound::Lost => return Next::Unknown,
            Inbound::Dropped(_) => {}
        }
        let over = self.read_over(cx);
        self.inbound = if over { Inbound::Done } else { Inbound::Lost };
        if over { Next::Head } else { Next::Unknown }
    }

    fn read_over(&mut self, cx: &mut Context<'_>) -> bool {
        let Inbound::Dropped(decoder) = &mut self.inbound else { return false };
        let mut over = 0;
        while over <= READ_OVER {
            match decoder.decode(self.read.bytes()) {
                Ok(Decoded::Data(data)) => over += data.len(),
                Ok(Decoded::End | Decoded::Trailers(_)) => return true,
                Ok(Decoded::More) => match self.read.poll_fill(Pin::new(&mut self.io), cx) {
                    Poll::Ready(Ok(1..)) => {}
                    _ => return false,
                },
                Err(_) => return false,
            }
        }
        false
    }
}
