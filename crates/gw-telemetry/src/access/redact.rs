//! Queries without their secrets.
//!
//! Invariant: a value is shown only if its key does not sound like a secret. Keys are judged as a server would read
//! them, percent-decoded and in any case; a key too long to judge counts as secret.

use super::escape::escaped;

/// What stands for a secret.
const REDACTED: &[u8] = b"REDACTED";
/// The longest key that is judged, in bytes.
const MAX_KEY: usize = 64;
/// The longest lone word (`?word`) that is shown: beyond that it may be a credential itself.
const MAX_WORD: usize = 32;

/// Secret wherever they occur in a key, written together.
const PARTS: [&str; 12] = [
    "token",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "signature",
    "credential",
    "apikey",
    "accesskey",
    "privatekey",
    "auth",
    "session",
];
/// Secret only as a word of their own: `key` is one in `api_key` and `apiKey`, not in `monkey`.
const WORDS: [&str; 8] = ["key", "sig", "pwd", "pass", "pin", "otp", "jwt", "sid"];
/// Secret only as the whole key: the authorization code of OAuth 2.0 (RFC 6749 §4.1.2).
const WHOLE: &str = "code";

/// Appends `query`, escaped for JSON, with secret values replaced.
pub(super) fn query(out: &mut Vec<u8>, query: &str) {
    // `?` separates too: the query of an address that was passed unencoded as a value has secrets of its own.
    for pair in query.split_inclusive(['&', ';', '?']) {
        let (pair, separator) = match pair.char_indices().next_back() {
            Some((at, '&' | ';' | '?')) => pair.split_at(at),
            _ => (pair, ""),
        };
        match pair.split_once('=') {
            Some((key, "")) => {
                escaped(out, key.as_bytes());
                out.push(b'=');
            }
            Some((key, value)) => {
                escaped(out, key.as_bytes());
                out.push(b'=');
                if is_secret(key) { out.extend_from_slice(REDACTED) } else { escaped(out, value.as_bytes()) }
            }
            None if pair.len() > MAX_WORD => out.extend_from_slice(REDACTED),
            None => escaped(out, pair.as_bytes()),
        }
        out.extend_from_slice(separator.as_bytes());
    }
}

fn is_secret(key: &str) -> bool {
    let mut buffer = [0; MAX_KEY];
    let Some(length) = decode(key, &mut buffer) else { return true };
    let key = &buffer[..length];
    let mut joined = [0; MAX_KEY];
    let mut joined_length = 0;
    for byte in key.iter().filter(|byte| byte.is_ascii_alphanumeric()) {
        joined[joined_length] = byte.to_ascii_lowercase();
        joined_length += 1;
    }
    let joined = &joined[..joined_length];
    joined == WHOLE.as_bytes()
        || PARTS.iter().any(|part| joined.windows(part.len()).any(|window| window == part.as_bytes()))
        || words(key).any(|word| WORDS.iter().any(|secret| word.eq_ignore_ascii_case(secret.as_bytes())))
}

/// The words of a key: `api_key`, `api-key`, `apiKey` and `api[key]` have two each.
fn words(key: &[u8]) -> impl Iterator<Item = &[u8]> {
    key.split(|byte| !byte.is_ascii_alphabetic())
        .flat_map(|run| run.chunk_by(|a, b| !(a.is_ascii_lowercase() && b.is_ascii_uppercase())))
}

/// Percent-decodes `key`; `None` if it does not fit.
fn decode(key: &str, buffer: &mut [u8; MAX_KEY]) -> Option<usize> {
    let mut rest = key.as_bytes();
    let mut length = 0;
    while let Some((&first, tail)) = rest.split_first() {
        let (byte, tail) = match (first, tail) {
            (b'%', [high, low, tail @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, tail),
                _ => (first, rest.get(1..).unwrap_or_default()),
            },
            _ => (first, tail),
        };
        *buffer.get_mut(length)? = byte;
        length += 1;
        rest = tail;
    }
    Some(length)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expect: &str) {
        let mut out = Vec::new();
        query(&mut out, input);
        assert_eq!(String::from_utf8(out).unwrap(), expect);
    }

    #[test]
    fn harmless_values_are_shown() {
        check("", "");
        check("a=1&b=2", "a=1&b=2");
        check("page=2;sort=name", "page=2;sort=name");
        check(
            "keyword=tea&monkey=1&design=x&passenger=7&country_code=de",
            "keyword=tea&monkey=1&design=x&passenger=7&country_code=de",
        );
        check("flag&a=&&=x", "flag&a=&&=x");
        check("a=b=c", "a=b=c");
    }

    #[test]
    fn secrets_are_not() {
        for key in [
            "token",
            "access_token",
            "accessToken",
            "TOKEN",
            "api_key",
            "apiKey",
            "apikey",
            "X-Api-Key",
            "key",
            "password",
            "user[password]",
            "pwd",
            "client_secret",
            "sig",
            "X-Amz-Signature",
            "AWSAccessKeyId",
            "code",
            "auth",
            "Authorization",
            "sessionid",
            "PHPSESSID_session",
            "jwt",
            "sid",
            "credentials",
            "%74oken",
            "to%6Ben",
            "api%5Fkey",
            "sv.sig",
        ] {
            check(&format!("a=1&{key}=hunter2&b=2"), &format!("a=1&{key}=REDACTED&b=2"));
        }
    }

    #[test]
    fn what_cannot_be_judged_is_hidden() {
        let long = "x".repeat(65);
        check(&format!("{long}=1"), &format!("{long}=REDACTED"));
        check("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", "REDACTED");
        check("next=https://x/?token=abc&a=1", "next=https://x/?token=REDACTED&a=1");
        check("%zz%=1&%&token%=1", "%zz%=1&%&token%=REDACTED");
    }

    #[test]
    fn a_query_cannot_leave_its_field() {
        check("a=\"\n\u{1b}", r#"a=\"\n\u001b"#);
    }
}
