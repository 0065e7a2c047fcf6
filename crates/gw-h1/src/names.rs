//! Names of fields that are often seen, so that most heads are read without making a name.
//!
//! `HeaderName::from_bytes` costs three times as much for a name of the `http` crate, and two allocations more for
//! another one.

use http::header::HeaderName;

/// The names by what [`slot`] makes of them; the next free one for those that come to the same.
const SLOTS: usize = 256;

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
const PLACES: [u8; SLOTS] = {
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

/// The name, in whatever case it is written, and its place, if it is among those that are often seen.
pub(crate) fn known(name: &[u8]) -> Option<(&'static HeaderName, usize)> {
    let mut place = slot(name);
    loop {
        let at = usize::from(PLACES[place]).checked_sub(1)?;
        if TEXTS[at].as_bytes().eq_ignore_ascii_case(name) {
            return Some((NAMES.get(at)?, at));
        }
        place = (place + 1) % SLOTS;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_any_case_and_nothing_else_is() {
        for text in TEXTS {
            let expect = HeaderName::from_static(text);
            for written in [(*text).to_owned(), text.to_ascii_uppercase()] {
                assert_eq!(known(written.as_bytes()).map(|(name, _)| name), Some(&expect));
                assert_eq!(known(&written.as_bytes()[1..]), None);
                assert_eq!(known(format!("{written} ").as_bytes()), None);
            }
        }
        for other in ["", ":", "x", "x-a", "transfer_encoding", "content-lengti"] {
            assert_eq!(known(other.as_bytes()), None, "{other}");
        }
        let longest = PLACES.split(|place| *place == 0).map(<[u8]>::len).max();
        assert!(longest < Some(20), "{longest:?}: a search takes long");
    }
}
