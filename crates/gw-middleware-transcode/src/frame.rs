//! A message and the five bytes before it: whether it is compressed, and its length (gRPC over HTTP/2, "Length-Prefixed-Message").

use bytes::{Buf as _, Bytes, BytesMut};

/// Bytes before a message.
pub(crate) const PREFIX: usize = 5;

/// Why the body of an answer is not one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("the upstream sent no message")]
    Missing,
    #[error("the upstream's answer ends within a message")]
    Short,
    #[error("the upstream sent more than one message: a streaming method cannot be called like this")]
    Several,
    #[error("the upstream's message is compressed, which was not asked for")]
    Compressed,
    #[error("the upstream's message has a flag that is not known")]
    Flag,
    #[error("the upstream's message is larger than the transcoder takes")]
    TooLarge,
}

/// Writes the prefix of the message that follows it in `framed`, which has less than 4 GiB.
pub(crate) fn seal(framed: &mut BytesMut) {
    let length = u32::try_from(framed.len().saturating_sub(PREFIX)).unwrap_or(u32::MAX).to_be_bytes();
    for (to, from) in framed.iter_mut().zip([0].into_iter().chain(length)) {
        *to = from;
    }
}

/// Takes one message out of a body as it comes. It says no as soon as it can: a stream of messages may have no end.
#[derive(Debug)]
pub(crate) struct Unary {
    bytes: BytesMut,
    max_bytes: usize,
}

impl Unary {
    /// For a message of at most `max_bytes`.
    pub(crate) fn new(max_bytes: u32) -> Self {
        Self { bytes: BytesMut::new(), max_bytes: max_bytes as usize }
    }

    /// Takes what came next.
    ///
    /// # Errors
    /// When it cannot become one message any more.
    pub(crate) fn push(&mut self, data: &[u8]) -> Result<(), Malformed> {
        self.bytes.extend_from_slice(data);
        match self.length()? {
            Some(length) if self.bytes.len() > PREFIX + length => Err(Malformed::Several),
            _ => Ok(()),
        }
    }

    /// The message, at the end of the body.
    ///
    /// # Errors
    /// When there is none, or only some of it.
    pub(crate) fn finish(mut self) -> Result<Bytes, Malformed> {
        match self.length()? {
            None if self.bytes.is_empty() => Err(Malformed::Missing),
            Some(length) if self.bytes.len() == PREFIX + length => {
                self.bytes.advance(PREFIX);
                Ok(self.bytes.freeze())
            }
            _ => Err(Malformed::Short),
        }
    }

    /// The length that the prefix announces, once it is there.
    fn length(&self) -> Result<Option<usize>, Malformed> {
        match self.bytes.first() {
            None | Some(0) => {}
            Some(1) => return Err(Malformed::Compressed),
            Some(_) => return Err(Malformed::Flag),
        }
        let Some(prefix) = self.bytes.first_chunk::<PREFIX>() else { return Ok(None) };
        let [_, a, b, c, d] = *prefix;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if length > self.max_bytes { Err(Malformed::TooLarge) } else { Ok(Some(length)) }
    }
}

#[cfg(test)]
mod tests;
