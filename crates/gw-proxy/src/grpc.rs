//! gRPC's own ways: its deadline field and its trailers-only answers (gRPC over HTTP/2, "Requests", "Responses").

use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};

const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// The time a call has left, as its client says. `None` without the field; a malformed one counts as none, as
/// servers treat it.
pub(crate) fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(amount * 3600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

/// Tells the upstream how much time is left.
pub(crate) fn set_timeout(headers: &mut HeaderMap, left: Duration) {
    // At most eight digits: the finest unit that fits, rounded down so that the upstream gives up first.
    let units = [(left.as_micros(), 'u'), (left.as_millis(), 'm'), (u128::from(left.as_secs()), 'S')];
    let (amount, unit) =
        units.into_iter().find(|(amount, _)| *amount < 100_000_000).unwrap_or((99_999_999, 'S'));
    if let Ok(value) = HeaderValue::try_from(format!("{amount}{unit}")) {
        headers.insert(TIMEOUT, value);
    }
}

/// Whether a content type is `application/grpc` or one of its kin.
pub(crate) fn is_grpc(content_type: &HeaderValue) -> bool {
    let prefix = content_type.as_bytes().get(..16);
    prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(b"application/grpc"))
}

/// Percent-encodes a message for `grpc-message`.
pub(crate) fn encode_message(message: &str) -> String {
    let mut encoded = String::with_capacity(message.len());
    for byte in message.bytes() {
        if matches!(byte, 0x20..=0x7e) && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(text: &'static str, expected: Option<Duration>) {
        let mut headers = HeaderMap::new();
        headers.insert(TIMEOUT, HeaderValue::from_static(text));
        assert_eq!(timeout(&headers), expected, "{text}");
    }

    #[test]
    fn timeouts_are_read_and_written() {
        reads("1H", Some(Duration::from_secs(3600)));
        reads("100m", Some(Duration::from_millis(100)));
        reads("7u", Some(Duration::from_micros(7)));
        reads("99999999H", Some(Duration::from_secs(99_999_999 * 3600)));
        for bad in ["", "m", "1", "1x", "-1S", "123456789S", "1 S"] {
            reads(bad, None);
        }
        for (left, text) in [
            (Duration::from_millis(1500), "1500000u"),
            (Duration::from_secs(200), "200000m"),
            (Duration::from_secs(200_000), "200000S"),
            (Duration::MAX, "99999999S"),
        ] {
            let mut headers = HeaderMap::new();
            set_timeout(&mut headers, left);
            assert_eq!(headers[TIMEOUT], text);
        }
    }

    #[test]
    fn messages_are_percent_encoded() {
        assert_eq!(encode_message("a b%\n\u{e9}"), "a b%25%0A%C3%A9");
    }
}
