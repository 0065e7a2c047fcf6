//! From which end a text is read: paths from the left; hosts from the right, since names differ there last.

use crate::equal::equal;

/// An end to read from. What is given and taken stands in the order of the text, whatever the direction.
pub(crate) trait Direction {
    /// The bytes in the order of reading.
    fn bytes(text: &[u8]) -> impl Iterator<Item = u8>;
    /// The first `length` bytes that are read, and what is behind them.
    fn split(text: &[u8], length: usize) -> (&[u8], &[u8]);

    /// What is behind `label`, if `text` begins with it.
    #[inline]
    fn strip<'a>(text: &'a [u8], label: &[u8]) -> Option<&'a [u8]> {
        if label.len() > text.len() {
            return None;
        }
        let (start, behind) = Self::split(text, label.len());
        equal(start, label).then_some(behind)
    }
}

/// From the left.
#[derive(Debug)]
pub(crate) struct Forward;

/// From the right.
#[derive(Debug)]
pub(crate) struct Backward;

impl Direction for Forward {
    #[inline]
    fn bytes(text: &[u8]) -> impl Iterator<Item = u8> {
        text.iter().copied()
    }

    #[inline]
    fn split(text: &[u8], length: usize) -> (&[u8], &[u8]) {
        text.split_at(length)
    }
}

impl Direction for Backward {
    #[inline]
    fn bytes(text: &[u8]) -> impl Iterator<Item = u8> {
        text.iter().rev().copied()
    }

    #[inline]
    fn split(text: &[u8], length: usize) -> (&[u8], &[u8]) {
        let (behind, read) = text.split_at(text.len() - length);
        (read, behind)
    }
}
