//! The `Date` of answers (RFC 9110 §6.6.1), formatted once for all of those of a second.

use std::time::SystemTime;

use httpdate::HttpDate;
use parking_lot::Mutex;

/// `date: `, an IMF-fixdate, CRLF.
const LINE: usize = 37;

/// A clock that shows what it was set to. One for each worker, so that its lock is never contended.
#[derive(Debug)]
pub struct Date(Mutex<[u8; LINE]>);

impl Date {
    /// A clock that shows `now`.
    pub fn new(now: SystemTime) -> Self {
        Self(Mutex::new(line(now)))
    }

    /// Sets it; to be done once a second.
    pub fn set(&self, now: SystemTime) {
        *self.0.lock() = line(now);
    }

    /// The field's line.
    pub(super) fn line(&self) -> [u8; LINE] {
        *self.0.lock()
    }
}

fn line(now: SystemTime) -> [u8; LINE] {
    // Within the years 1970 to 9999, beyond which it does not format.
    let year_9999 = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(253_402_300_799);
    let text = HttpDate::from(now.clamp(SystemTime::UNIX_EPOCH, year_9999)).to_string();
    let mut line = *b"date: Thu, 01 Jan 1970 00:00:00 GMT\r\n";
    for (to, from) in line.iter_mut().skip(6).zip(text.bytes().take(29)) {
        *to = from;
    }
    line
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_shows_what_it_was_set_to() {
        let date = Date::new(SystemTime::UNIX_EPOCH);
        assert_eq!(&date.line(), b"date: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
        date.set(SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777));
        assert_eq!(&date.line(), b"date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
        date.set(SystemTime::UNIX_EPOCH - Duration::from_secs(1));
        assert_eq!(&date.line(), b"date: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
        date.set(SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 40));
        assert_eq!(&date.line(), b"date: Fri, 31 Dec 9999 23:59:59 GMT\r\n");
    }
}
