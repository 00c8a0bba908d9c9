//! What the hand-over synchronises with.
//!
//! Kept apart so that `tests/handover_model.rs` can build the hand-over with loom's types in place of the standard
//! library's, and run it through every order of its steps.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard};
pub(crate) use std::thread::{Thread, current, yield_now};

use std::cell::Cell;
use std::sync::atomic::AtomicUsize;

/// Numbers threads in the order in which they first end a span.
static NEXT_THREAD: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static THREAD: Cell<Option<usize>> = const { Cell::new(None) };
}

/// The number of the calling thread. One that is shutting down has lost its own and gets 0.
pub(crate) fn thread_number() -> usize {
    let number = |cell: &Cell<Option<usize>>| {
        cell.get().unwrap_or_else(|| {
            let number = NEXT_THREAD.fetch_add(1, Ordering::Relaxed);
            cell.set(Some(number));
            number
        })
    };
    THREAD.try_with(number).unwrap_or_default()
}
