//! Numbers and addresses without the machinery of `format!`, which costs more than all the rest of a line.

use std::io::Write;
use std::net::IpAddr;

/// Appends a number.
pub(super) fn number(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends the last `N` digits of a number, zeros in front.
pub(super) fn padded<const N: usize>(out: &mut Vec<u8>, mut value: u32) {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit += (value % 10) as u8;
        value /= 10;
    }
    out.extend_from_slice(&digits);
}

/// Appends an address.
pub(super) fn address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => {
            for (n, octet) in v4.octets().into_iter().enumerate() {
                if n > 0 {
                    out.push(b'.');
                }
                number(out, octet.into());
            }
        }
        // Writing to a vector cannot fail.
        IpAddr::V6(v6) => drop(write!(out, "{v6}")),
    }
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
        check(|out| padded::<3>(out, 7), "007");
        check(|out| padded::<6>(out, 1_234_567), "234567");
        for ip in ["0.0.0.0", "255.10.9.100", "::1", "2001:db8::a:b"] {
            check(|out| address(out, ip.parse().unwrap()), ip);
        }
    }
}
