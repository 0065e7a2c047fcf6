//! What the heads of requests and responses have in common: where they end, and their fields.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use memchr::memchr_iter;
use smallvec::SmallVec;

use crate::ProtocolError;
use crate::names::Front;
use crate::noted::Noted;

const NAME: ProtocolError = ProtocolError::Malformed("a field name that is no token");
const VALUE: ProtocolError = ProtocolError::Malformed("a field value with a control byte");

/// So many fields can be added without moving all: a gateway adds what it says of itself.
const ROOM: usize = 6;

/// What a head may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of the head, its blank line included.
    pub bytes: usize,
    /// Bytes of a request's target. More than 65,534 are always too many.
    pub target_bytes: usize,
    /// Fields, those included that are dropped.
    pub fields: usize,
}

/// What becomes of fields whose name has an underscore: some upstreams take it for a hyphen, so that
/// `Transfer_Encoding` frames their messages and `X_Forwarded_For` names their client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Underscores {
    /// They pass.
    Keep,
    /// They are left out.
    Drop,
}

/// Where the lines of a section end: the places of their LF.
pub(crate) type Ends = SmallVec<[u32; 32]>;

/// Looks for the blank line that ends a head or a trailer section, at every byte once.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    seen: usize,
}

impl Scan {
    /// The ends of the lines of the section at the front of `bytes`, the last of them the blank one; none if that has not
    /// come. `bytes` are those of the last call and what has come since.
    pub(crate) fn find(&mut self, bytes: &[u8]) -> Result<Option<Ends>, ProtocolError> {
        let (mut ends, from) = (Ends::new(), self.seen);
        for lf in memchr_iter(b'\n', bytes.get(from..).unwrap_or_default()) {
            let line = &bytes[..from + lf];
            ends.push((from + lf) as u32);
            match line {
                // What came in pieces is gone over once more, now that it is whole.
                [.., b'\n', b'\r'] | [b'\r'] if std::mem::take(&mut self.seen) > 0 => {
                    return self.find(bytes);
                }
                [.., b'\n', b'\r'] | [b'\r'] => return Ok(Some(ends)),
                [.., b'\r'] => {}
                _ => return Err(ProtocolError::Malformed("a bare LF")),
            }
        }
        self.seen = bytes.len();
        Ok(None)
    }

    /// Whether nothing of the section has been looked at yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.seen == 0
    }

    /// Takes the head off the front of `bytes` once it is whole.
    pub(crate) fn take(
        &mut self,
        bytes: &mut BytesMut,
        limits: &HeadLimits,
    ) -> Result<Option<Section>, ProtocolError> {
        let within = bytes.len().min(limits.bytes);
        if let Some(ends) = self.find(&bytes[..within])? {
            return Ok(Some(Section::take(bytes, ends)));
        }
        if bytes.len() < limits.bytes {
            return Ok(None);
        }
        // Not even the first line ends within the limit: it is the target that is too long.
        let lines = bytes[..within].contains(&b'\n');
        Err(if lines { ProtocolError::HeadTooLarge } else { ProtocolError::TargetTooLong })
    }
}

/// A whole head or trailer section, and where its lines end.
#[derive(Debug)]
pub(crate) struct Section {
    bytes: Bytes,
    ends: Ends,
}

impl Section {
    /// Takes the section with these lines off the front of `bytes`.
    pub(crate) fn take(bytes: &mut BytesMut, ends: Ends) -> Self {
        let length = ends.last().map_or(0, |last| *last as usize + 1);
        Self { bytes: bytes.split_to(length).freeze(), ends }
    }

    /// All lines but the first, in memory of their own.
    pub(crate) fn copy_of_fields(&self) -> Self {
        let from = self.ends.first().map_or(0, |lf| lf + 1);
        let ends = self.ends.iter().skip(1).map(|lf| lf - from).collect();
        Self { bytes: Bytes::copy_from_slice(&self.bytes[from as usize..]), ends }
    }

    /// All of it, as it came.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many lines there are before the blank one.
    pub(crate) fn count(&self) -> usize {
        self.ends.len() - 1
    }

    /// A line, without CR and LF.
    pub(crate) fn line(&self, at: usize) -> &[u8] {
        &self.bytes[self.range(at)]
    }

    fn range(&self, at: usize) -> Range<usize> {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before] as usize + 1);
        start..self.ends[at] as usize - 1
    }

    /// A part of it, such as a word of its first line, without a copy.
    pub(crate) fn slice(&self, part: &[u8]) -> Bytes {
        self.bytes.slice_ref(part)
    }

    /// The fields of the lines from one on; `most` counts those that are dropped too.
    pub(crate) fn read(
        &self,
        from: usize,
        most: usize,
        underscores: Underscores,
    ) -> Result<(HeaderMap, Noted), ProtocolError> {
        let lines = from..self.count();
        if lines.len() > most {
            return Err(ProtocolError::TooManyFields);
        }
        let fields = HeaderMap::try_with_capacity(lines.len() + ROOM);
        let mut fields = fields.map_err(|_| ProtocolError::TooManyFields)?;
        let mut noted = Noted::NONE;
        for at in lines {
            if let Some((name, value)) = self.field(at, underscores, &mut noted)? {
                fields.try_append(name, value).map_err(|_| ProtocolError::TooManyFields)?;
            }
        }
        Ok((fields, noted))
    }

    /// The field of a line, its value as a slice; none if it is to be dropped.
    pub(crate) fn field(
        &self,
        at: usize,
        underscores: Underscores,
        noted: &mut Noted,
    ) -> Result<Option<(HeaderName, HeaderValue)>, ProtocolError> {
        field(&self.bytes, self.range(at), underscores, noted)
    }
}

/// The field of a line of `section`, its value as a slice of that; none if it is to be dropped.
fn field(
    section: &Bytes,
    Range { start, end }: Range<usize>,
    underscores: Underscores,
    noted: &mut Noted,
) -> Result<Option<(HeaderName, HeaderValue)>, ProtocolError> {
    let (line, front) = (&section[start..end], Front::of(&section[start..]));
    let colon = front.colon().or_else(|| line.iter().position(|byte| *byte == b':'));
    let (name, value) = colon.and_then(|at| line.split_at_checked(at)).ok_or(NAME)?;
    let (name, dropped) = match front.known(name) {
        Some((name, place)) => {
            noted.add(place);
            (name.clone(), false)
        }
        // White space is no part of a token: neither before the colon nor at the line's beginning, which would make it a
        // part of the line before (RFC 9112 §5.1, §5.2).
        None => (
            HeaderName::from_bytes(name).map_err(|_| NAME)?,
            underscores == Underscores::Drop && name.contains(&b'_'),
        ),
    };
    let mut value = value.get(1..).ok_or(NAME)?;
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    let from = end - value.len();
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    let value = HeaderValue::from_maybe_shared(section.slice(from..from + value.len())).map_err(|_| VALUE)?;
    Ok((!dropped).then_some((name, value)))
}
