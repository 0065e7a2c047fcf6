//! RFC 3339 times in UTC, of which the part down to the second is kept.

use std::time::{SystemTime, UNIX_EPOCH};

use super::digits;

/// Formats times; cheap for times within the same second.
#[derive(Default)]
pub(super) struct Rfc3339 {
    second: Option<u64>,
    text: String,
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
            self.text = timestamp.strftime("%Y-%m-%dT%H:%M:%S").to_string();
            self.second = Some(second);
        }
        out.extend_from_slice(self.text.as_bytes());
        out.push(b'.');
        digits::padded::<3>(out, since_epoch.subsec_millis());
        out.push(b'Z');
    }
}

/// Appends seconds with six digits after the point; what is no duration counts as 0.
pub(super) fn seconds(out: &mut Vec<u8>, seconds: f64) {
    let micros = (seconds.max(0.0) * 1e6).round() as u64;
    digits::number(out, micros / 1_000_000);
    out.push(b'.');
    digits::padded::<6>(out, (micros % 1_000_000) as u32);
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
        let check = |value: f64, expect: &str| {
            let mut out = Vec::new();
            seconds(&mut out, value);
            assert_eq!(String::from_utf8(out).unwrap(), expect);
        };
        check(0.0, "0.000000");
        check(0.001_234_4, "0.001234");
        check(12.5, "12.500000");
        check(-1.0, "0.000000");
        check(f64::NAN, "0.000000");
    }
}
