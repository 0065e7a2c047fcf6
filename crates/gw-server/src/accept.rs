//! Accepting: one task per worker and listener.
//!
//! Nothing that a client does ends it. A full system (no descriptors) makes it wait 50 ms, a full listener until a
//! connection ends, and at a drain it empties the accept queue before it closes the socket.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::net::{TcpListener, TcpStream};

use crate::connection;
use crate::listener::{Listener, Slot};
use crate::stats::ListenerStats;
use crate::tasks::Kind;
use crate::worker::{self, Accepting, Command, Shared, Socket, Worker};

/// How long to wait when the system has no descriptor left: connections end meanwhile.
const BACK_OFF: Duration = Duration::from_millis(50);

/// Accepts on `socket` from now on.
pub(crate) fn spawn(
    shared: &Arc<Shared>,
    worker: &Arc<Worker>,
    accepting: Accepting,
    socket: std::net::TcpListener,
) {
    // Its connections have it from there: a system call less for each.
    let prepared = socket2::SockRef::from(&socket).set_tcp_nodelay(true);
    match prepared.and_then(|()| TcpListener::from_std(socket)) {
        Ok(socket) => {
            let (shared, on) = (Arc::clone(shared), Arc::clone(worker));
            worker.tasks.spawn(Kind::Accept, async move {
                run(&shared, &on, &accepting.listener, &socket).await;
                // The socket first: who waits for the other must find the port free.
                drop(socket);
                drop(accepting);
            });
        }
        Err(error) => {
            tracing::error!(listener = %accepting.listener.address, %error, "cannot register the socket with the runtime");
        }
    }
}

async fn run(shared: &Arc<Shared>, worker: &Arc<Worker>, listener: &Arc<Listener>, socket: &TcpListener) {
    let mut stopped = listener.stopped();
    let mut failing = false;
    loop {
        let accepted = tokio::select! {
            // The stop first: an accept that fails again and again must not hide it.
            biased;
            _ = stopped.wait_for(|stop| *stop) => break,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let slot = listener.slot().await;
                place(shared, worker, listener, slot, stream, peer);
                failing = false;
            }
            Err(error) => {
                refused(listener, &error, failing).await;
                failing = true;
            }
        }
    }
    // Whoever is in the queue has been told by the kernel that the connection stands.
    while let Some(Ok((stream, peer))) = accept_now(socket) {
        let slot = listener.slot().await;
        place(shared, worker, listener, slot, stream, peer);
    }
}

/// One connection from the queue, or nothing if it is empty or broken.
///
/// The runtime's idea of whether the socket is ready can lag behind, and this must not miss anyone: so the system
/// is asked, whatever the runtime believes.
fn accept_now(socket: &TcpListener) -> Option<io::Result<(TcpStream, SocketAddr)>> {
    if let Some(accepted) = socket.accept().now_or_never() {
        return Some(accepted);
    }
    let (stream, peer) = socket2::SockRef::from(socket).accept().ok()?;
    let peer = peer.as_socket()?;
    let stream: std::net::TcpStream = stream.into();
    stream.set_nonblocking(true).ok()?;
    Some(TcpStream::from_std(stream).map(|stream| (stream, peer)))
}

/// Counts and waits; tells of the first failure of a row alone.
async fn refused(listener: &Listener, error: &io::Error, again: bool) {
    match error.kind() {
        // The client went away while it was queued.
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted => {}
        _ => {
            ListenerStats::add(&listener.stats.refused);
            if !again {
                tracing::warn!(listener = %listener.address, %error, "cannot accept for now");
            }
            tokio::time::sleep(BACK_OFF).await;
        }
    }
}

/// Gives the connection to this worker, or to the least loaded one if that holds clearly fewer.
fn place(
    shared: &Arc<Shared>,
    worker: &Arc<Worker>,
    listener: &Arc<Listener>,
    slot: Slot,
    stream: TcpStream,
    peer: SocketAddr,
) {
    ListenerStats::add(&listener.stats.accepted);
    let socket = Socket { stream, peer, listener: Arc::clone(listener), slot };
    if let Some(other) = clearly_less_loaded(shared, worker) {
        return hand_over(shared, worker, other, socket);
    }
    worker::assign(worker);
    connection::spawn(shared, worker, socket);
}

/// Gives it to `other`, or serves it here if that has no room for it.
fn hand_over(shared: &Arc<Shared>, worker: &Arc<Worker>, other: &Arc<Worker>, socket: Socket<TcpStream>) {
    let Socket { stream, peer, listener, slot } = socket;
    let Ok(stream) = stream.into_std() else { return };
    let stats = Arc::clone(&listener.stats);
    worker::assign(other);
    match other.commands.try_send(Command::Serve(Socket { stream, peer, listener, slot })) {
        Ok(()) => ListenerStats::add(&stats.handed_over),
        Err(error) => {
            worker::unassign(other);
            if let Command::Serve(socket) = error.into_inner() {
                worker::assign(worker);
                take_over(shared, worker, socket);
            }
        }
    }
}

/// Serves what another worker accepted. This one counts it already.
pub(crate) fn take_over(shared: &Arc<Shared>, worker: &Arc<Worker>, socket: Socket<std::net::TcpStream>) {
    let Socket { stream, peer, listener, slot } = socket;
    match TcpStream::from_std(stream) {
        Ok(stream) => connection::spawn(shared, worker, Socket { stream, peer, listener, slot }),
        Err(error) => {
            worker::unassign(worker);
            tracing::debug!(client.addr = %peer, %error, "cannot register the connection with the runtime");
        }
    }
}

fn clearly_less_loaded<'a>(shared: &'a Shared, worker: &Worker) -> Option<&'a Arc<Worker>> {
    let least = shared.workers.iter().min_by_key(|other| other.load())?;
    is_clearly_more(worker.load(), least.load()).then_some(least)
}

/// Two more, and an eighth more: few long HTTP/2 connections are spread evenly, thousands are not shuffled for
/// the sake of a handful.
fn is_clearly_more(mine: usize, least: usize) -> bool {
    mine >= least + 2 + least / 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(mine: usize, least: usize, expect: bool) {
        assert_eq!(is_clearly_more(mine, least), expect, "{mine} against {least}");
    }

    #[test]
    fn what_is_clearly_more() {
        check(0, 0, false);
        check(1, 0, false);
        check(2, 0, true);
        check(9, 8, false);
        check(11, 8, true);
        check(1100, 1000, false);
        check(1127, 1000, true);
    }
}
