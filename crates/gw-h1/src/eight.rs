//! Bytes searched eight at a time: heads are too short for what vectors cost to begin, at each line and each name.

const ONES: u64 = u64::MAX / 255;
const LOW: u64 = ONES * 0x7f;

/// The places of `byte` in eight bytes, as the top bits of theirs.
pub(crate) const fn places(word: [u8; 8], byte: u8) -> u64 {
    let other = u64::from_le_bytes(word) ^ (ONES * byte as u64);
    // No carry leaves a byte, so that each is told by itself.
    !(((other & LOW) + LOW) | other | LOW)
}

/// The first of these places.
pub(crate) const fn first(places: u64) -> usize {
    places.trailing_zeros() as usize / 8
}

/// Where a byte stands.
pub(crate) struct Places<'b> {
    bytes: &'b [u8],
    byte: u8,
    /// Where the eight bytes at hand begin, and the places in them that are left.
    at: usize,
    left: u64,
    next: usize,
}

impl<'b> Places<'b> {
    pub(crate) fn of(byte: u8, bytes: &'b [u8]) -> Self {
        Self { bytes, byte, at: 0, left: 0, next: 0 }
    }
}

impl Iterator for Places<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        while self.left == 0 {
            let rest = self.bytes.get(self.next..).filter(|rest| !rest.is_empty())?;
            let word = rest.first_chunk().copied().unwrap_or_else(|| {
                // Any other byte fills up the last ones.
                let mut word = [!self.byte; 8];
                word[..rest.len()].copy_from_slice(rest);
                word
            });
            (self.at, self.left) = (self.next, places(word, self.byte));
            self.next += word.len();
        }
        let place = self.at + first(self.left);
        self.left &= self.left - 1;
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_found_and_no_other() {
        let mut bytes = Vec::new();
        // All pairs of bytes, at all places of a word.
        for pair in 0..=u16::MAX {
            bytes.extend(pair.to_le_bytes());
            bytes.extend(std::iter::repeat_n(0, usize::from(pair % 3)));
        }
        for byte in [0, b'\n', b':', 0x7f, 0x80, 0x8a, 0xff] {
            for end in [0, 1, 7, 8, 9, bytes.len()] {
                let expect = bytes[..end].iter().enumerate().filter(|(_, other)| **other == byte);
                assert!(Places::of(byte, &bytes[..end]).eq(expect.map(|(at, _)| at)), "{byte} up to {end}");
            }
        }
    }
}
