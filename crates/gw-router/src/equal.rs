//! Comparing short texts: what an index's labels and a pattern's literals are. A call of `memcmp` costs three times as
//! much, and with a dangling pointer, as that of an empty `String` is, its masked loads take some 300 ns on CPUs with
//! AVX-512: the most of a lookup.

/// Whether two texts are the same.
#[inline]
pub(crate) fn equal(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len()
        && match one.len() {
            17.. => one == other,
            8.. => ends_equal::<8>(one, other),
            4.. => ends_equal::<4>(one, other),
            2.. => ends_equal::<2>(one, other),
            _ => one.first() == other.first(),
        }
}

/// What is behind `prefix`, if `text` begins with it.
#[inline]
pub(crate) fn without_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    equal(start.as_bytes(), prefix.as_bytes()).then_some(rest)
}

/// Whether the first `N` bytes are the same, and the last: together that is all of up to `2 * N`.
fn ends_equal<const N: usize>(one: &[u8], other: &[u8]) -> bool {
    one.first_chunk::<N>() == other.first_chunk() && one.last_chunk::<N>() == other.last_chunk()
}

#[cfg(test)]
mod tests {
    use super::{equal, without_prefix};

    #[test]
    fn every_byte_counts_at_every_length() {
        for length in 0..40 {
            let text: Vec<u8> = (0..length).collect();
            assert!(equal(&text, &text.clone()));
            assert!(!equal(&text, &[&text, &[0][..]].concat()));
            for place in 0..text.len() {
                let mut other = text.clone();
                other[place] ^= 1;
                assert!(!equal(&text, &other), "{place} of {length}");
            }
        }
    }

    #[test]
    fn a_prefix_ends_between_characters() {
        assert_eq!(without_prefix("/é/x", "/é"), Some("/x"));
        assert_eq!(without_prefix("/x", ""), Some("/x"));
        for other in ["/é/", "/e", "/aé"] {
            assert_eq!(without_prefix("/é", other), None);
        }
    }
}
