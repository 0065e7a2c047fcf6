//! What may stand in a Host field or `:authority`: a host and perhaps a port, nothing else.
//!
//! Stricter than RFC 3986: sub-delimiters (`!$&'()*+,;=`) are refused, since no host name has them and parsers
//! differ about them. Userinfo MUST be refused (RFC 9112 §3.2, RFC 9113 §8.3.1).

/// Whether `authority` is `host`, `host:port`, `[v6]` or `[v6]:port` with a non-empty host.
pub(crate) fn is_valid(authority: &[u8]) -> bool {
    let Some((host, port)) = split(authority) else { return false };
    let host = match host {
        [b'[', inner @ .., b']'] => {
            return is_port(port) && std::str::from_utf8(inner).is_ok_and(is_ip_literal);
        }
        name => name,
    };
    !host.is_empty() && is_name(host) && is_port(port)
}

fn split(authority: &[u8]) -> Option<(&[u8], &[u8])> {
    if authority.first() == Some(&b'[') {
        let end = authority.iter().position(|byte| *byte == b']')?;
        return match &authority[end + 1..] {
            [] => Some((authority, b"")),
            [b':', port @ ..] => Some((&authority[..=end], port)),
            _ => None,
        };
    }
    Some(match authority.iter().position(|byte| *byte == b':') {
        Some(colon) => (&authority[..colon], &authority[colon + 1..]),
        None => (authority, b""),
    })
}

fn is_ip_literal(inner: &str) -> bool {
    inner.parse::<std::net::Ipv6Addr>().is_ok()
}

/// The bytes that stand in a name as they are.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        plain[byte] = (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'-' | b'.' | b'_' | b'~');
        byte += 1;
    }
    plain
};

fn is_name(host: &[u8]) -> bool {
    let mut rest = host;
    loop {
        let plain = rest.iter().take_while(|byte| PLAIN[usize::from(**byte)]).count();
        rest = match &rest[plain..] {
            [] => return true,
            [b'%', high, low, rest @ ..] if is_name_byte(*high, *low) => rest,
            _ => return false,
        }
    }
}

/// Whether `%` and these two stand for a byte of a name: of a letter, a digit, `-._~` or of UTF-8. What decodes to a
/// control byte or a delimiter would be one for whoever decodes it.
fn is_name_byte(high: u8, low: u8) -> bool {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let Some(byte) = digit(high).zip(digit(low)).map(|(high, low)| high * 16 + low) else { return false };
    u8::try_from(byte).is_ok_and(|byte| PLAIN[usize::from(byte)] || !byte.is_ascii())
}

/// Digits that fit a port; an empty one means the default (RFC 3986 §3.2.3).
fn is_port(port: &[u8]) -> bool {
    port.len() <= 5
        && port.iter().all(u8::is_ascii_digit)
        && port.iter().fold(0_u32, |value, digit| value * 10 + u32::from(digit - b'0')) <= 65535
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(authority: &str, expect: bool) {
        assert_eq!(is_valid(authority.as_bytes()), expect, "{authority:?}");
    }

    #[test]
    fn authorities() {
        for good in [
            "gw.test",
            "gw.test:80",
            "gw.test:",
            "a_b",
            "127.0.0.1:1",
            "[::1]",
            "[::1]:8080",
            "x%41",
            "%c3%a9",
        ] {
            check(good, true);
        }
        for bad in [
            "",
            ":80",
            "gw.test evil",
            "a@b",
            "a/b",
            "a\\b",
            "a?b",
            "a#b",
            "a,b",
            "a:b",
            "a:80:90",
            "a:65536",
            "a:+1",
            "[::1",
            "[::1]x",
            "[::1]:x",
            "[gw]",
            "a[::1]",
            "%4",
            "%zz",
            "a%00b",
            "a%0d%0ab",
            "a%2fb",
            "a%40b",
            "a%3A80",
            "a\u{e9}",
            "a\tb",
            "a:123456",
        ] {
            check(bad, false);
        }
    }
}
