//! The socket of a connection, plain or TLS, that keeps its [`Watch`] informed and closes without losing answers.
//!
//! Closing lingers: our half is closed, then what the client still sends is read and dropped until it closes or
//! the sweeper's patience ends. Without that, unread input would make the kernel reset the connection, and the
//! reset could overtake the answer (RFC 9112 §9.6).

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::watch::{Phase, Verdict, Watch};
use crate::worker::Registration;

/// Bytes dropped at a go while lingering.
const SINK: usize = 4096;

/// Bytes read at a go while the protocol is being found out: most heads come whole, and need no second read.
const FIRST: usize = 2048;

/// A socket.
pub(crate) enum Stream {
    /// Plain TCP.
    Plain(TcpStream),
    /// TLS over TCP. Boxed: its state is large, and most of the enum's life is the plain case.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.get_ref().0,
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}

/// How far the closing of our half has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Closing {
    Open,
    /// Our half is being closed; `linger` says whether the client may still be sending.
    Shutdown {
        linger: bool,
    },
    Lingering {
        linger: bool,
    },
    Closed,
}

/// A watched socket.
pub(crate) struct Watched {
    stream: Stream,
    watch: Arc<Watch>,
    /// Bytes read while the protocol was being found out, to be read again.
    lead: BytesMut,
    closing: Closing,
    _registration: Registration,
}

impl Watched {
    pub(crate) fn new(stream: Stream, watch: Arc<Watch>, registration: Registration) -> Self {
        Self { stream, watch, lead: BytesMut::new(), closing: Closing::Open, _registration: registration }
    }

    /// Reads more of the first bytes, which will be read again; returns all of them so far, and whether the
    /// client has closed its half.
    pub(crate) fn poll_peek(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(&[u8], bool)>> {
        let mut first = [MaybeUninit::uninit(); FIRST];
        let mut buf = ReadBuf::uninit(&mut first);
        ready!(self.stream.poll_read(cx, &mut buf))?;
        let read = buf.filled().len();
        self.lead.extend_from_slice(buf.filled());
        if read > 0 {
            self.watch.on_read(read);
        }
        Poll::Ready(Ok((&self.lead, read == 0)))
    }

    /// Finds out whether bytes lie unread in the socket, whatever the runtime believes, before an idle
    /// connection is closed under a request that is on its way up the stack.
    fn look(&self, cx: &Context<'_>) {
        let mut byte = [MaybeUninit::uninit()];
        let unread = socket2::SockRef::from(self.stream.tcp()).peek(&mut byte).is_ok();
        self.watch.set_quiet(!unread);
        if unread {
            cx.waker().wake_by_ref();
        }
    }

    /// Whether the connection is no more: reset, or given up by the kernel. A client that has only closed its half may
    /// still read. What the runtime knows already is asked, not the system.
    pub(crate) fn is_gone(&self) -> bool {
        let ready = self.stream.tcp().ready(Interest::WRITABLE).now_or_never();
        ready.is_some_and(|ready| ready.is_ok_and(|ready| ready.is_write_closed()))
    }

    /// Whether the client has sent nothing that was not read.
    fn is_quiet(&mut self, cx: &mut Context<'_>) -> bool {
        let mut byte = [0];
        self.stream.poll_read(cx, &mut ReadBuf::new(&mut byte)).is_pending()
    }

    /// Drops what the client still sends. Ready when it has closed, or when there is no reason to wait for it.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut sink = [MaybeUninit::uninit(); SINK];
        for _ in 0..16 {
            let mut buf = ReadBuf::uninit(&mut sink);
            match self.stream.poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if buf.filled().is_empty() => return Poll::Ready(()),
                Poll::Ready(Ok(())) => self.closing = Closing::Lingering { linger: true },
                Poll::Pending if self.closing == (Closing::Lingering { linger: true }) => {
                    return Poll::Pending;
                }
                Poll::Pending | Poll::Ready(Err(_)) => return Poll::Ready(()),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn note_write(&self, wrote: &Poll<io::Result<usize>>) {
        match wrote {
            Poll::Ready(wrote) => self.watch.on_write(*wrote.as_ref().unwrap_or(&0)),
            Poll::Pending => self.watch.on_write_blocked(),
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let me = &mut *self;
        let before = buf.filled().len();
        if !me.lead.is_empty() {
            let taken = me.lead.len().min(buf.remaining());
            buf.put_slice(&me.lead[..taken]);
            me.lead.advance(taken);
            if me.lead.is_empty() {
                me.lead = BytesMut::new();
            }
            // With the rest of the head, if it is there: handed over in two pieces, it would be parsed twice. What the
            // socket says besides, it says again.
            if buf.remaining() > 0 && me.stream.poll_read(cx, buf).is_ready() {
                me.watch.on_read(buf.filled().len() - before);
            }
            return Poll::Ready(Ok(()));
        }
        let polled = me.stream.poll_read(cx, buf);
        me.watch.set_listening(polled.is_pending());
        match polled {
            Poll::Ready(Ok(())) => {
                let read = buf.filled().len() - before;
                if read > 0 {
                    me.watch.on_read(read);
                }
                Poll::Ready(Ok(()))
            }
            Poll::Pending => {
                if me.watch.phase() == Phase::Idle && me.watch.verdict() == Verdict::Close {
                    me.look(cx);
                }
                Poll::Pending
            }
            failed => failed,
        }
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = self.stream.poll_write(cx, bytes);
        self.note_write(&wrote);
        wrote
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = match &mut self.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_write_vectored(cx, slices),
            Stream::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, slices),
        };
        self.note_write(&wrote);
        wrote
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper lets nobody look at the socket that it has.
        #[cfg(feature = "hyper-h1")]
        if self.watch.take_look() && self.is_gone() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let flushed = self.stream.poll_flush(cx);
        // TLS takes bytes into a buffer of its own: there a full socket shows only here.
        if flushed.is_pending() {
            self.watch.on_write_blocked();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = &mut *self;
        if me.watch.phase() == Phase::Tunnel {
            return me.stream.poll_shutdown(cx);
        }
        loop {
            match me.closing {
                Closing::Open => {
                    let linger = me.watch.is_midway();
                    me.watch.enter(Phase::Closing);
                    // With nothing unread, closing the socket is as orderly, and a system call less.
                    let quiet = !linger && matches!(me.stream, Stream::Plain(_)) && me.is_quiet(cx);
                    me.closing = if quiet { Closing::Closed } else { Closing::Shutdown { linger } };
                }
                Closing::Shutdown { linger } => {
                    ready!(me.stream.poll_shutdown(cx))?;
                    me.closing = Closing::Lingering { linger };
                }
                Closing::Lingering { .. } => {
                    // Aborted, it has waited long enough.
                    if me.watch.verdict() != Verdict::Abort {
                        ready!(me.poll_linger(cx));
                    }
                    me.closing = Closing::Closed;
                }
                Closing::Closed => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.watch.is_reset() {
            // Best effort: a failure leaves an orderly close.
            let _ = self.stream.tcp().set_zero_linger();
        }
    }
}
