//! Listening sockets that outlive a process: what a server gives to its successor, and what that takes instead of binding.
//!
//! Both processes accept from the same queues while they overlap, so that the first may stop at any moment without
//! losing a connection.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::{ListenAddress, ProxyServer};

/// A listener's sockets, to be served by another process too. Dropping it closes these descriptors alone.
#[derive(Debug)]
pub struct Passed {
    /// The listener's name.
    pub name: Arc<str>,
    /// Its address as configured.
    pub asked: ListenAddress,
    /// Its address as bound.
    pub address: SocketAddr,
    /// All its sockets: a queue that nobody accepts from would be lost.
    pub sockets: Vec<TcpListener>,
}

/// Sockets of a predecessor that no listener has taken yet. Clones are the same store; the default is empty.
#[derive(Clone, Debug, Default)]
pub struct Inherited(Arc<Mutex<Vec<Passed>>>);

impl Inherited {
    /// A store of these listeners.
    pub fn new(listeners: Vec<Passed>) -> Self {
        Self(Arc::new(Mutex::new(listeners)))
    }

    /// Closes what nobody took, logs it, and returns the addresses: those that the new configuration does not have.
    pub fn close(&self) -> Vec<SocketAddr> {
        let left = std::mem::take(&mut *self.0.lock());
        for passed in &left {
            tracing::info!(listener = %passed.name, address = %passed.address, "no longer listening");
        }
        left.iter().map(|passed| passed.address).collect()
    }

    /// The sockets bound to what `asked` means; for port 0, those that a listener of this name asked for likewise.
    pub(crate) fn take(&self, asked: ListenAddress, name: &str) -> Option<(SocketAddr, Vec<TcpListener>)> {
        let mut held = self.0.lock();
        let at = held.iter().position(|passed| passed.serves(asked, name))?;
        let passed = held.swap_remove(at);
        Some((passed.address, passed.sockets))
    }
}

impl Passed {
    fn serves(&self, asked: ListenAddress, name: &str) -> bool {
        // Only one socket of two with the same IPv6 address takes IPv4 as well.
        let dual = self.address.is_ipv6() && matches!(self.asked, ListenAddress::DualStack(_));
        match asked {
            _ if asked.port() == 0 => self.asked == asked && *self.name == *name,
            ListenAddress::Socket(address) => self.address == address && !dual,
            ListenAddress::DualStack(port) => {
                self.address.port() == port && matches!(self.asked, ListenAddress::DualStack(_))
            }
        }
    }
}

impl ProxyServer {
    /// Copies of the descriptors of every listener that serves, for a successor; this server goes on with its own.
    ///
    /// # Errors
    /// When the process may not open more descriptors.
    pub fn share(&self) -> io::Result<Vec<Passed>> {
        let share = |listener: &Arc<crate::listener::Listener>| {
            Ok(Passed {
                name: Arc::clone(&listener.settings().name),
                asked: listener.address,
                address: listener.local,
                sockets: listener.copies()?,
            })
        };
        self.serving().iter().map(share).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a listener that asks for `new` takes what one asked for as `old` and got at `bound`.
    #[track_caller]
    fn check(old: (&str, &str), bound: &str, new: (&str, &str), expect: bool) {
        let passed = Passed {
            name: old.0.into(),
            asked: old.1.parse().unwrap(),
            address: bound.parse().unwrap(),
            sockets: Vec::new(),
        };
        let taken = Inherited::new(vec![passed]).take(new.1.parse().unwrap(), new.0);
        assert_eq!(taken.is_some(), expect, "{new:?} from {old:?} at {bound}");
    }

    #[test]
    fn a_listener_takes_the_sockets_of_its_address() {
        let one = "127.0.0.1:80";
        check(("a", one), one, ("b", one), true);
        check(("a", one), one, ("a", "127.0.0.1:81"), false);
        check(("a", one), one, ("a", ":80"), false);
        check(("a", ":80"), "[::]:80", ("b", ":80"), true);
        check(("a", ":80"), "[::]:80", ("a", "[::]:80"), false);
        check(("a", "[::]:80"), "[::]:80", ("a", ":80"), false);
        check(("a", ":80"), "0.0.0.0:80", ("a", ":80"), true);
        check(("a", ":80"), "0.0.0.0:80", ("a", "0.0.0.0:80"), true);
    }

    #[test]
    fn a_port_that_zero_took_is_found_by_name_or_number() {
        let (free, bound) = ("127.0.0.1:0", "127.0.0.1:40000");
        check(("a", free), bound, ("a", free), true);
        check(("a", free), bound, ("b", free), false);
        check(("a", free), bound, ("b", bound), true);
        check(("a", bound), bound, ("a", free), false);
        check(("a", ":0"), "[::]:40000", ("b", ":40000"), true);
    }
}
