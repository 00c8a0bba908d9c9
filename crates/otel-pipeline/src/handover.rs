//! Where request threads leave their spans and the pipeline's thread fetches them.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::thread::Thread;

use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::SpanData;

use crate::codec;

/// A slot this full wakes the pipeline's thread before its next round.
const WAKE_AT_BYTES: usize = 256 * 1024;

/// Part of a slot that only spans with error status may fill, as 1/n of it.
const RESERVED_FOR_ERRORS: usize = 8;

/// A few byte buffers, each behind a lock that a request thread takes only when it is
/// free.
///
/// A request thread writes to "its" slot; where that is being emptied, or where another
/// thread that shares it is just writing, to the next one. So it never waits. The
/// pipeline's thread swaps a full buffer for an empty one, which is all it ever does
/// under the lock.
#[derive(Debug)]
pub(crate) struct Handover {
    slots: Box<[Slot]>,
    slot_bytes: usize,
    /// The pipeline's thread sleeps until somebody wakes it.
    asleep: AtomicBool,
    reader: OnceLock<Thread>,
    dropped: AtomicU64,
}

/// Aligned so that two slots never share a cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Slot(Mutex<Vec<u8>>);

/// Numbers threads in the order in which they first end a span.
static NEXT_THREAD: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static THREAD: Cell<Option<usize>> = const { Cell::new(None) };
}

impl Handover {
    /// `capacity_bytes` is the most that all slots together hold.
    pub(crate) fn new(capacity_bytes: usize) -> Self {
        let threads = std::thread::available_parallelism().map_or(4, usize::from);
        let count = (threads * 2).clamp(4, 64);
        Self {
            slots: (0..count).map(|_| Slot::default()).collect(),
            slot_bytes: (capacity_bytes / count).max(1),
            asleep: AtomicBool::new(false),
            reader: OnceLock::new(),
            dropped: AtomicU64::new(0),
        }
    }

    /// Takes a span over, or drops and counts it where every slot is full or in use.
    pub(crate) fn put(&self, span: &SpanData) {
        // A thread that is shutting down has lost its number; any slot will do.
        let thread = THREAD
            .try_with(|cell| {
                cell.get().unwrap_or_else(|| {
                    let number = NEXT_THREAD.fetch_add(1, Ordering::Relaxed);
                    cell.set(Some(number));
                    number
                })
            })
            .unwrap_or_default();
        let limit = match span.status {
            Status::Error { .. } => self.slot_bytes,
            _ => self.slot_bytes - self.slot_bytes / RESERVED_FOR_ERRORS,
        };
        for step in 0..self.slots.len() {
            let at = (thread + step) % self.slots.len();
            let Some(slot) = self.slots.get(at) else {
                break;
            };
            let mut buffer = match slot.0.try_lock() {
                Ok(buffer) => buffer,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => continue,
            };
            if let Some(filled) = write_within(span, &mut buffer, limit) {
                drop(buffer);
                self.wake_if_needed(filled);
                return;
            }
        }
        self.dropped.fetch_add(1, Ordering::Relaxed);
        self.wake();
    }

    fn wake_if_needed(&self, filled: usize) {
        // The slot's lock orders this load after the store in `sleep`: see there.
        if filled >= WAKE_AT_BYTES.min(self.slot_bytes / 2) || self.asleep.load(Ordering::Relaxed) {
            self.wake();
        }
    }

    /// Wakes the pipeline's thread if it sleeps without a limit or is due anyway.
    pub(crate) fn wake(&self) {
        self.asleep.store(false, Ordering::Release);
        if let Some(reader) = self.reader.get() {
            reader.unpark();
        }
    }

    /// Names the calling thread as the one to wake.
    pub(crate) fn read_by_this_thread(&self) {
        // A second reader never exists: only the worker calls this, once.
        let _ = self.reader.set(std::thread::current());
    }

    /// Announces that the pipeline's thread is about to sleep until it is woken.
    /// Returns false where something has come in meanwhile.
    ///
    /// No wake-up is lost: a writer that leaves its slot before this looks into it is
    /// seen here, and one that takes the slot's lock afterwards sees `asleep`.
    pub(crate) fn sleep(&self) -> bool {
        self.asleep.store(true, Ordering::Release);
        let empty = self.slots.iter().all(|slot| lock(slot).is_empty());
        if !empty {
            self.asleep.store(false, Ordering::Release);
        }
        empty
    }

    /// Fetches what has come in since the last call: `each` gets one slot's bytes at a time.
    pub(crate) fn fetch(&self, spare: &mut Vec<u8>, mut each: impl FnMut(&[u8])) {
        for slot in &self.slots {
            spare.clear();
            {
                let mut buffer = lock(slot);
                if buffer.is_empty() {
                    continue;
                }
                std::mem::swap(&mut *buffer, spare);
            }
            each(spare);
        }
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

fn lock(slot: &Slot) -> MutexGuard<'_, Vec<u8>> {
    slot.0.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes the span and returns how full the buffer is, or leaves the buffer as it was.
fn write_within(span: &SpanData, buffer: &mut Vec<u8>, limit: usize) -> Option<usize> {
    let before = buffer.len();
    if before >= limit {
        return None;
    }
    codec::write(span, buffer);
    if buffer.len() > limit {
        buffer.truncate(before);
        return None;
    }
    Some(buffer.len())
}
