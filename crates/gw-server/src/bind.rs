//! Sockets: bound exclusively first, so that a second process on the port fails loudly, then shared by the workers.
//!
//! The exclusive socket becomes the first worker's own; the port is never free in between. Only beside a socket of our
//! own, of which a reload widens or narrows the address (`:8080`, `127.0.0.1:8080`), is the first one shared too.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use crate::{BindError, ListenAddress};

/// Connections that the kernel may hold for us; it clamps this to its own limit.
const BACKLOG: i32 = 4096;

/// Binds `address` once per worker and says where that is. `own` are the addresses that we serve already.
///
/// # Errors
/// When the address is taken, forbidden or unknown to the system.
pub(crate) fn bind(
    address: ListenAddress,
    workers: usize,
    own: &[SocketAddr],
) -> Result<(SocketAddr, Vec<TcpListener>), BindError> {
    let fail = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse { address, source },
        _ => BindError::Refused { address, source },
    };
    let socket = match address {
        ListenAddress::Socket(at) => first(at, false, own),
        ListenAddress::DualStack(port) => dual_stack(port, own),
    }
    .map_err(fail)?;
    let local = socket.local_addr().and_then(|at| as_ip(&at)).map_err(fail)?;
    let dual = matches!(address, ListenAddress::DualStack(_));
    let sockets = share(socket, local, dual, workers).map_err(fail)?;
    Ok((local, sockets))
}

fn as_ip(address: &socket2::SockAddr) -> io::Result<SocketAddr> {
    address.as_socket().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))
}

fn dual_stack(port: u16, own: &[SocketAddr]) -> io::Result<Socket> {
    match first(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)), true, own) {
        // Taken is taken; every other refusal means that the system has no IPv6.
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            first(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)), false, own)
        }
        bound => bound,
    }
}

fn socket(at: SocketAddr, dual: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
    if at.is_ipv6() {
        socket.set_only_v6(!dual)?;
    }
    // Without it, a restart would fail while connections of the previous process linger in TIME_WAIT.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn first(at: SocketAddr, dual: bool, own: &[SocketAddr]) -> io::Result<Socket> {
    let exclusive = socket(at, dual)?;
    match exclusive.bind(&at.into()) {
        Err(taken) if taken.kind() == io::ErrorKind::AddrInUse && overlaps(at, own) => {
            beside(at, dual, taken)
        }
        Err(error) => Err(error),
        Ok(()) => Ok(exclusive),
    }
}

/// Whether it may be one of our own sockets that takes the port: the same port, one of both on all addresses.
fn overlaps(at: SocketAddr, own: &[SocketAddr]) -> bool {
    let is_any = |address: &SocketAddr| address.ip().is_unspecified();
    own.iter().any(|held| held.port() == at.port() && (is_any(held) || is_any(&at)))
}

/// Shares the port with our own sockets, which are open to that; whoever else holds it is not.
#[cfg(target_os = "linux")]
fn beside(at: SocketAddr, dual: bool, _: io::Error) -> io::Result<Socket> {
    let shared = socket(at, dual)?;
    shared.set_reuse_port(true)?;
    shared.bind(&at.into())?;
    Ok(shared)
}

#[cfg(not(target_os = "linux"))]
fn beside(_: SocketAddr, _: bool, taken: io::Error) -> io::Result<Socket> {
    Err(taken)
}

#[cfg(target_os = "linux")]
fn share(first: Socket, local: SocketAddr, dual: bool, workers: usize) -> io::Result<Vec<TcpListener>> {
    // Linux reads the option of the bound sockets when a further one is bound: the first opens up only now.
    first.set_reuse_port(true)?;
    let mut sockets = vec![first];
    for _ in 1..workers {
        let socket = socket(local, dual)?;
        socket.set_reuse_port(true)?;
        socket.bind(&local.into())?;
        sockets.push(socket);
    }
    sockets.into_iter().map(|socket| socket.listen(BACKLOG).map(|()| socket.into())).collect()
}

/// One socket, of which every worker has a descriptor: the kernel wakes all of them and one wins.
#[cfg(not(target_os = "linux"))]
fn share(first: Socket, _: SocketAddr, _: bool, workers: usize) -> io::Result<Vec<TcpListener>> {
    first.listen(BACKLOG)?;
    let mut sockets = Vec::with_capacity(workers);
    for _ in 1..workers {
        sockets.push(first.try_clone()?.into());
    }
    sockets.push(first.into());
    Ok(sockets)
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn all_workers_share_the_port_that_zero_took() {
        let (local, sockets) = bind("127.0.0.1:0".parse().unwrap(), 3, &[]).unwrap();
        assert_ne!(local.port(), 0);
        assert_eq!(sockets.len(), 3);
        for socket in &sockets {
            assert_eq!(socket.local_addr().unwrap(), local);
        }
        TcpStream::connect(local).unwrap();
    }

    #[test]
    fn a_taken_port_is_refused_even_by_one_who_would_share() {
        let (local, _sockets) = bind("127.0.0.1:0".parse().unwrap(), 2, &[]).unwrap();
        let again = bind(ListenAddress::Socket(local), 2, &[]);
        assert!(matches!(again, Err(BindError::InUse { .. })), "{again:?}");
    }

    #[test]
    fn dual_stack_takes_both_families() {
        let (local, _sockets) = bind(ListenAddress::DualStack(0), 1, &[]).unwrap();
        TcpStream::connect((Ipv4Addr::LOCALHOST, local.port())).unwrap();
        if local.is_ipv6() {
            TcpStream::connect((Ipv6Addr::LOCALHOST, local.port())).unwrap();
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_socket_of_our_own_is_no_obstacle_where_the_addresses_overlap() {
        let (all, _sockets) = bind(ListenAddress::DualStack(0), 2, &[]).unwrap();
        let one = ListenAddress::Socket((Ipv4Addr::LOCALHOST, all.port()).into());
        let (local, _narrow) = bind(one, 2, &[all]).unwrap();
        assert_eq!(local, (Ipv4Addr::LOCALHOST, all.port()).into());
        // And the other way round; the very same address stays a mistake.
        bind(ListenAddress::DualStack(all.port()), 1, &[local, all]).unwrap();
        assert!(matches!(bind(one, 1, &[local]), Err(BindError::InUse { .. })));
    }
}
