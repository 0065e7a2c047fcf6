//! One piece of state per worker, each in its own cache lines.
//!
//! Invariant: a worker index beyond the end wraps around; the counts stay right, only the line is shared.

use crossbeam_utils::CachePadded;

pub(crate) struct Shards<T>(Box<[CachePadded<T>]>);

impl<T> Shards<T> {
    /// `count` shards, at least one.
    pub(crate) fn new(count: usize, make: impl Fn() -> T) -> Self {
        Self((0..count.max(1)).map(|_| CachePadded::new(make())).collect())
    }

    /// The shard of `worker`.
    pub(crate) fn of(&self, worker: usize) -> &T {
        // A worker's index is below the length in practice, and a division costs more than all that follows.
        let index = if worker < self.0.len() { worker } else { worker % self.0.len() };
        &self.0[index]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|shard| &**shard)
    }
}
