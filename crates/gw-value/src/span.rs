//! Where something stands in a document. It does not know which document.

/// Bytes `start..end` of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The first byte, counted from 0.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// No place: a default, or a value that no document holds. It sorts behind every place.
    pub const NONE: Self = Self { start: usize::MAX, end: usize::MAX };

    /// The bytes `start..end`.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// Whether this is no place.
    pub const fn is_none(self) -> bool {
        self.start == usize::MAX
    }

    /// Whether `other` is this place or inside it. No place is inside another.
    pub const fn contains(self, other: Self) -> bool {
        !other.is_none() && self.start <= other.start && other.end <= self.end
    }
}

impl Default for Span {
    /// No place.
    fn default() -> Self {
        Self::NONE
    }
}

impl From<std::ops::Range<usize>> for Span {
    fn from(range: std::ops::Range<usize>) -> Self {
        Self::new(range.start, range.end)
    }
}
