//! Numbers and addresses without the machinery of `format!`, which costs more than all the rest of a line.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};

/// Appends a number.
pub(super) fn number(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// The last `N` digits of a number, zeros in front.
pub(super) fn padded<const N: usize>(mut value: u32) -> [u8; N] {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit += (value % 10) as u8;
        value /= 10;
    }
    digits
}

/// Appends an address.
pub(super) fn address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => dotted(out, v4),
        // Writing to a vector cannot fail.
        IpAddr::V6(v6) => drop(write!(out, "{v6}")),
    }
}

fn dotted(out: &mut Vec<u8>, v4: Ipv4Addr) {
    let mut text = [0; "255.255.255.255.".len()];
    let mut length = 0;
    for octet in v4.octets() {
        for (unit, shown) in [(100, octet > 99), (10, octet > 9), (1, true)] {
            text[length] = b'0' + octet / unit % 10;
            length += usize::from(shown);
        }
        text[length] = b'.';
        length += 1;
    }
    out.extend_from_slice(&text[..length - 1]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(write: impl FnOnce(&mut Vec<u8>), expect: &str) {
        let mut out = Vec::new();
        write(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expect);
    }

    #[test]
    fn digits_are_those_of_format() {
        check(|out| number(out, u64::MAX), &u64::MAX.to_string());
        assert_eq!((padded(7), padded(1_234_567)), (*b"007", *b"234567"));
        for ip in ["0.0.0.0", "255.10.9.100", "255.255.255.255", "::1", "2001:db8::a:b"] {
            check(|out| address(out, ip.parse().unwrap()), ip);
        }
        for octet in 0..=255 {
            let ip = Ipv4Addr::new(octet, 1, 22, octet);
            check(|out| address(out, ip.into()), &ip.to_string());
        }
    }
}
