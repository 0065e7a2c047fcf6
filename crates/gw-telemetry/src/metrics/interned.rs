//! Series by their labels, held weakly: a series is in the scrape for as long as its user holds it.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

/// Compared by whole keys, never by a hash of joined label values.
pub(crate) struct Interned<K, S>(Mutex<Map<K, S>>);

struct Map<K, S> {
    series: BTreeMap<K, Weak<S>>,
    /// The size at which the dead are cleared out, so that reloads without a scrape do not add up.
    limit: usize,
}

/// Below this many entries it is not worth looking for dead ones.
const MIN_LIMIT: usize = 64;

impl<K, S> Default for Interned<K, S> {
    fn default() -> Self {
        Self(Mutex::new(Map { series: BTreeMap::new(), limit: MIN_LIMIT }))
    }
}

impl<K: Ord, S> Interned<K, S> {
    /// The living series of `key`, or a new one.
    pub(crate) fn get(&self, key: K, make: impl FnOnce() -> S) -> Arc<S> {
        let mut map = self.0.lock();
        map.living(&key).unwrap_or_else(|| map.add(key, make))
    }

    /// As [`get`](Self::get), but none if the series is new and `max` of them live already.
    pub(crate) fn get_within(&self, max: usize, key: K, make: impl FnOnce() -> S) -> Option<Arc<S>> {
        let mut map = self.0.lock();
        if let Some(series) = map.living(&key) {
            return Some(series);
        }
        if map.series.len() >= max {
            map.forget_dead();
        }
        (map.series.len() < max).then(|| map.add(key, make))
    }

    /// All living series, in key order. Forgets the others.
    pub(crate) fn living(&self) -> Vec<Arc<S>> {
        let mut living = Vec::new();
        self.0.lock().series.retain(|_, series| {
            let series = series.upgrade();
            living.extend(series.clone());
            series.is_some()
        });
        living
    }
}

impl<K: Ord, S> Map<K, S> {
    fn living(&self, key: &K) -> Option<Arc<S>> {
        self.series.get(key).and_then(Weak::upgrade)
    }

    fn add(&mut self, key: K, make: impl FnOnce() -> S) -> Arc<S> {
        if self.series.len() >= self.limit {
            self.forget_dead();
            self.limit = MIN_LIMIT.max(self.series.len() * 2);
        }
        let series = Arc::new(make());
        self.series.insert(key, Arc::downgrade(&series));
        series
    }

    fn forget_dead(&mut self) {
        self.series.retain(|_, series| series.strong_count() > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_living_are_shared_and_the_dead_forgotten() {
        let interned = Interned::<u32, u32>::default();
        let kept = interned.get(0, || 7);
        assert!(Arc::ptr_eq(&kept, &interned.get(0, || 8)));
        for key in 1..10_000 {
            drop(interned.get(key, || key));
        }
        assert!(interned.0.lock().series.len() <= MIN_LIMIT, "entries of dropped series pile up");
        assert_eq!(interned.living(), [kept]);
        assert_eq!(interned.0.lock().series.len(), 1);
    }
}
