//! The fields of a protobuf message, without knowing what they mean (Protocol Buffers, "Encoding").

/// The bytes are no protobuf message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Garbled;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held<'a> {
    /// A text, bytes or a message.
    Bytes(&'a [u8]),
    /// A number, which nobody here asks for.
    Number,
}

/// The fields of a message by number, in its order; ends after the first error.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// The fields of `message`.
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Self(message)
    }

    fn field(&mut self) -> Result<(u64, Held<'a>), Garbled> {
        let tag = self.varint()?;
        let held = match tag & 7 {
            0 => self.varint().map(|_| Held::Number),
            1 => self.take(8).map(|_| Held::Number),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Garbled)?;
                self.take(length).map(Held::Bytes)
            }
            5 => self.take(4).map(|_| Held::Number),
            // Groups ended with proto2, and the rest is not assigned.
            _ => Err(Garbled),
        };
        held.map(|held| (tag >> 3, held))
    }

    fn varint(&mut self) -> Result<u64, Garbled> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first().ok_or(Garbled)?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Garbled)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Garbled> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Garbled)?;
        self.0 = rest;
        Ok(taken)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Held<'a>), Garbled>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests;
