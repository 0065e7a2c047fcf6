//! RFC 3339 times in UTC, of which the part down to the second is kept.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::digits;

/// Formats times; cheap for times within the same second.
#[derive(Default)]
pub(super) struct Rfc3339 {
    second: Option<u64>,
    /// The whole of it, as it was last.
    text: Vec<u8>,
}

impl Rfc3339 {
    /// Appends `time` with milliseconds, e.g. `2026-11-21T04:05:06.789Z`. What is before 1970 counts as 1970.
    pub(super) fn write(&mut self, out: &mut Vec<u8>, time: SystemTime) {
        let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let second = since_epoch.as_secs();
        if self.second != Some(second) {
            let timestamp = i64::try_from(second)
                .ok()
                .and_then(|second| jiff::Timestamp::from_second(second).ok())
                .unwrap_or(jiff::Timestamp::MAX);
            self.text = timestamp.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string().into_bytes();
            self.second = Some(second);
        }
        if let [.., a, b, c, _] = &mut self.text[..] {
            [*a, *b, *c] = digits::padded(since_epoch.subsec_millis());
        }
        out.extend_from_slice(&self.text);
    }
}

/// Appends seconds with six digits after the point, rounded.
pub(super) fn seconds(out: &mut Vec<u8>, time: Duration) {
    let time = time.saturating_add(Duration::from_nanos(500));
    let whole = time.as_secs();
    if whole > 9 {
        digits::number(out, whole / 10);
    }
    let [a, b, c, d, e, f] = digits::padded(time.subsec_micros());
    out.extend_from_slice(&[b'0' + (whole % 10) as u8, b'.', a, b, c, d, e, f]);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_utc_with_milliseconds_across_second_changes() {
        let mut format = Rfc3339::default();
        let mut check = |millis: u64, expect: &str| {
            let mut out = Vec::new();
            format.write(&mut out, UNIX_EPOCH + Duration::from_millis(millis));
            assert_eq!(String::from_utf8(out).unwrap(), expect);
        };
        check(0, "1970-01-01T00:00:00.000Z");
        check(1_000_000_000_123, "2001-09-09T01:46:40.123Z");
        check(1_000_000_000_999, "2001-09-09T01:46:40.999Z");
        check(1_000_000_001_000, "2001-09-09T01:46:41.000Z");
        check(1_000_000_000_001, "2001-09-09T01:46:40.001Z");
        check(951_782_400_000, "2000-02-29T00:00:00.000Z");
    }

    #[test]
    fn times_beyond_the_calendar_do_not_fail() {
        let mut out = Vec::new();
        Rfc3339::default().write(&mut out, UNIX_EPOCH - Duration::from_secs(5));
        Rfc3339::default().write(&mut out, UNIX_EPOCH + Duration::from_secs(1 << 50));
        assert!(out.starts_with(b"1970-01-01T00:00:00.000Z9999-12-"));
    }

    #[test]
    fn seconds_have_six_digits() {
        let check = |nanos: u64, expect: &str| {
            let mut out = Vec::new();
            seconds(&mut out, Duration::from_nanos(nanos));
            assert_eq!(String::from_utf8(out).unwrap(), expect);
        };
        check(0, "0.000000");
        check(499, "0.000000");
        check(500, "0.000001");
        check(1_234_499, "0.001234");
        check(12_500_000_000, "12.500000");
        check(999_999_500, "1.000000");
        let mut out = Vec::new();
        seconds(&mut out, Duration::MAX);
        assert_eq!(String::from_utf8(out).unwrap(), format!("{}.999999", u64::MAX));
    }
}
