//! The hand-over under every order of its threads' steps, by loom: the file that the crate is built from, with loom's locks
//! and atomics in place of the standard library's.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

// Lint levels of the crate hold for its own build of this file.
#[allow(dead_code, reason = "the model needs a part of it")]
#[path = "../src/handover.rs"]
mod handover;

/// As `src/sync.rs`, of loom.
mod sync {
    use std::cell::Cell;

    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use loom::sync::{Arc, Condvar};
    pub(crate) use loom::sync::{Mutex, MutexGuard};
    pub(crate) use loom::thread::yield_now;

    loom::thread_local! {
        pub(crate) static NUMBER: Cell<usize> = Cell::new(0);
        static CURRENT: Thread = Thread::default();
    }

    pub(crate) fn thread_number() -> usize {
        NUMBER.with(Cell::get)
    }

    /// What can be woken. Loom's own takes `unpark` for the end of whatever the thread waits for.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Thread(Arc<(Mutex<bool>, Condvar)>);

    pub(crate) fn current() -> Thread {
        CURRENT.with(Thread::clone)
    }

    impl Thread {
        pub(crate) fn unpark(&self) {
            *self.0.0.lock().unwrap() = true;
            self.0.1.notify_one();
        }
    }

    pub(crate) fn park() {
        let Thread(token) = current();
        let mut is_woken = token.0.lock().unwrap();
        while !*is_woken {
            is_woken = token.1.wait(is_woken).unwrap();
        }
        *is_woken = false;
    }
}

/// As `src/codec`, but only the ids: what is in a span makes no difference to threads.
mod codec {
    use opentelemetry_sdk::trace::SpanData;

    pub(crate) const SIZE: usize = 8;

    pub(crate) fn write(span: &SpanData, out: &mut Vec<u8>) {
        out.extend(span.span_context.span_id().to_bytes());
    }
}

use std::time::SystemTime;

use loom::sync::Arc;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId};
use opentelemetry_sdk::trace::SpanData;

use self::handover::Handover;

/// How often a thread is interrupted at most. Faults of such protocols show by two or three.
const PREEMPTIONS: usize = 3;

fn span(id: u64) -> SpanData {
    let trace_id = TraceId::from(1);
    SpanData {
        span_context: SpanContext::new(
            trace_id,
            SpanId::from(id),
            TraceFlags::SAMPLED,
            false,
            Default::default(),
        ),
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: "s".into(),
        start_time: SystemTime::UNIX_EPOCH,
        end_time: SystemTime::UNIX_EPOCH,
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: Default::default(),
        links: Default::default(),
        status: Status::Unset,
        instrumentation_scope: Default::default(),
    }
}

fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.check(model);
}

fn fetched(handover: &Handover, into: &mut Vec<u64>) -> bool {
    let before = into.len();
    handover.fetch(&mut Vec::new(), |bytes| {
        let ids = bytes.chunks_exact(codec::SIZE);
        into.extend(ids.map(|id| u64::from_be_bytes(id.try_into().unwrap())));
    });
    into.len() > before
}

/// What the pipeline's thread does until so many spans have come in or were counted as dropped.
fn read(handover: &Handover, spans: u64) -> Vec<u64> {
    handover.read_by_this_thread();
    let mut seen = Vec::new();
    while seen.len() as u64 + handover.dropped() < spans {
        if !fetched(handover, &mut seen) && handover.sleep() {
            // It sleeps for good where nobody wakes it: loom reports a deadlock.
            sync::park();
            handover.stop_sleeping();
        }
    }
    seen
}

fn write(
    handover: &Arc<Handover>,
    thread: usize,
    ids: &'static [u64],
) -> loom::thread::JoinHandle<()> {
    let handover = Arc::clone(handover);
    loom::thread::spawn(move || {
        sync::NUMBER.with(|number| number.set(thread));
        for id in ids {
            handover.put(&span(*id));
        }
    })
}

#[test]
fn one_writer_wakes_the_reader_for_each_span() {
    check(|| {
        let handover = Arc::new(Handover::with_slots(2, 1024));
        let writer = write(&handover, 0, &[1, 2]);
        let seen = read(&handover, 2);
        writer.join().unwrap();
        assert_eq!(seen, [1, 2], "{} dropped", handover.dropped());
    });
}

#[test]
fn of_two_writers_that_share_a_slot_each_span_arrives_once() {
    check(|| {
        let handover = Arc::new(Handover::with_slots(2, 1024));
        let writers = [write(&handover, 0, &[1]), write(&handover, 0, &[2])];
        let mut seen = read(&handover, 2);
        for writer in writers {
            writer.join().unwrap();
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len() as u64 + handover.dropped(), 2, "{seen:?}");
    });
}

#[test]
fn what_finds_no_room_is_counted_and_wakes_the_reader() {
    check(|| {
        // Room for one byte: an empty slot takes a span all the same, a second one does not fit.
        let handover = Arc::new(Handover::with_slots(1, 1));
        let writer = write(&handover, 0, &[1, 2]);
        let seen = read(&handover, 2);
        writer.join().unwrap();
        assert_eq!(seen.first(), Some(&1));
        assert_eq!(seen.len() as u64 + handover.dropped(), 2, "{seen:?}");
    });
}
