//! Where WebSocket frames begin and end in a stream of bytes (RFC 6455 §5.2), so that a frame of ours can be put
//! between two of theirs.
//!
//! Payloads are skipped, never read; nothing is validated beyond what finding the end needs.

/// Follows one direction of a WebSocket connection.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    header: [u8; 14],
    seen: usize,
    payload: u64,
}

impl Frames {
    /// Whether the last byte seen ended a frame, or none was seen.
    pub(crate) fn at_boundary(&self) -> bool {
        self.seen == 0 && self.payload == 0
    }

    /// Takes note of `bytes`.
    pub(crate) fn advance(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = &rest[self.step(rest)..];
        }
    }

    /// How many of `bytes` belong to the frame that is under way; all of them if it does not end in there.
    pub(crate) fn until_boundary(&self, bytes: &[u8]) -> usize {
        let mut ahead = Self { header: self.header, seen: self.seen, payload: self.payload };
        let mut at = 0;
        while at < bytes.len() && !ahead.at_boundary() {
            at += ahead.step(&bytes[at..]);
        }
        at
    }

    /// Consumes at least one byte of a non-empty slice, and at most to the end of the frame.
    fn step(&mut self, bytes: &[u8]) -> usize {
        if self.payload > 0 {
            let taken = usize::try_from(self.payload).map_or(bytes.len(), |left| left.min(bytes.len()));
            self.payload -= taken as u64;
            return taken;
        }
        self.header[self.seen] = bytes[0];
        self.seen += 1;
        if let Some(payload) = self.complete_header() {
            self.payload = payload;
            self.seen = 0;
        }
        1
    }

    /// The payload's length, once the header is there.
    fn complete_header(&self) -> Option<u64> {
        let second = *self.header.get(1).filter(|_| self.seen >= 2)?;
        let extended = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        if self.seen < 2 + extended + mask {
            return None;
        }
        Some(match extended {
            0 => u64::from(second & 0x7f),
            _ => self.header[2..2 + extended].iter().fold(0, |length, byte| (length << 8) | u64::from(*byte)),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(masked: bool, length: usize) -> Vec<u8> {
        let mut frame = vec![0x82];
        let mask = if masked { 0x80 } else { 0 };
        match length {
            0..=125 => frame.push(mask | length as u8),
            126..=65535 => {
                frame.push(mask | 126);
                frame.extend((length as u16).to_be_bytes());
            }
            _ => {
                frame.push(mask | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        if masked {
            frame.extend([1, 2, 3, 4]);
        }
        frame.resize(frame.len() + length, 0xff);
        frame
    }

    proptest! {
        #[test]
        fn boundaries_are_found_however_the_bytes_are_cut(
            lengths in proptest::collection::vec((any::<bool>(), prop_oneof![0..300usize, Just(70_000)]), 1..6),
            cut in 1..200usize,
        ) {
            let mut bytes = Vec::new();
            let mut ends = vec![0];
            for (masked, length) in lengths {
                bytes.extend(frame(masked, length));
                ends.push(bytes.len());
            }
            let mut frames = Frames::default();
            let mut at = 0;
            for chunk in bytes.chunks(cut) {
                let end = ends.iter().copied().find(|end| *end >= at).unwrap_or(0);
                prop_assert_eq!(frames.until_boundary(chunk), (end - at).min(chunk.len()));
                frames.advance(chunk);
                at += chunk.len();
                prop_assert_eq!(frames.at_boundary(), ends.contains(&at));
            }
        }
    }
}
