//! Where request threads leave their spans and the pipeline's thread fetches them.

use std::sync::{OnceLock, PoisonError, TryLockError};

use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::SpanData;

use crate::codec;
use crate::sync::{
    AtomicBool, AtomicU64, Mutex, MutexGuard, Ordering, Thread, current, thread_number, yield_now,
};

/// A slot this full wakes the pipeline's thread before its next round.
const WAKE_AT_BYTES: usize = 1024 * 1024;

/// Part of a slot that only spans with error status may fill, as 1/n of it.
const RESERVED_FOR_ERRORS: usize = 8;

/// What an empty slot takes even where its share of the capacity is smaller.
const OVERSIZE: usize = 1024 * 1024;

/// How often a span is offered to the slots while other threads hold all of them.
const ATTEMPTS: usize = 4;

/// Memory that a slot keeps after a burst.
const KEEP_BYTES: usize = 512 * 1024;

/// A few byte buffers, each behind a lock that a request thread takes only when it is
/// free.
///
/// A request thread writes to "its" slot; where that is being emptied, or where another
/// thread that shares it is just writing, to the next one; where all are in use it yields a
/// few times and then drops. So it never waits for long. The
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

impl Handover {
    /// `capacity_bytes` is the most that all slots together hold.
    pub(crate) fn new(capacity_bytes: usize) -> Self {
        let threads = std::thread::available_parallelism().map_or(4, usize::from);
        Self::with_slots((threads * 2).clamp(4, 64), capacity_bytes)
    }

    pub(crate) fn with_slots(count: usize, capacity_bytes: usize) -> Self {
        Self {
            slots: (0..count).map(|_| Slot::default()).collect(),
            slot_bytes: (capacity_bytes / count).max(1),
            asleep: AtomicBool::new(false),
            reader: OnceLock::new(),
            dropped: AtomicU64::new(0),
        }
    }

    /// Takes a span over, or drops and counts it where every slot is full, or in use by others.
    pub(crate) fn put(&self, span: &SpanData) {
        let thread = thread_number();
        let limit = match span.status {
            Status::Error { .. } => self.slot_bytes,
            _ => self.slot_bytes - self.slot_bytes / RESERVED_FOR_ERRORS,
        };
        // What the span takes, once it has been written somewhere.
        let mut size = 0;
        for attempt in 0..ATTEMPTS {
            let mut all_in_use = true;
            for step in 0..self.slots.len() {
                let at = (thread + step) % self.slots.len();
                let Some(mut buffer) = self.slots.get(at).and_then(try_lock) else {
                    continue;
                };
                all_in_use = false;
                if let Some(filled) = write_within(span, &mut buffer, limit, &mut size) {
                    drop(buffer);
                    self.wake_if_needed(filled);
                    return;
                }
            }
            if !all_in_use {
                break;
            }
            // Their holders write one span each: they are done in no time.
            if attempt + 1 < ATTEMPTS {
                yield_now();
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
        let _ = self.reader.set(current());
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

    /// Ends the sleep; true where nobody had woken the pipeline's thread.
    pub(crate) fn stop_sleeping(&self) -> bool {
        self.asleep.swap(false, Ordering::AcqRel)
    }

    /// Fetches what has come in since the last call: `each` gets one slot's bytes at a time.
    pub(crate) fn fetch(&self, spare: &mut Vec<u8>, mut each: impl FnMut(&[u8])) {
        for slot in &self.slots {
            spare.clear();
            spare.shrink_to(KEEP_BYTES);
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

/// The slot, unless somebody else has it just now.
fn try_lock(slot: &Slot) -> Option<MutexGuard<'_, Vec<u8>>> {
    match slot.0.try_lock() {
        Ok(buffer) => Some(buffer),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Writes the span and returns how full the buffer is, or leaves the buffer as it was.
///
/// An empty buffer takes a span that is larger than `limit`, up to [`OVERSIZE`]: how large a
/// span may be must not depend on the number of cores. `size` is what the span takes, where
/// that is known already, and tells it where not.
fn write_within(
    span: &SpanData,
    buffer: &mut Vec<u8>,
    limit: usize,
    size: &mut usize,
) -> Option<usize> {
    let before = buffer.len();
    let limit = if before == 0 {
        limit.max(OVERSIZE)
    } else {
        limit
    };
    if before + *size > limit {
        return None;
    }
    codec::write(span, buffer);
    *size = buffer.len() - before;
    if buffer.len() > limit {
        buffer.truncate(before);
        return None;
    }
    Some(buffer.len())
}
