//! What is a host name.

/// Whether this is a host name, with or without the dot at its end: labels of letters, digits, `-` and `_`, none that
/// begins or ends with `-`. The last is no number, since that would be an address (RFC 1123 §2.1).
pub(crate) fn is_host_name(text: &str) -> bool {
    let mut labels = without_dot(text).split('.');
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let fits = |label: &str| {
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(known)
    };
    let last = labels.clone().next_back().unwrap_or_default();
    labels.all(fits) && !last.bytes().all(|byte| byte.is_ascii_digit())
}

/// The name without the dot that says where it ends.
pub(crate) fn without_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_others() {
        for name in ["a", "a.test", "A-1.test.", "my_proxy", "1.a", "xn--bcher-kva.example"] {
            assert!(is_host_name(name), "{name}");
        }
        for other in
            ["", ".", "...", "a..b", ".a", "-x", "x-", "a b", "a/b", "[::1", "10.0.0.256", "*", "\u{fc}"]
        {
            assert!(!is_host_name(other), "{other}");
        }
    }
}
