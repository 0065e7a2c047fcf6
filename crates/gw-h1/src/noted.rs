//! Which fields a head has of those that say how a message is to be read: what it has not need not be looked for.

use http::header::{CONNECTION, CONTENT_LENGTH, DATE, EXPECT, HeaderMap, HeaderName, TE, TRANSFER_ENCODING};

/// Some of the fields of a head. A lookup of a field that is not there costs as much as one that is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noted(u8);

impl Noted {
    pub(crate) const LENGTH: Self = Self(1);
    pub(crate) const CODING: Self = Self(1 << 1);
    pub(crate) const CONNECTION: Self = Self(1 << 2);
    pub(crate) const TE: Self = Self(1 << 3);
    pub(crate) const EXPECT: Self = Self(1 << 4);
    pub(crate) const DATE: Self = Self(1 << 5);
    pub(crate) const NONE: Self = Self(0);

    /// What these fields have, in one pass over their names.
    pub fn of(fields: &HeaderMap) -> Self {
        let mut noted = Self::NONE;
        fields.keys().for_each(|name| noted.note(name));
        noted
    }

    /// Adds a field, for those who look at each for reasons of their own.
    pub fn note(&mut self, name: &HeaderName) {
        self.0 |= match name {
            name if name == CONTENT_LENGTH => Self::LENGTH.0,
            name if name == TRANSFER_ENCODING => Self::CODING.0,
            name if name == CONNECTION => Self::CONNECTION.0,
            name if name == TE => Self::TE.0,
            name if name == EXPECT => Self::EXPECT.0,
            name if name == DATE => Self::DATE.0,
            _ => 0,
        };
    }

    /// Adds the name that has this place among the known ones.
    pub(crate) fn add(&mut self, place: usize) {
        if place < 6 {
            self.0 |= 1 << place;
        }
    }

    pub(crate) fn has(self, field: Self) -> bool {
        self.0 & field.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Front;

    #[test]
    fn a_head_as_read_and_its_fields_have_the_same() {
        for name in ["Content-Length", "Transfer-Encoding", "Connection", "TE", "Expect", "Date", "Accept"] {
            let name = name.as_bytes();
            let mut read = Noted::NONE;
            read.add(Front::of(name).known(name).unwrap().1);
            let mut fields = HeaderMap::new();
            fields.insert(HeaderName::from_bytes(name).unwrap(), "x".parse().unwrap());
            assert_eq!(read, Noted::of(&fields), "{}", name.escape_ascii());
            assert_eq!(read == Noted::NONE, name == b"Accept");
        }
    }
}
