//! A connection that nobody uses: what is looked at, and how it is closed.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop::unconstrained;

use crate::stream::Stream;

/// Whether nothing has come: no byte that nobody asked for, and no end. What the runtime knows is asked, and the system
/// only if something was there.
pub(super) fn is_quiet(stream: &mut Stream) -> bool {
    let mut byte = [0];
    match stream {
        Stream::Plain(tcp) => {
            matches!(tcp.try_read(&mut byte), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
        }
        // What has come may be a record without data, such as a session ticket.
        Stream::Tls(tls) => {
            at_once(|cx| Pin::new(&mut *tls).poll_read(cx, &mut ReadBuf::new(&mut byte))).is_none()
        }
    }
}

/// Whether something has come that the runtime may not know of yet; its end counts.
pub(super) fn has_bytes(stream: &Stream) -> bool {
    let tcp = match stream {
        Stream::Plain(tcp) => tcp,
        Stream::Tls(tls) => tls.get_ref().0,
    };
    let peeked = SockRef::from(tcp).peek(&mut [MaybeUninit::uninit()]);
    !matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

/// Closes it. TLS says so first, if the socket takes that at once (RFC 8446 §6.1).
pub(super) fn close(stream: Stream) {
    if let Stream::Tls(mut tls) = stream {
        let _ = at_once(|cx| Pin::new(&mut tls).poll_shutdown(cx));
    }
}

/// Polls once, whatever the task at hand has done since it last waited: for that alone, tokio would say `Pending`.
fn at_once<T>(poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
    unconstrained(poll_fn(poll)).now_or_never()
}
