//! What middlewares keep across reloads: by the instance's identity and by type, for as long as somebody holds it.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

type Kept = Weak<dyn Any + Send + Sync>;

/// The states of a gateway's middlewares. As large as what is in use: what nobody holds is forgotten when something
/// new is kept.
#[derive(Debug, Default)]
pub struct States(Mutex<HashMap<(Box<str>, TypeId), Kept>>);

impl States {
    /// The state of `identity`, made by `init` if nobody holds one.
    pub(crate) fn get<T: Send + Sync + 'static>(&self, identity: &str, init: impl FnOnce() -> T) -> Arc<T> {
        let key = (identity.into(), TypeId::of::<T>());
        let held = |states: &HashMap<_, Kept>| states.get(&key)?.upgrade()?.downcast::<T>().ok();
        if let Some(state) = held(&self.0.lock()) {
            return state;
        }
        // Made without the lock: it may ask for states itself. Of two that are made at once, the first is kept.
        let made = Arc::new(init());
        let mut states = self.0.lock();
        if let Some(state) = held(&states) {
            return state;
        }
        if states.len() == states.capacity() {
            states.retain(|_, state| state.strong_count() > 0);
        }
        let kept: Arc<dyn Any + Send + Sync> = Arc::clone(&made) as _;
        states.insert(key, Arc::downgrade(&kept));
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_kept_while_it_is_held_by_identity_and_type() {
        let states = States::default();
        let first = states.get("a", || 1_u32);
        assert_eq!(*states.get("a", || 2_u32), 1);
        assert_eq!(*states.get("b", || 2_u32), 2);
        assert_eq!(*states.get("a", || 3_u64), 3);
        drop(first);
        assert_eq!(*states.get("a", || 4_u32), 4);
    }

    #[test]
    fn what_nobody_holds_is_forgotten() {
        let states = States::default();
        for number in 0..1000 {
            states.get(&number.to_string(), || number);
        }
        assert!(states.0.lock().len() < 100);
    }
}
