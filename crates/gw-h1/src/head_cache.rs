//! The last head of each of a worker's connections: a client repeats most of its fields with every request, an
//! upstream with every answer, and what is byte for byte the same need not be read again.
//!
//! A head is compared with one of the same connection only, so that nobody learns what another connection sent. What is
//! found is what reading would have yielded, since the same bytes mean the same.
//!
//! Memory is bounded for a worker, not for a connection, and a connection that served a single request holds none. What is
//! kept, credentials too, stays until the connection ends, its place is taken, or another of its heads is kept.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::Noted;
use crate::head::{Section, Underscores};

/// So many heads are kept, of 3 KiB as a rule and less than 16 KiB each. Connections beyond that share places.
const PLACES: usize = 1024;

/// The bytes of fields that are kept at the most.
const LONGEST: usize = 4096;

/// The fields that are kept at the most: each takes some 100 bytes beside its own.
const MOST: usize = 48;

/// Fewer fields are read as quickly.
const FEWEST: usize = 3;

/// So many fields may have other values, such as a date, a length or a trace; with more, all are read.
const AMENDED: usize = 4;

/// A head is kept after this many misses in a row: 2 at first, twice as many each time that it was kept in vain, 64 at most.
const PATIENCE: std::ops::RangeInclusive<u8> = 2..=64;

/// The heads of a worker's connections.
#[derive(Debug, Default)]
pub(crate) struct HeadCache(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    connections: u64,
    places: Vec<Option<Box<Entry>>>,
}

#[derive(Debug)]
struct Entry {
    /// The connection.
    owner: u64,
    /// The lines of the fields, in memory of their own.
    lines: Section,
    fields: HeaderMap,
    noted: Noted,
}

impl HeadCache {
    /// What a new connection goes by here.
    pub(crate) fn join(&self) -> Member {
        let mut entries = self.0.lock();
        entries.connections += 1;
        Member { owner: entries.connections, misses: 0, patience: *PATIENCE.start() }
    }

    /// Forgets the head of a connection.
    pub(crate) fn leave(&self, member: &Member) {
        let mut entries = self.0.lock();
        if let Some(place) = entries.places.get_mut(member.place()).filter(|place| member.owns(place)) {
            *place = None;
        }
    }
}

/// A connection, as a [`HeadCache`] knows it.
#[derive(Debug)]
pub(crate) struct Member {
    owner: u64,
    /// The heads that could have been kept since the last one that was found or kept.
    misses: u8,
    patience: u8,
}

impl Member {
    /// If `bytes` begin with the lines of the last head, up to the blank one: how many bytes those are, and what they mean.
    pub(crate) fn recall(&mut self, cache: &HeadCache, bytes: &[u8]) -> Option<(usize, HeaderMap, Noted)> {
        let entries = cache.0.lock();
        let entry = self.entry(&entries)?;
        let lines = entry.lines.bytes();
        let found = bytes.starts_with(lines).then(|| (lines.len(), entry.fields.clone(), entry.noted))?;
        self.found();
        Some(found)
    }

    /// What the fields of `head` mean, if it differs from the last one in a few values only.
    pub(crate) fn amend(
        &mut self,
        cache: &HeadCache,
        head: &Section,
        underscores: Underscores,
    ) -> Option<(HeaderMap, Noted)> {
        let entries = cache.0.lock();
        let entry = self.entry(&entries)?;
        if head.count() != entry.lines.count() + 1 {
            return None;
        }
        let mut others = SmallVec::<[usize; AMENDED]>::new();
        for at in 0..entry.lines.count() {
            if head.line(at + 1) != entry.lines.line(at) {
                if others.len() == AMENDED {
                    return None;
                }
                others.push(at);
            }
        }
        let mut changes = SmallVec::<[(&HeaderName, HeaderValue); AMENDED]>::new();
        for at in others {
            // What is wrong with it is said by who reads all.
            let (name, value) = head.field(at + 1, underscores, &mut Noted::default()).ok()??;
            changes.push((entry.fields.keys().nth(at).filter(|known| **known == name)?, value));
        }
        let mut fields = entry.fields.clone();
        changes.into_iter().for_each(|(name, value)| drop(fields.insert(name, value)));
        self.found();
        Some((fields, entry.noted))
    }

    /// A head had to be read. Keeps it, if that is worth it by now.
    pub(crate) fn missed(
        &mut self,
        cache: &HeadCache,
        head: &Section,
        fields: &HeaderMap,
        underscores: Underscores,
    ) {
        let lines = head.count().saturating_sub(1);
        // Each line has to be the one field of its name, in its order.
        let plain = fields.len() == lines && fields.keys_len() == lines;
        if !(FEWEST..=MOST).contains(&lines) || !plain || head.bytes().len() > LONGEST {
            return;
        }
        self.misses += 1;
        if self.misses < self.patience {
            return;
        }
        self.misses = 0;
        self.patience = PATIENCE.end().min(&self.patience.saturating_mul(2)).to_owned();
        let lines = head.copy_of_fields();
        let Ok((fields, noted)) = lines.read(0, usize::MAX, underscores) else { return };
        let mut entries = cache.0.lock();
        let place = self.place();
        if entries.places.len() <= place {
            entries.places.resize_with(place + 1, || None);
        }
        entries.places[place] = Some(Box::new(Entry { owner: self.owner, lines, fields, noted }));
    }

    fn found(&mut self) {
        (self.misses, self.patience) = (0, *PATIENCE.start());
    }

    fn place(&self) -> usize {
        (self.owner % PLACES as u64) as usize
    }

    fn owns(&self, place: &Option<Box<Entry>>) -> bool {
        place.as_ref().is_some_and(|entry| entry.owner == self.owner)
    }

    fn entry<'e>(&self, entries: &'e Entries) -> Option<&'e Entry> {
        entries.places.get(self.place())?.as_deref().filter(|entry| entry.owner == self.owner)
    }
}

#[cfg(test)]
impl HeadCache {
    /// The lines of the heads that it has.
    pub(crate) fn kept(&self) -> Vec<Vec<u8>> {
        self.0.lock().places.iter().flatten().map(|entry| entry.lines.bytes().to_vec()).collect()
    }
}
