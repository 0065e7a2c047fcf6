//! A connection that nobody uses: what is looked at, and how it is closed.

use std::io;
use std::pin::Pin;
use std::task::{Context, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

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
            let mut cx = Context::from_waker(Waker::noop());
            Pin::new(tls).poll_read(&mut cx, &mut ReadBuf::new(&mut byte)).is_pending()
        }
    }
}

/// Closes it. TLS says so first, if the socket takes that at once (RFC 8446 §6.1).
pub(super) fn close(stream: Stream) {
    if let Stream::Tls(mut tls) = stream {
        let mut cx = Context::from_waker(Waker::noop());
        let _ = Pin::new(&mut tls).poll_shutdown(&mut cx);
    }
}
