//! Sockets: bound exclusively first, so that a second process on the port fails loudly, then shared by the workers.
//!
//! The exclusive socket becomes the first worker's own; the port is never free in between.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use crate::{BindError, ListenAddress};

/// Connections that the kernel may hold for us; it clamps this to its own limit.
const BACKLOG: i32 = 4096;

/// Binds `address` once per worker and says where that is.
///
/// # Errors
/// When the address is taken, forbidden or unknown to the system.
pub(crate) fn bind(
    address: ListenAddress,
    workers: usize,
) -> Result<(SocketAddr, Vec<TcpListener>), BindError> {
    let fail = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse { address, source },
        _ => BindError::Refused { address, source },
    };
    let first = match address {
        ListenAddress::Socket(at) => exclusive(at, false),
        ListenAddress::DualStack(port) => dual_stack(port),
    }
    .map_err(fail)?;
    let local = first.local_addr().and_then(|at| as_ip(&at)).map_err(fail)?;
    let dual = matches!(address, ListenAddress::DualStack(_));
    let sockets = share(first, local, dual, workers).map_err(fail)?;
    Ok((local, sockets))
}

fn as_ip(address: &socket2::SockAddr) -> io::Result<SocketAddr> {
    address.as_socket().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))
}

fn dual_stack(port: u16) -> io::Result<Socket> {
    match exclusive(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)), true) {
        // Taken is taken; every other refusal means that the system has no IPv6.
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            exclusive(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)), false)
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

fn exclusive(at: SocketAddr, dual: bool) -> io::Result<Socket> {
    let socket = socket(at, dual)?;
    socket.bind(&at.into())?;
    Ok(socket)
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
        let (local, sockets) = bind("127.0.0.1:0".parse().unwrap(), 3).unwrap();
        assert_ne!(local.port(), 0);
        assert_eq!(sockets.len(), 3);
        for socket in &sockets {
            assert_eq!(socket.local_addr().unwrap(), local);
        }
        TcpStream::connect(local).unwrap();
    }

    #[test]
    fn a_taken_port_is_refused_even_by_one_who_would_share() {
        let (local, _sockets) = bind("127.0.0.1:0".parse().unwrap(), 2).unwrap();
        let again = bind(ListenAddress::Socket(local), 2);
        assert!(matches!(again, Err(BindError::InUse { .. })), "{again:?}");
    }

    #[test]
    fn dual_stack_takes_both_families() {
        let (local, _sockets) = bind(ListenAddress::DualStack(0), 1).unwrap();
        TcpStream::connect((Ipv4Addr::LOCALHOST, local.port())).unwrap();
        if local.is_ipv6() {
            TcpStream::connect((Ipv6Addr::LOCALHOST, local.port())).unwrap();
        }
    }
}
