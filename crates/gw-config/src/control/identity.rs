//! The address by which a gateway is known.

use std::net::{IpAddr, Ipv4Addr};

/// The first IPv4 address of a network interface, `eth0`.
///
/// # Errors
/// When the system does not tell its interfaces.
pub(crate) fn first_ipv4(device: &str) -> std::io::Result<Option<Ipv4Addr>> {
    let interfaces = if_addrs::get_if_addrs()?;
    Ok(interfaces.into_iter().filter(|interface| interface.name == device).find_map(|interface| {
        match interface.ip() {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::first_ipv4;

    #[test]
    fn of_the_loopback_and_of_none() {
        assert_eq!(first_ipv4("lo").unwrap(), Some(std::net::Ipv4Addr::LOCALHOST));
        assert_eq!(first_ipv4("no-such-device").unwrap(), None);
    }
}
