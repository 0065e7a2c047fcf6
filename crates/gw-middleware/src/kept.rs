//! What an instance keeps across reloads, where it depends on options: one thing for each key that is in use.
//!
//! A configuration that is refused has built its middlewares too: what serves must not lose its state by that.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

/// Things by key, each for as long as somebody holds it. As many as are in use.
#[derive(Debug)]
pub(crate) struct Kept<K, T>(Mutex<Vec<(K, Weak<T>)>>);

impl<K, T> Default for Kept<K, T> {
    fn default() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

impl<K: PartialEq, T> Kept<K, T> {
    /// The thing of a key, made by `init` if nobody holds one.
    pub(crate) fn get(&self, key: K, init: impl FnOnce() -> T) -> Arc<T> {
        let mut kept = self.0.lock();
        kept.retain(|(_, thing)| thing.strong_count() > 0);
        let mut same = kept.iter().filter(|(other, _)| *other == key);
        if let Some(thing) = same.find_map(|(_, thing)| thing.upgrade()) {
            return thing;
        }
        let thing = Arc::new(init());
        kept.push((key, Arc::downgrade(&thing)));
        thing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_kept_by_its_key_while_it_is_held() {
        let kept = Kept::default();
        let first = kept.get("a", || 1);
        assert_eq!((*kept.get("a", || 2), *kept.get("b", || 3)), (1, 3));
        drop(first);
        assert_eq!(*kept.get("a", || 4), 4, "nobody held it");
        assert_eq!(kept.0.lock().len(), 1);
    }
}
