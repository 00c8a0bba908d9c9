//! An allocator that counts what the calling thread allocates.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ops::Sub;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether anything is counted: off while time is measured, so that a variant with many
/// allocations does not pay for the counting too.
static COUNTING: AtomicBool = AtomicBool::new(false);

thread_local! {
    // No destructor: the allocator may be called while a thread is ending.
    static OF_THREAD: Cell<Allocations> = const { Cell::new(Allocations { count: 0, bytes: 0 }) };
}

/// Allocations of one thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allocations {
    /// Calls that asked for memory: new blocks and blocks that changed their size.
    pub count: u64,
    /// Bytes asked for; of a block that grew, what it grew by.
    pub bytes: u64,
}

impl Sub for Allocations {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            count: self.count.saturating_sub(earlier.count),
            bytes: self.bytes.saturating_sub(earlier.bytes),
        }
    }
}

/// What the calling thread has allocated while counting was on.
///
/// Always nothing where the program's allocator is not a [`Counting`] one.
#[must_use]
pub fn of_this_thread() -> Allocations {
    OF_THREAD.get()
}

/// Turns counting on or off, for all threads.
pub fn count(on: bool) {
    COUNTING.store(on, Ordering::Relaxed);
}

/// Wraps an allocator and counts.
#[derive(Debug)]
pub struct Counting<A>(pub A);

#[expect(
    unsafe_code,
    reason = "an allocator is unsafe by nature; this one only passes on what it gets"
)]
// SAFETY: each method calls the inner allocator's method of the same name with the very
// arguments it got and returns its result, so the inner allocator's guarantees hold. The
// counting touches neither the memory nor the layout, does not allocate and does not panic.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Counting<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller keeps `alloc_zeroed`'s contract.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        add(new_size.saturating_sub(layout.size()));
        // SAFETY: the caller keeps `realloc`'s contract.
        unsafe { self.0.realloc(block, layout, new_size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps `dealloc`'s contract.
        unsafe { self.0.dealloc(block, layout) }
    }
}

fn add(bytes: usize) {
    if COUNTING.load(Ordering::Relaxed) {
        // A thread that is ending may have lost its counter; nobody reads it any more.
        let _ = OF_THREAD.try_with(|counter| {
            let Allocations { count, bytes: sum } = counter.get();
            counter.set(Allocations {
                count: count + 1,
                bytes: sum + bytes as u64,
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::System;

    use super::*;

    #[global_allocator]
    static ALLOCATOR: Counting<System> = Counting(System);

    /// One test for all: the switch is the process's.
    #[test]
    fn counts_blocks_and_growth_of_this_thread_while_on() {
        let before = of_this_thread();
        drop(std::hint::black_box(vec![0_u8; 10]));
        assert_eq!(of_this_thread(), before, "off");

        count(true);
        let before = of_this_thread();
        let mut block: Vec<u8> = std::hint::black_box(Vec::with_capacity(100));
        block.reserve_exact(300);
        let other = std::thread::spawn(|| drop(std::hint::black_box(vec![1_u8; 1 << 20])));
        other.join().unwrap();
        let counted = of_this_thread() - before;
        count(false);
        assert!((2..100).contains(&counted.count), "{counted:?}");
        assert!((300..100_000).contains(&counted.bytes), "{counted:?}");
    }
}
