//! The histograms of one worker under one series, made when a combination of labels first occurs.
//!
//! Invariants: cells are only ever appended, so that a reader needs no lock; whoever looks up a key gets the one cell
//! that has it. The number of cells is bounded by the number of keys, which come from bounded labels only.

use std::sync::OnceLock;

use super::histogram::Histogram;

/// A list of cells. The lookup compares keys one after another: a route sees a handful, the commonest first.
pub(crate) struct Cells<K>(OnceLock<Box<Cell<K>>>);

/// In lines of its own, since another worker's cells may be its neighbours on the heap; what a quick request touches is
/// in the first.
#[repr(C, align(64))]
struct Cell<K> {
    key: K,
    next: Cells<K>,
    histogram: Histogram,
}

impl<K> Default for Cells<K> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<K: Copy + PartialEq> Cells<K> {
    /// The cell of `key`, made now if there is none.
    pub(crate) fn get(&self, key: K) -> &Histogram {
        let mut cells = self;
        loop {
            // The one allocation: at the first occurrence of a key on this worker.
            let cell = cells.0.get_or_init(|| {
                Box::new(Cell { key, next: Self::default(), histogram: Histogram::default() })
            });
            if cell.key == key {
                return &cell.histogram;
            }
            cells = &cell.next;
        }
    }

    /// All cells, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, &Histogram)> {
        std::iter::successors(self.0.get(), |cell| cell.next.0.get()).map(|cell| (cell.key, &cell.histogram))
    }
}

impl<K> Drop for Cells<K> {
    fn drop(&mut self) {
        // One after another: a long list dropped from within itself would use a stack frame per cell.
        let mut next = self.0.take();
        while let Some(mut cell) = next {
            next = cell.next.0.take();
        }
    }
}
