//! Descriptors on their way to another process, over a Unix socket (`SCM_RIGHTS`, unix(7)).
//!
//! First the length of a header as four bytes, big end first; then the header, a JSON list of the listeners; then their
//! descriptors in that order, each message with one byte and the descriptors of one listener. `ready` is the answer.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::cmsg_space;
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};

use crate::{Inherited, Passed};

/// Descriptors in a message; Linux takes up to 253.
const CHUNK: usize = 64;
/// Bytes of a header that are believed.
const LONGEST: usize = 1 << 20;
/// What a successor says when it serves.
const READY: &[u8] = b"ready\n";

#[derive(Serialize, Deserialize)]
struct Entry {
    name: String,
    asked: String,
    address: SocketAddr,
    sockets: usize,
}

/// Sends copies of the descriptors to whoever calls [`take_over`] at the other end, and waits until that serves.
///
/// # Errors
/// When the other end is gone, or too many descriptors are under way.
///
/// # Cancel safety
/// Dropping the future closes the stream; the other end may have the sockets by then.
pub async fn pass_on(stream: UnixStream, listeners: &[Passed]) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let mut stream = tokio::net::UnixStream::from_std(stream)?;
    let entry = |passed: &Passed| Entry {
        name: passed.name.to_string(),
        asked: passed.asked.to_string(),
        address: passed.address,
        sockets: passed.sockets.len(),
    };
    let header = serde_json::to_vec(&listeners.iter().map(entry).collect::<Vec<_>>())?;
    let length = u32::try_from(header.len()).map_err(io::Error::other)?;
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(&header).await?;
    for chunk in listeners.iter().flat_map(|passed| passed.sockets.chunks(CHUNK)) {
        let descriptors: Vec<BorrowedFd<'_>> = chunk.iter().map(AsFd::as_fd).collect();
        stream.async_io(Interest::WRITABLE, || send(stream.as_fd(), &descriptors)).await?;
    }
    let mut answer = [0; READY.len()];
    stream.read_exact(&mut answer).await?;
    if answer == READY { Ok(()) } else { Err(invalid("not the answer of a successor")) }
}

fn send(stream: BorrowedFd<'_>, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(CHUNK))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::other("too many descriptors for one message"));
    }
    sendmsg(stream, &[IoSlice::new(&[0])], &mut control, SendFlags::empty())?;
    Ok(())
}

/// Receives what [`pass_on`] sends. Blocks until all has come.
///
/// # Errors
/// When the other end is gone or sends something else, or the process may not open so many descriptors.
pub fn take_over(mut stream: UnixStream) -> io::Result<(Predecessor, Inherited)> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(invalid("the header is too long"));
    }
    let mut header = vec![0; length];
    stream.read_exact(&mut header)?;
    let entries: Vec<Entry> = serde_json::from_slice(&header)?;
    let mut listeners = Vec::with_capacity(entries.len());
    for entry in entries {
        let asked = entry.asked.parse().map_err(|_| invalid("a listener's address is none"))?;
        let mut sockets = Vec::new();
        while sockets.len() < entry.sockets {
            receive(stream.as_fd(), entry.address, &mut sockets)?;
        }
        listeners.push(Passed { name: entry.name.into(), asked, address: entry.address, sockets });
    }
    Ok((Predecessor(stream), Inherited::new(listeners)))
}

/// The process whose sockets this one took. Dropping it makes that one serve on alone.
#[derive(Debug)]
pub struct Predecessor(UnixStream);

impl Predecessor {
    /// Tells it that this process serves. If it is gone, that is logged.
    pub fn release(mut self) {
        if let Err(error) = self.0.write_all(READY) {
            tracing::warn!(%error, "the predecessor is gone");
        }
    }
}

/// One message: at least one socket, bound to `address`.
fn receive(stream: BorrowedFd<'_>, address: SocketAddr, sockets: &mut Vec<TcpListener>) -> io::Result<()> {
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(CHUNK))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(stream, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::empty())?;
    if received.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if received.flags.contains(ReturnFlags::CTRUNC) {
        return Err(io::Error::other("some descriptors are missing: this process may not open so many"));
    }
    let before = sockets.len();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            for descriptor in descriptors {
                sockets.push(listener(descriptor, address)?);
            }
        }
    }
    if sockets.len() == before { Err(invalid("a message without a descriptor")) } else { Ok(()) }
}

fn listener(descriptor: OwnedFd, address: SocketAddr) -> io::Result<TcpListener> {
    // Not every system can do so while it receives; a process that just starts runs no other program meanwhile.
    fcntl_setfd(&descriptor, FdFlags::CLOEXEC)?;
    let socket = TcpListener::from(descriptor);
    if socket.local_addr()? != address {
        return Err(invalid("a descriptor is not the socket that was announced"));
    }
    Ok(socket)
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(name: &str, sockets: usize) -> Passed {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        Passed {
            name: name.into(),
            asked: "127.0.0.1:0".parse().unwrap(),
            address,
            sockets: (0..sockets).map(|_| socket.try_clone().unwrap()).collect(),
        }
    }

    /// What came of both ends.
    async fn exchange(sent: &[Passed]) -> (io::Result<()>, io::Result<Inherited>) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let taker = std::thread::spawn(move || {
            let (predecessor, inherited) = take_over(theirs)?;
            predecessor.release();
            Ok(inherited)
        });
        let passed = pass_on(ours, sent).await;
        (passed, taker.join().unwrap())
    }

    #[tokio::test]
    async fn every_socket_arrives_in_as_many_messages_as_it_takes() {
        let sent = [passed("one", 3 * CHUNK + 1), passed("none", 0), passed("two", 1)];
        let (passed, inherited) = exchange(&sent).await;
        passed.unwrap();
        let inherited = inherited.unwrap();
        for listener in &sent {
            let (address, sockets) = inherited.take(listener.asked, &listener.name).unwrap();
            assert_eq!((address, sockets.len()), (listener.address, listener.sockets.len()));
        }
        assert!(inherited.close().is_empty());
    }

    #[tokio::test]
    async fn another_socket_than_announced_is_refused() {
        let mut sent = passed("one", 1);
        sent.sockets = passed("other", 1).sockets;
        let (passed, inherited) = exchange(&[sent]).await;
        assert!(passed.is_err());
        assert_eq!(inherited.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn what_is_no_handover_is_refused() {
        for bytes in [&b""[..], b"\0\0", b"\0\0\0\x05[]", b"\xff\xff\xff\xff", b"\0\0\0\x02{}"] {
            let (mut ours, theirs) = UnixStream::pair().unwrap();
            ours.write_all(bytes).unwrap();
            drop(ours);
            assert!(take_over(theirs).is_err(), "{bytes:?}");
        }
    }

    #[tokio::test]
    async fn only_a_successor_that_is_ready_is_one() {
        for answer in [&b""[..], b"re", b"sorry\n"] {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            theirs.write_all(answer).unwrap();
            theirs.shutdown(std::net::Shutdown::Write).unwrap();
            assert!(pass_on(ours, &[passed("one", 1)]).await.is_err(), "{answer:?}");
        }
    }
}
