//! Sets of characters, kept as sets of bytes: of ASCII any, of all others none or every one.

/// Characters other than ASCII begin here.
const ASCII: u32 = 0x80;

/// A set of bytes: a bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Set([u64; 4]);

impl Set {
    /// The characters of these ranges, ends included; `None` if some other than ASCII are in them, but not all.
    pub(crate) fn new(ranges: impl Iterator<Item = (u32, u32)>) -> Option<Self> {
        let mut set = Self::default();
        for (start, end) in ranges {
            for byte in start..=end.min(ASCII - 1) {
                set.insert(byte as u8);
            }
            if end >= ASCII {
                // Ranges of a class never touch, so one that has all is one range.
                if start > ASCII || end < char::MAX.into() {
                    return None;
                }
                set.0[2..].fill(u64::MAX);
            }
        }
        Some(set)
    }

    /// One byte.
    pub(crate) fn of(byte: u8) -> Self {
        let mut set = Self::default();
        set.insert(byte);
        set
    }

    /// Every character but `byte`, which is ASCII.
    pub(crate) fn all_but(byte: u8) -> Self {
        Self(Self::of(byte).0.map(|bits| !bits))
    }

    pub(crate) fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte / 64)] >> (byte % 64) & 1 == 1
    }

    /// Whether there is nothing but ASCII in it.
    pub(crate) fn is_ascii(&self) -> bool {
        self.0[2..] == [0, 0]
    }

    /// Whether some byte is in both.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).any(|(one, other)| one & other != 0)
    }

    /// What is in either.
    pub(crate) fn with(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|place| self.0[place] | other.0[place]))
    }

    fn insert(&mut self, byte: u8) {
        self.0[usize::from(byte / 64)] |= 1 << (byte % 64);
    }
}
