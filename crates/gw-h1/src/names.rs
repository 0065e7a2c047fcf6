//! Names of fields that are often seen, so that most heads are read without making a name.
//!
//! `HeaderName::from_bytes` costs three times as much for a name of the `http` crate, and two allocations more for
//! another one.

use http::header::HeaderName;

/// The places of a table that is found by [`slot`]; names that come to the same stand in the next free ones.
const SLOTS: usize = 256;

/// No name here is longer.
const LONGEST: usize = 32;

macro_rules! names {
    ($($name:literal)*) => {
        const TEXTS: &[&str] = &[$($name),*];
        static NAMES: [HeaderName; TEXTS.len()] = [$(HeaderName::from_static($name)),*];
    };
}

// Those that `Noted` knows come first, in its order.
names! {
    "content-length" "transfer-encoding" "connection" "te" "expect" "date"
    "accept" "accept-charset" "accept-encoding" "accept-language" "accept-ranges"
    "access-control-allow-credentials" "access-control-allow-headers" "access-control-allow-methods"
    "access-control-allow-origin" "access-control-expose-headers" "access-control-max-age"
    "access-control-request-headers" "access-control-request-method" "age" "allow" "alt-svc"
    "authorization" "baggage" "cache-control" "content-disposition" "content-encoding" "content-language"
    "content-location" "content-range" "content-security-policy" "content-type" "cookie" "dnt" "etag"
    "expires" "forwarded" "from" "grpc-accept-encoding" "grpc-encoding" "grpc-message" "grpc-status"
    "grpc-timeout" "host" "if-match" "if-modified-since" "if-none-match" "if-range" "if-unmodified-since"
    "keep-alive" "last-modified" "link" "location" "origin" "pragma" "priority" "proxy-authorization"
    "proxy-connection" "range" "referer" "referrer-policy" "retry-after" "sec-ch-ua" "sec-ch-ua-mobile"
    "sec-ch-ua-platform" "sec-fetch-dest" "sec-fetch-mode" "sec-fetch-site" "sec-fetch-user" "sec-gpc"
    "sec-websocket-accept" "sec-websocket-extensions" "sec-websocket-key" "sec-websocket-protocol"
    "sec-websocket-version" "server" "server-timing" "set-cookie" "strict-transport-security" "trace-id"
    "traceparent" "tracestate" "trailer" "upgrade" "upgrade-insecure-requests" "user-agent" "vary" "via"
    "warning" "www-authenticate" "x-api-key" "x-b3-sampled" "x-b3-spanid" "x-b3-traceid"
    "x-content-type-options" "x-correlation-id" "x-csrf-token" "x-forwarded-for" "x-forwarded-host"
    "x-forwarded-port" "x-forwarded-proto" "x-frame-options" "x-powered-by" "x-real-ip" "x-request-id"
    "x-requested-with" "x-xss-protection"
}

/// Where a name is in `NAMES`, plus one; zero is the end of the search.
static PLACES: [u8; SLOTS] = {
    let mut places = [0; SLOTS];
    let mut at = 0;
    while at < TEXTS.len() {
        let mut place = slot(TEXTS[at].as_bytes());
        while places[place] != 0 {
            place = (place + 1) % SLOTS;
        }
        at += 1;
        places[place] = at as u8;
    }
    places
};

/// A hash of the name in any case; the factors leave few names with a slot that another has.
const fn slot(name: &[u8]) -> usize {
    let length = name.len();
    if length == 0 {
        return 0;
    }
    let [first, middle, last] = [name[0] | 0x20, name[length / 2] | 0x20, name[length - 1] | 0x20];
    (length * 243 + first as usize * 2 + last as usize * 93 + middle as usize * 116) % SLOTS
}

/// A name in lower case, to be compared eight bytes at a time.
struct Pattern {
    length: usize,
    text: [u64; LONGEST / 8],
    /// The bits that count: all, but of a letter not the one of its case.
    care: [u64; LONGEST / 8],
}

static PATTERNS: [Pattern; TEXTS.len()] = {
    let mut patterns =
        [const { Pattern { length: 0, text: [0; LONGEST / 8], care: [0; LONGEST / 8] } }; TEXTS.len()];
    let mut at = 0;
    while at < TEXTS.len() {
        let text = TEXTS[at].as_bytes();
        patterns[at].length = text.len();
        let mut byte = 0;
        while byte < text.len() {
            let (word, shift) = (byte / 8, byte % 8 * 8);
            let care = if text[byte].is_ascii_alphabetic() { 0xdf } else { 0xff };
            patterns[at].text[word] |= (text[byte] as u64) << shift;
            patterns[at].care[word] |= care << shift;
            byte += 1;
        }
        at += 1;
    }
    patterns
};

impl Pattern {
    fn matches(&self, length: usize, words: &[[u8; 8]; LONGEST / 8]) -> bool {
        let other = |word: usize| (u64::from_le_bytes(words[word]) ^ self.text[word]) & self.care[word];
        self.length == length && other(0) | other(1) | other(2) | other(3) == 0
    }
}

/// The first bytes of a line, or of all that stands behind, to be looked at eight at a time.
pub(crate) struct Front([[u8; 8]; LONGEST / 8]);

impl Front {
    pub(crate) fn of(line: &[u8]) -> Self {
        let mut words = [[0; 8]; LONGEST / 8];
        match line.first_chunk::<LONGEST>() {
            Some(first) => words.as_flattened_mut().copy_from_slice(first),
            None => words.as_flattened_mut()[..line.len()].copy_from_slice(line),
        }
        Self(words)
    }

    /// Where the first colon stands, if it is among these bytes.
    pub(crate) fn colon(&self) -> Option<usize> {
        const ONES: u64 = u64::MAX / 255;
        self.0.iter().enumerate().find_map(|(at, word)| {
            // Of the bytes that have become zero, the lowest is the first whose top bit is set here.
            let other = u64::from_le_bytes(*word) ^ (ONES * b':' as u64);
            let colons = other.wrapping_sub(ONES) & !other & (ONES << 7);
            (colons != 0).then(|| at * 8 + colons.trailing_zeros() as usize / 8)
        })
    }

    /// The name of these bytes that `name` has, in whatever case it is written, and its place, if it is among those that
    /// are often seen.
    pub(crate) fn known(&self, name: &[u8]) -> Option<(&'static HeaderName, usize)> {
        let mut place = slot(name);
        loop {
            let at = usize::from(PLACES[place]).checked_sub(1)?;
            if PATTERNS[at].matches(name.len(), &self.0) {
                return Some((NAMES.get(at)?, at));
            }
            place = (place + 1) % SLOTS;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(line: &[u8], length: usize) -> Option<&'static HeaderName> {
        Front::of(line).known(line.get(..length)?).map(|(name, _)| name)
    }

    #[test]
    fn the_first_colon_is_found() {
        for at in 0..40 {
            for around in [b'x', 0, b':' - 1, b':' + 1, 0xff, b':' ^ 0x80] {
                let mut line = [around; 48];
                assert_eq!(Front::of(&line).colon(), None);
                line[at] = b':';
                line[47] = b':';
                let expect = line.iter().position(|byte| *byte == b':').filter(|at| *at < LONGEST);
                assert_eq!(Front::of(&line).colon(), expect);
                assert_eq!(Front::of(&line[..=at]).colon(), expect);
            }
        }
    }

    #[test]
    fn a_name_is_found_in_any_case_and_nothing_else_is() {
        for text in TEXTS {
            let expect = HeaderName::from_static(text);
            for written in [(*text).to_owned(), text.to_ascii_uppercase()] {
                for behind in ["", ": ", ": and a value of a field that is long enough"] {
                    let line = format!("{written}{behind}");
                    let found = |from: usize, length| known(&line.as_bytes()[from..], length);
                    assert_eq!(found(0, text.len()), Some(&expect));
                    assert_ne!(found(1, text.len() - 1), Some(&expect));
                    assert_ne!(found(0, text.len() - 1), Some(&expect));
                    assert_eq!(found(0, text.len() + 1), None);
                }
            }
        }
        // One bit apart from letters, digits and hyphens are others that no name may have.
        for text in TEXTS {
            for (at, byte) in text.bytes().enumerate() {
                let mut other = text.as_bytes().to_vec();
                for bit in 0..8 {
                    other[at] = byte ^ 1 << bit;
                    let same = other.eq_ignore_ascii_case(text.as_bytes());
                    let found = known(&other, other.len()).map(HeaderName::as_str);
                    assert_eq!(found == Some(text), same, "{}", other.escape_ascii());
                }
            }
        }
        for other in ["", ":", "x", "x-a", "transfer_encoding", "content-lengti", &"x".repeat(40)] {
            assert_eq!(known(other.as_bytes(), other.len()), None, "{other}");
        }
        let longest = PLACES.split(|place| *place == 0).map(<[u8]>::len).max();
        assert!(longest < Some(20), "{longest:?}: a search takes long");
    }
}
