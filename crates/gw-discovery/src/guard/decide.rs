//! Which instances to believe in: a pure function of those believed before, those listed now, and the time.
//!
//! - What is listed is present, at once.
//! - What is listed as unhealthy is gone, at once.
//! - What vanished is gone at once, unless the drop is doubtful: then it is held.
//! - What is held stays so until it is listed (either way) or its time is over; nothing makes that time longer.
//!
//! An instance whose endpoints are listed under another id has been replaced, and has not vanished.

use std::collections::HashSet;
use std::time::Instant;

use super::GuardOptions;
use crate::{Instance, Snapshot};

/// An instance that is believed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Believed {
    pub(super) instance: Instance,
    /// Since when it has been missed, if it is held.
    pub(super) missed: Option<Instant>,
}

impl GuardOptions {
    /// Whether `listed` is to be confirmed before it is believed: most of what is known would vanish, or there is
    /// nothing at all.
    pub(super) fn is_doubtful(&self, known: &[Believed], listed: &Snapshot) -> bool {
        let nothing = listed.instances.is_empty() && listed.unhealthy.is_empty();
        nothing && known.is_empty() || self.is_drop(known, &Listed::new(listed))
    }

    /// What to believe in after `listed`.
    pub(super) fn decide(&self, known: &[Believed], listed: &Snapshot, now: Instant) -> Vec<Believed> {
        let index = Listed::new(listed);
        let hold = self.is_drop(known, &index);
        let present = listed.instances.iter().map(|instance| Believed {
            instance: Instance { held: false, ..instance.clone() },
            missed: None,
        });
        let missing = known.iter().filter(|believed| index.misses(&believed.instance));
        let held = missing.filter_map(|believed| {
            let missed = believed.missed.or(hold.then_some(now))?;
            let instance = Instance { held: true, ..believed.instance.clone() };
            (now < missed + self.hold).then_some(Believed { instance, missed: Some(missed) })
        });
        present.chain(held).collect()
    }

    /// What to believe in when there is no answer, only time that passes.
    pub(super) fn expire(&self, known: &[Believed], now: Instant) -> Vec<Believed> {
        let stays = |believed: &&Believed| believed.missed.is_none_or(|missed| now < missed + self.hold);
        known.iter().filter(stays).cloned().collect()
    }

    /// Whether something vanishes now, and with what is missed already it is too much.
    fn is_drop(&self, known: &[Believed], listed: &Listed<'_>) -> bool {
        let missing: Vec<_> = known.iter().filter(|believed| listed.misses(&believed.instance)).collect();
        if missing.iter().all(|believed| believed.missed.is_some()) {
            return false;
        }
        if listed.instances.is_empty() {
            return true;
        }
        let lost = missing.len().saturating_sub(listed.newcomers(known));
        known.len() >= self.min_instances && lost as f64 > self.max_drop_ratio * known.len() as f64
    }
}

/// A snapshot, indexed.
struct Listed<'a> {
    instances: &'a [Instance],
    ids: HashSet<&'a str>,
    endpoints: HashSet<&'a [String]>,
}

impl<'a> Listed<'a> {
    fn new(Snapshot { instances, unhealthy }: &'a Snapshot) -> Self {
        let listed = instances.iter().map(|instance| &instance.id);
        Self {
            instances,
            ids: listed.chain(&**unhealthy).map(String::as_str).collect(),
            endpoints: instances.iter().map(|instance| &*instance.endpoints).collect(),
        }
    }

    fn misses(&self, instance: &Instance) -> bool {
        !self.ids.contains(&*instance.id) && !self.endpoints.contains(&*instance.endpoints)
    }

    /// How many are listed that are not among `known`.
    fn newcomers(&self, known: &[Believed]) -> usize {
        let ids: HashSet<&str> = known.iter().map(|old| &*old.instance.id).collect();
        let endpoints: HashSet<&[String]> = known.iter().map(|old| &*old.instance.endpoints).collect();
        let is_new = |new: &&Instance| !ids.contains(&*new.id) && !endpoints.contains(&*new.endpoints);
        self.instances.iter().filter(is_new).count()
    }
}

#[cfg(test)]
mod tests;
