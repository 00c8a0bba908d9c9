//! The pipeline's own thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError};
use std::time::{Duration, Instant};

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;

use crate::codec;
use crate::context_attributes::{Unpacker, keep_last};
use crate::handover::Handover;
use crate::keep::Buffer;
use crate::stats::{Counters, add};
use crate::{Scrub, SpanSink};

/// Pause between two rounds while spans come in: what a span waits at most before the sinks
/// have it, and how often a busy process wakes this thread.
const ROUND: Duration = Duration::from_millis(20);

/// How long the sinks have when the processor is dropped without a shutdown.
const UNANNOUNCED_END: Duration = Duration::from_millis(500);

/// What the processor asks of its thread.
pub(crate) enum Command {
    Resource(Resource),
    Flush(Instant, SyncSender<bool>),
    Shutdown(Instant, SyncSender<bool>),
}

pub(crate) struct Worker {
    pub(crate) handover: Arc<Handover>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) commands: Receiver<Command>,
    pub(crate) scrubs: Vec<Box<dyn Scrub>>,
    pub(crate) sinks: Vec<Box<dyn SpanSink>>,
    pub(crate) keep: Option<Buffer>,
    /// What the keep buffer has let through.
    pub(crate) ready: Vec<SpanData>,
    pub(crate) unpacker: Unpacker,
    pub(crate) names: codec::Names,
    pub(crate) spare: Vec<u8>,
    pub(crate) batch: Vec<Arc<SpanData>>,
}

impl Worker {
    /// Runs until it is told to shut down, or its processor is gone.
    pub(crate) fn run(mut self) {
        // What sinks do here must not come back as spans.
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        self.handover.read_by_this_thread();
        let mut slept = false;
        while self.obey() {
            if slept {
                // The first span of many has come in: let them come, and leave the
                // processor to those who make them.
                std::thread::park_timeout(ROUND);
                if !self.obey() {
                    return;
                }
            }
            let moved = self.round();
            let due = self.tick();
            // A sink may have parked this thread and so eaten a command's wake-up.
            if !self.obey() {
                return;
            }
            slept = self.rest(moved, due);
        }
    }

    /// Does what the processor asks; false at the end.
    fn obey(&mut self) -> bool {
        loop {
            match self.commands.try_recv() {
                Ok(Command::Resource(resource)) => {
                    self.each_sink(|sink| sink.set_resource(&resource));
                }
                Ok(Command::Flush(deadline, done)) => {
                    self.round();
                    self.release(Buffer::ended);
                    // The asker may have given up waiting: then nobody needs the answer.
                    let _ = done.send(self.finish(|sink| sink.flush(deadline)));
                }
                Ok(Command::Shutdown(deadline, done)) => {
                    self.round();
                    self.release(Buffer::all);
                    let _ = done.send(self.finish(|sink| sink.shutdown(deadline)));
                    return false;
                }
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => {
                    self.round();
                    self.release(Buffer::all);
                    let deadline = Instant::now() + UNANNOUNCED_END;
                    self.finish(|sink| sink.shutdown(deadline));
                    return false;
                }
            }
        }
    }

    /// Calls the clocks of the keep buffer and the sinks; returns how long until the first is due
    /// again.
    fn tick(&mut self) -> Option<Duration> {
        self.release(Buffer::due);
        let now = Instant::now();
        let mut due = self.keep.as_ref().and_then(Buffer::next_due);
        self.each_sink(|sink| {
            due = match (due, sink.tick(now)) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        });
        due.map(|at| at.saturating_duration_since(now))
    }

    /// Rests: a round where spans came in, else until somebody or a sink's clock wakes it.
    /// Tells whether it was woken from sleep by others.
    fn rest(&self, moved: usize, due: Option<Duration>) -> bool {
        if moved > 0 {
            std::thread::park_timeout(due.map_or(ROUND, |due| due.min(ROUND)));
            return false;
        }
        if !self.handover.sleep() {
            return true;
        }
        match due {
            Some(due) => std::thread::park_timeout(due.max(Duration::from_millis(1))),
            None => std::thread::park(),
        }
        !self.handover.stop_sleeping()
    }

    /// Fetches, unpacks, scrubs and hands on what has come in; returns how many spans.
    fn round(&mut self) -> usize {
        let mut moved = 0;
        let handover = Arc::clone(&self.handover);
        let mut spare = std::mem::take(&mut self.spare);
        let now = Instant::now();
        handover.fetch(&mut spare, |mut bytes| {
            while let Some(span) = codec::read(&mut bytes, &mut self.names) {
                moved += 1;
                match &mut self.keep {
                    Some(keep) => keep.add(span, now, &mut self.ready),
                    None => self.ready.push(span),
                }
                self.clean();
            }
            self.hand_on();
        });
        self.spare = spare;
        moved
    }

    /// Lets the keep buffer release spans, and hands them on.
    fn release(&mut self, which: impl FnOnce(&mut Buffer, Instant, &mut Vec<SpanData>)) {
        if let Some(keep) = &mut self.keep {
            which(keep, Instant::now(), &mut self.ready);
            self.clean();
            self.hand_on();
        }
    }

    /// Cleans what is ready, for the next batch.
    fn clean(&mut self) {
        let mut ready = std::mem::take(&mut self.ready);
        for span in ready.drain(..) {
            if let Some(span) = self.scrubbed(span) {
                self.batch.push(Arc::new(span));
            }
        }
        self.ready = ready;
    }

    /// Gives the batch to the sinks.
    fn hand_on(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        self.each_sink(|sink| sink.accept(&batch));
        add(&self.counters.delivered, batch.len());
        self.batch = batch;
        self.batch.clear();
    }

    /// The span as it may leave, or nothing where cleaning it failed.
    fn scrubbed(&mut self, mut span: SpanData) -> Option<SpanData> {
        let scrubs = &mut self.scrubs;
        let (unpacker, names) = (&mut self.unpacker, &mut self.names);
        let clean = catch_unwind(AssertUnwindSafe(|| {
            let inherited = unpacker.take(&mut span, names, |attributes| {
                let mut scrubs = scrubs.iter_mut();
                scrubs.all(|scrub| scrub.scrub_inherited(attributes))
            });
            let (before, after) = match inherited {
                Some(all) if all.clean => (None, Some(all)),
                other => (other, None),
            };
            if let Some(inherited) = before {
                inherited.add_to(&mut span);
            }
            keep_last(&mut span.attributes);
            scrubs.iter_mut().for_each(|scrub| scrub.scrub(&mut span));
            if let Some(inherited) = after {
                inherited.add_to(&mut span);
            }
        }));
        if clean.is_err() {
            add(&self.counters.dropped_scrub, 1);
            return None;
        }
        Some(span)
    }

    /// Calls every sink; one that panics is taken out.
    fn each_sink(&mut self, mut call: impl FnMut(&mut dyn SpanSink)) {
        let counters = &self.counters;
        self.sinks.retain_mut(|sink| {
            let name = sink.name();
            let fine = catch_unwind(AssertUnwindSafe(|| call(sink.as_mut()))).is_ok();
            if !fine {
                tracing::error!(sink = name, "a sink panicked and gets no more spans");
                add(&counters.failed_sinks, 1);
            }
            fine
        });
    }

    /// Runs the sinks' endings side by side, so that one that hangs until its deadline
    /// takes no time from the others. The first one's runs on this thread: its memory is
    /// freed where it came from.
    fn finish(&mut self, end: impl Fn(&mut dyn SpanSink) -> bool + Sync) -> bool {
        let end = &end;
        let Some((first, others)) = self.sinks.split_first_mut() else {
            return true;
        };
        std::thread::scope(|scope| {
            let others: Vec<_> = others
                .iter_mut()
                .map(|sink| {
                    std::thread::Builder::new()
                        .name("otel-flush".to_owned())
                        .spawn_scoped(scope, move || {
                            let _suppressed = Context::enter_telemetry_suppressed_scope();
                            end(sink.as_mut())
                        })
                })
                .collect();
            let first = catch_unwind(AssertUnwindSafe(|| end(first.as_mut())));
            others
                .into_iter()
                .map(|thread| thread.is_ok_and(|thread| thread.join().unwrap_or(false)))
                .fold(first.unwrap_or(false), |all, one| all & one)
        })
    }
}
