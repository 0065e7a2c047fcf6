//! mimalloc as the allocator of the process: the `mimalloc` crate, but for what it asks of mimalloc.
//!
//! That crate asks for an alignment with every allocation, and mimalloc then takes a slower way for most sizes that are
//! no power of two: it makes the block larger, and looks for its beginning when it is freed. What mimalloc aligns by
//! itself needs not be asked for. This is the only crate with unsafe code (docs/decisions/0008-an-allocator-shim.md).

use std::alloc::{GlobalAlloc, Layout};

use libmimalloc_sys::{
    mi_collect, mi_free, mi_malloc, mi_malloc_aligned, mi_realloc, mi_realloc_aligned, mi_zalloc,
    mi_zalloc_aligned,
};

/// What every block of mimalloc is aligned to (`MI_MAX_ALIGN_SIZE`, C's `max_align_t`), unless it is smaller.
const NATURAL: usize = 16;

/// mimalloc, for `#[global_allocator]`.
#[derive(Clone, Copy, Debug)]
pub struct Allocator;

/// Gives free memory back to the system, of this thread's heap and of what all threads share: for after much was freed at
/// once. mimalloc does so by itself a second later, but only as far as it is asked for more. Takes milliseconds.
pub fn collect() {
    // SAFETY: it has no preconditions, and blocks in use stay as they are.
    unsafe { mi_collect(true) }
}

/// Whether a block of this size has this alignment without being asked. Blocks are of a word at the least.
const fn is_natural(size: usize, align: usize) -> bool {
    align <= size_of::<usize>() || (align <= NATURAL && size >= align)
}

// SAFETY: the blocks are mimalloc's, which no two callers share until they are freed; null says that there is no memory.
// They are as large as was asked for, and aligned as was asked for: by `is_natural`, or by mimalloc. All of it goes
// back by `mi_free`, which takes blocks of either kind.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: any size is allowed, and the alignment of a layout is a power of two.
        unsafe { if is_natural(size, align) { mi_malloc(size) } else { mi_malloc_aligned(size, align) } }
            .cast()
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: as in `alloc`.
        unsafe { if is_natural(size, align) { mi_zalloc(size) } else { mi_zalloc_aligned(size, align) } }
            .cast()
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: the caller has it from one of the others, and frees it once.
        unsafe { mi_free(block.cast()) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let (block, align) = (block.cast(), layout.align());
        // SAFETY: as in `dealloc`, and as in `alloc` for the new size. mimalloc keeps what the old block held.
        unsafe {
            if is_natural(size, align) {
                mi_realloc(block, size)
            } else {
                mi_realloc_aligned(block, size, align)
            }
        }
        .cast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every way to get a block, with what it has to hold.
    #[test]
    fn blocks_are_aligned_and_keep_what_they_hold() {
        for align in (0..=12).map(|bits| 1 << bits) {
            for size in (1..200).chain([255, 256, 1000, 1024, 1025, 4096, 5000, 70_000, 3 << 20]) {
                let layout = Layout::from_size_align(size, align).unwrap();
                // SAFETY: sizes are not zero, and each block is freed once with the layout that it has by then.
                unsafe {
                    let zeroed = Allocator.alloc_zeroed(layout);
                    let block = Allocator.alloc(layout);
                    for block in [zeroed, block] {
                        assert!(!block.is_null() && block.addr().is_multiple_of(align), "{layout:?}");
                    }
                    assert!(std::slice::from_raw_parts(zeroed, size).iter().all(|byte| *byte == 0));
                    block.write_bytes(7, size);
                    for other in [1, size / 2 + 1, size * 3 + 1] {
                        let kept = size.min(other);
                        let copy = Allocator.alloc(layout);
                        copy.copy_from_nonoverlapping(block, size);
                        let moved = Allocator.realloc(copy, layout, other);
                        assert!(
                            !moved.is_null() && moved.addr().is_multiple_of(align),
                            "{layout:?} to {other}"
                        );
                        assert!(std::slice::from_raw_parts(moved, kept).iter().all(|byte| *byte == 7));
                        Allocator.dealloc(moved, Layout::from_size_align(other, align).unwrap());
                    }
                    Allocator.dealloc(zeroed, layout);
                    Allocator.dealloc(block, layout);
                }
            }
        }
    }
}
