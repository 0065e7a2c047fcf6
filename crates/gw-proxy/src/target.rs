//! The path policy: a target that two parsers may read differently is refused, or matched and forwarded as it is.
//!
//! Nothing is ever cleaned: what is matched is what is forwarded.

use gw_config::v1::PathPolicy;
use gw_core::{Error, Outcome, Result};

/// Checks a raw path, the query apart.
///
/// # Errors
/// `client_malformed` with what is wrong.
pub(crate) fn check(path: &str, policy: PathPolicy) -> Result<()> {
    // The plain case, without a second look: no escape, no dot, no oddity.
    if !path.bytes().any(is_suspect) && !path.contains("//") {
        return Ok(());
    }
    let refuse = |what: &'static str| Err(Error::unsent(Outcome::ClientMalformed).with_detail(what));
    if has_control_bytes(path) {
        return refuse("the path contains control bytes");
    }
    if policy != PathPolicy::Keep && path.split(['/', '\\']).any(is_dot_segment) {
        return refuse("the path contains dot segments");
    }
    if policy == PathPolicy::Strict && is_ambiguous(path) {
        return refuse("the path contains `//`, `\\`, `%2F` or `%5C`");
    }
    Ok(())
}

fn is_suspect(byte: u8) -> bool {
    matches!(byte, b'%' | b'.' | b'\\' | 0..0x20 | 0x7f)
}

fn has_control_bytes(path: &str) -> bool {
    path.bytes().any(|byte| byte.is_ascii_control()) || escapes(path).any(|byte| byte < 0x20 || byte == 0x7f)
}

fn is_ambiguous(path: &str) -> bool {
    path.contains("//") || path.contains('\\') || escapes(path).any(|byte| matches!(byte, b'/' | b'\\'))
}

/// `.` or `..`, each dot plain or escaped. An escaped slash separates segments for the origins that decode it, and what
/// follows a semicolon is none of the segment for those that know parameters there (RFC 3986 §3.3).
fn is_dot_segment(segment: &str) -> bool {
    let lower = segment.to_ascii_lowercase().replace("%2f", "/").replace("%5c", "/").replace("%2e", ".");
    lower.split('/').any(|part| matches!(part.split(';').next(), Some("." | "..")))
}

/// The bytes that stand escaped in `path`.
fn escapes(path: &str) -> impl Iterator<Item = u8> {
    path.as_bytes().windows(3).filter(|window| window[0] == b'%').filter_map(|window| {
        let high = char::from(window[1]).to_digit(16)?;
        let low = char::from(window[2]).to_digit(16)?;
        u8::try_from(high * 16 + low).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use PathPolicy::{Default, Keep, Strict};

    #[track_caller]
    fn check_all(path: &str, default: bool, strict: bool, keep: bool) {
        for (policy, taken) in [(Default, default), (Strict, strict), (Keep, keep)] {
            assert_eq!(check(path, policy).is_ok(), taken, "{path:?} under {policy:?}");
        }
    }

    #[test]
    fn each_policy_refuses_what_it_says() {
        check_all("/", true, true, true);
        check_all("/a.b/..c/...", true, true, true);
        check_all("/a%20b", true, true, true);
        check_all("/a%", true, true, true);
        check_all("/a/../b", false, false, true);
        check_all("/a/.", false, false, true);
        check_all("/a/%2e%2E/b", false, false, true);
        check_all("/a%2f..%2Fb", false, false, true);
        check_all("/a\\..\\b", false, false, true);
        check_all("/a/..;/b", false, false, true);
        check_all("/a/%2e.;x=y/b", false, false, true);
        check_all("/a;../..b;/c.;", true, true, true);
        check_all("//a", true, false, true);
        check_all("/a%2Fb", true, false, true);
        check_all("/a\\b", true, false, true);
        check_all("/a%00", false, false, false);
        check_all("/a%0d%0ab", false, false, false);
        check_all("/a\u{1}", false, false, false);
    }
}
