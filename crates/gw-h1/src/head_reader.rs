//! Takes heads off what has been read: their first line, and then their fields, which are read anew only if they differ
//! from those of the head before.

use std::sync::Arc;

use bytes::{Buf, BytesMut};
use http::HeaderMap;
use memchr::memchr;

use crate::head::{Scan, Section};
use crate::head_cache::Member;
use crate::{BufferPool, HeadLimits, Noted, ProtocolError, Underscores};

/// Takes the heads of a connection, one after the other.
#[derive(Debug)]
pub(crate) struct HeadReader {
    pub(crate) limits: HeadLimits,
    underscores: Underscores,
    scan: Scan,
    /// Where the last head is kept, and as whose; none if it is not.
    cache: Option<(Arc<BufferPool>, Member)>,
}

/// A whole head.
pub(crate) struct Head {
    /// All of it, or its first line if the fields are known.
    section: Section,
    known: Option<(HeaderMap, Noted)>,
}

impl Head {
    /// Its first line, and whatever is to be sliced from it.
    pub(crate) fn section(&self) -> &Section {
        &self.section
    }
}

impl HeadReader {
    pub(crate) fn new(limits: HeadLimits, underscores: Underscores) -> Self {
        Self { limits, underscores, scan: Scan::default(), cache: None }
    }

    /// Keeps the last head among those of `pool`.
    pub(crate) fn keep(&mut self, pool: Arc<BufferPool>) {
        let member = pool.heads().join();
        self.cache = Some((pool, member));
    }

    /// Takes the next head off the front of `bytes` once it is whole.
    pub(crate) fn take(&mut self, bytes: &mut BytesMut) -> Result<Option<Head>, ProtocolError> {
        if let Some(head) = self.recall(bytes) {
            return Ok(Some(head));
        }
        let section = self.scan.take(bytes, &self.limits)?;
        Ok(section.map(|section| Head { section, known: None }))
    }

    fn recall(&mut self, bytes: &mut BytesMut) -> Option<Head> {
        let (pool, member) = self.cache.as_mut().filter(|_| self.scan.is_fresh())?;
        let lf = memchr(b'\n', bytes).filter(|lf| bytes[..*lf].ends_with(b"\r"))?;
        let (length, fields, noted) = member.recall(pool.heads(), &bytes[lf + 1..])?;
        if lf + 1 + length > self.limits.bytes {
            return None;
        }
        let section = Section::take(bytes, [lf as u32].into_iter().collect());
        bytes.advance(length);
        Some(Head { section, known: Some((fields, noted)) })
    }

    /// The fields of a head that was taken last.
    pub(crate) fn fields(&mut self, head: Head) -> Result<(HeaderMap, Noted), ProtocolError> {
        if let Some(known) = head.known {
            return Ok(known);
        }
        let (section, underscores) = (&head.section, self.underscores);
        let amended = self.cache.as_mut();
        let amended = amended.and_then(|(pool, member)| member.amend(pool.heads(), section, underscores));
        if let Some(known) = amended {
            return Ok(known);
        }
        let (fields, noted) = section.read(1, self.limits.fields, underscores)?;
        if let Some((pool, member)) = &mut self.cache {
            member.missed(pool.heads(), section, &fields, underscores);
        }
        Ok((fields, noted))
    }
}

impl Drop for HeadReader {
    fn drop(&mut self) {
        if let Some((pool, member)) = &self.cache {
            pool.heads().leave(member);
        }
    }
}
